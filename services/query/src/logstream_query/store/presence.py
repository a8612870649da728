"""When there are records of a node and level at all, from the stored counts: a search skips the rest."""

from typing import Any, Final

from logstream_contract.filters.filters import Filter
from psycopg import Connection, sql

from logstream_query.questions.moments import MICROSECONDS, StoredTime
from logstream_query.questions.ranges import Range, merged
from logstream_query.store.conditions import Conditions, add_counted_filter

HOUR_S: Final = 3_600
MINUTE_S: Final = 60
# Counts that maintenance has not moved yet are in log_counts, by minute. One statement sees each count in exactly one of the
# two.
_BUCKETS: Final = sql.SQL("SELECT bucket FROM log_rollups{} UNION SELECT bucket FROM log_counts{}")


def can_tell(filter_: Filter) -> bool:
    """Whether counts can rule anything out for a filter."""
    return bool(filter_.levels or filter_.level_contains or filter_.nodes or filter_.min_severity is not None)


def present(connection: Connection, filter_: Filter, width_s: int, from_us: int, to_us: int) -> list[Range]:
    """The buckets of width_s with records of the filter's nodes and levels, matching otherwise or not, or with unnamed
    counts. Newest first.

    from_us, to_us: both included; a bucket that begins before from_us counts if any of it is later.
    """
    width_us = width_s * MICROSECONDS
    first_us = from_us // width_us * width_us
    counted = Filter(
        levels=filter_.levels,
        level_contains=filter_.level_contains,
        nodes=filter_.nodes,
        min_severity=filter_.min_severity,
    )
    rolled_up, not_yet = Conditions(), Conditions()
    rolled_up.add(sql.SQL("width_s = %s"), width_s)
    for conditions in (rolled_up, not_yet):
        conditions.add(sql.SQL("bucket >= %s AND bucket <= %s"), StoredTime(first_us), StoredTime(to_us))
        add_counted_filter(conditions, counted)
    rows: list[Any] = connection.execute(
        _BUCKETS.format(rolled_up.where(), not_yet.where()), rolled_up.values + not_yet.values, binary=True
    ).fetchall()
    starts = {bucket_us // width_us * width_us for (bucket_us,) in rows}
    return merged((start, start + width_us - 1) for start in starts)
