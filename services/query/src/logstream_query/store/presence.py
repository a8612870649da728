"""When records of a node and level came at all, from the stored counts: a search skips the rest."""

from typing import Any, Final

from logstream_contract.filters.filters import Filter
from psycopg import Connection, sql

from logstream_query.moments import StoredTime
from logstream_query.ranges import Range, merged
from logstream_query.store.conditions import Conditions, add_counted_filter

HOUR_S: Final = 3_600
MINUTE_S: Final = 60
_MICROSECONDS: Final = 1_000_000
# What maintenance hasn't moved yet is in log_counts, by minute; one statement sees each count in exactly one of the two.
_BUCKETS: Final = sql.SQL("SELECT bucket FROM log_rollups{} UNION SELECT bucket FROM log_counts{}")


def can_tell(wanted: Filter) -> bool:
    """Whether counts can tell anything about a filter."""
    return bool(wanted.levels or wanted.level_contains or wanted.nodes or wanted.min_severity is not None)


def present(connection: Connection, wanted: Filter, width_s: int, from_us: int, to_us: int) -> list[Range]:
    """Newest first, the buckets of width_s that hold records of the filter's nodes and levels, whatever their text, or whose
    counts don't name all.

    from_us, to_us: both included; a bucket that begins before from_us counts if any of it is later.
    """
    width_us = width_s * _MICROSECONDS
    first_us = from_us // width_us * width_us
    counted = Filter(
        levels=wanted.levels,
        level_contains=wanted.level_contains,
        nodes=wanted.nodes,
        min_severity=wanted.min_severity,
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
