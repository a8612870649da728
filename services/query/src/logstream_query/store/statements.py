"""SQL statements, composed but not executed. Every value is a parameter; columns and operators are constants here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from logstream_contract.filters.filters import Filter
from psycopg import sql

from logstream_query.questions.cursors import Order, Position
from logstream_query.questions.moments import StoredTime
from logstream_query.questions.ranges import Range
from logstream_query.store.conditions import Conditions, add_filter

# In the order of StoredRecord. A record that is larger than its share is returned without its message, and with its minimum
# size instead of its attributes, so the database does not even have to read these values. The size of a compressed value is
# not known before it is read. JSON may take six bytes for one byte of an attribute, so attributes have a sixth of the share.
_RECORD: Final = """sequence, time, severity, level, node, CASE WHEN {small} THEN message END,
 CASE WHEN {small} THEN attributes ELSE jsonb_build_object('{least_bytes}', ({bytes})::text) END"""
LEAST_BYTES: Final = "least_bytes"
_BYTES: Final = "octet_length(message) + coalesce(pg_column_size(attributes), 0)"
_SMALL: Final = (
    "(attributes IS NULL AND octet_length(message) <= {share} OR pg_column_size(attributes) <= {attributes_share}"
    " AND octet_length(message) + pg_column_size(attributes) <= {share} AND pg_column_compression(attributes) IS NULL)"
)
_JSON_BYTES_A_BYTE: Final = 6
_LEAST_ATTRIBUTES_SHARE: Final = 512
_SELECT: Final = sql.SQL("SELECT ")
_FROM: Final = sql.SQL(" FROM ")
_LOGS: Final = sql.SQL("logs")
_LIMIT: Final = sql.SQL(" LIMIT %s")
ORDER_BY: Final = {
    "desc": sql.SQL(" ORDER BY time DESC, sequence DESC"),
    "asc": sql.SQL(" ORDER BY time, sequence"),
}
OLDEST: Final = sql.SQL("SELECT time FROM logs ORDER BY time, sequence LIMIT 1")
NEWEST: Final = sql.SQL("SELECT time FROM logs ORDER BY time DESC, sequence DESC LIMIT 1")
# The comparison of times alone is redundant, but TimescaleDB excludes chunks by it, and not by the comparison of pairs.
AFTER: Final = {
    "desc": sql.SQL("time <= %s AND (time, sequence) < (%s, %s)"),
    "asc": sql.SQL("time >= %s AND (time, sequence) > (%s, %s)"),
}
# For ranges that do not extend beyond the position's time. With a comparison of pairs the index would be read from the
# position on, instead of from each range on.
_BEHIND: Final = {
    "desc": sql.SQL("(time < %s OR sequence < %s)"),
    "asc": sql.SQL("(time > %s OR sequence > %s)"),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """A query and the values of its placeholders, in order."""

    query: sql.Composed
    values: tuple[object, ...]


# Many requests have the same limit, and composing the text takes longer than looking it up.
@lru_cache(maxsize=256)
def record_columns(share_bytes: int) -> sql.SQL:
    """The columns of StoredRecord, for records no larger than this; see _RECORD for larger ones. The numbers are part of
    the text."""
    attributes_share = max(_LEAST_ATTRIBUTES_SHARE, share_bytes // _JSON_BYTES_A_BYTE)
    small = _SMALL.format(share=int(share_bytes), attributes_share=int(attributes_share))
    return sql.SQL(_RECORD.format(small=small, least_bytes=LEAST_BYTES, bytes=_BYTES))


def page(filter_: Filter, order: Order, after: Position | None, limit: int, share_bytes: int) -> Statement:
    """The first `limit` matching records after a position (or from the end of the order)."""
    conditions = _after(order, after)
    add_filter(conditions, filter_)
    return Statement(_select(share_bytes) + conditions.where() + ORDER_BY[order] + _LIMIT, (*conditions.values, limit))


def nearest(filter_: Filter, order: Order, after: Position | None, limit: int, rows: int, share_bytes: int) -> Statement:
    """Like page, but only among the next `rows` records, matching or not."""
    inner, outer = _after(order, after), Conditions()
    add_filter(inner, _times_of(filter_))
    add_filter(outer, _without_times(filter_))
    query = (
        _select(share_bytes, sql.SQL("(SELECT * FROM logs"))
        + inner.where()
        + ORDER_BY[order]
        + sql.SQL(" LIMIT %s) AS nearest")
        + outer.where()
        + ORDER_BY[order]
        + _LIMIT
    )
    return Statement(query, (*inner.values, rows, *outer.values, limit))


def nearest_ends(filter_: Filter, order: Order, after: Position | None, rows: int) -> Statement:
    """Time and sequence of the first of the next `rows` (at least 2) records and, if there are that many, of the last."""
    conditions = _after(order, after)
    add_filter(conditions, _times_of(filter_))
    first = sql.SQL("(SELECT time, sequence FROM logs") + conditions.where() + ORDER_BY[order]
    query = first + sql.SQL(" LIMIT 1) UNION ALL ") + first + sql.SQL(" LIMIT 1 OFFSET %s)")
    return Statement(query, (*conditions.values, *conditions.values, rows - 1))


def within(
    filter_: Filter, order: Order, ranges: Sequence[Range], after: Position | None, limit: int, share_bytes: int
) -> Statement:
    """Like page, for these time ranges, which must lie within the filter's range and not extend beyond the position."""
    starts = [StoredTime(range_.from_us) for range_ in ranges]
    ends = [StoredTime(range_.to_us) for range_ in ranges]
    conditions = Conditions()
    # With constant bounds the planner excludes chunks; chunks between the ranges are excluded when the query runs.
    conditions.add(sql.SQL("time >= %s AND time <= %s"), min(starts), max(ends))
    if after is not None:
        conditions.add(_BEHIND[order], StoredTime(after.time_us), after.sequence)
    if len(ranges) == 1:
        add_filter(conditions, _without_times(filter_))
        return Statement(_select(share_bytes) + conditions.where() + ORDER_BY[order] + _LIMIT, (*conditions.values, limit))
    conditions.add(sql.SQL("time >= range.start AND time <= range.stop"))
    add_filter(conditions, _without_times(filter_))
    query = (
        sql.SQL("SELECT found.* FROM unnest(%b::timestamptz[], %b::timestamptz[]) AS range (start, stop), LATERAL (")
        + _select(share_bytes)
        + conditions.where()
        + ORDER_BY[order]
        + sql.SQL(" LIMIT %s) AS found")
        + ORDER_BY[order]
        + _LIMIT
    )
    return Statement(query, (starts, ends, *conditions.values, limit, limit))


def last_time(filter_: Filter, order: Order, after: Position) -> Statement:
    """The time of the last record, in this order, within the filter's time range, whether the record matches or not."""
    conditions = Conditions()
    conditions.add(sql.SQL("time <= %s") if order == "desc" else sql.SQL("time >= %s"), StoredTime(after.time_us))
    add_filter(conditions, _times_of(filter_))
    backwards = ORDER_BY["asc" if order == "desc" else "desc"]
    return Statement(
        sql.SQL("SELECT time FROM logs") + conditions.where() + backwards + sql.SQL(" LIMIT 1"), tuple(conditions.values)
    )


def _select(share_bytes: int, source: sql.SQL = _LOGS) -> sql.Composed:
    return sql.Composed([_SELECT, record_columns(share_bytes), _FROM, source])


def _after(order: Order, after: Position | None) -> Conditions:
    conditions = Conditions()
    if after is not None:
        time = StoredTime(after.time_us)
        conditions.add(AFTER[order], time, time, after.sequence)
    return conditions


def _times_of(filter_: Filter) -> Filter:
    return Filter(start_us=filter_.start_us, end_us=filter_.end_us)


def _without_times(filter_: Filter) -> Filter:
    return replace(filter_, start_us=None, end_us=None)


def batch_times(number: int) -> Statement:
    """The first and the last record time of the batch of this number."""
    return Statement(sql.Composed([sql.SQL("SELECT time_from, time_to FROM batches WHERE number = %s")]), (number,))


def record_time(sequence: int, from_us: int, to_us: int) -> Statement:
    """The time of the record with this sequence, searched from from_us to to_us, both included."""
    query = sql.SQL("SELECT time FROM logs WHERE time >= %s AND time <= %s AND sequence = %s LIMIT 1")
    return Statement(sql.Composed([query]), (StoredTime(from_us), StoredTime(to_us), sequence))
