"""SQL for the questions, composed but not executed. Every value goes in as a parameter; columns and operators stand here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from logstream_contract.filters.filters import Filter
from psycopg import sql

from logstream_query.cursors import Order, Position
from logstream_query.moments import StoredTime
from logstream_query.ranges import Range
from logstream_query.store.conditions import Conditions, add_filter

# sequence, time in microseconds since the epoch, severity, level, node, message, attributes: as
# logstream_contract.rows.records.record takes them.
StoredRecord = tuple[int, int, int, str, str, str, Mapping[str, str] | None]

# The order is that of StoredRecord. A record that is larger than its share comes without its message, and has in place of
# its attributes how large it is at least; the database need not even read such values. How large a compressed one is nobody
# knows unread. JSON may take six bytes for one of an attribute, so attributes have a sixth of the share.
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
# The comparison of times alone is implied; TimescaleDB leaves out chunks by it, and not by the comparison of pairs.
_AFTER: Final = {
    "desc": sql.SQL("time <= %s AND (time, sequence) < (%s, %s)"),
    "asc": sql.SQL("time >= %s AND (time, sequence) > (%s, %s)"),
}
# For ranges that don't reach over the position's time. A comparison of pairs would make the index be read from the position
# on, instead of from each range on.
_BEHIND: Final = {
    "desc": sql.SQL("(time < %s OR sequence < %s)"),
    "asc": sql.SQL("(time > %s OR sequence > %s)"),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """A query and the values of its placeholders, in order."""

    query: sql.Composed
    values: tuple[object, ...]


# As many pages ask for as many records, and texts take longer to be put together than to be looked up.
@lru_cache(maxsize=256)
def record_columns(share_bytes: int) -> sql.SQL:
    """The columns of StoredRecord, of records no larger than this; see there for larger ones. Plain numbers go in."""
    attributes_share = max(_LEAST_ATTRIBUTES_SHARE, share_bytes // _JSON_BYTES_A_BYTE)
    small = _SMALL.format(share=int(share_bytes), attributes_share=int(attributes_share))
    return sql.SQL(_RECORD.format(small=small, least_bytes=LEAST_BYTES, bytes=_BYTES))


def page(wanted: Filter, order: Order, after: Position | None, limit: int, share_bytes: int) -> Statement:
    """The first `limit` matching records after a position (or from the end of the order)."""
    conditions = _after(order, after)
    add_filter(conditions, wanted)
    return Statement(_select(share_bytes) + conditions.where() + ORDER_BY[order] + _LIMIT, (*conditions.values, limit))


def nearest(wanted: Filter, order: Order, after: Position | None, limit: int, rows: int, share_bytes: int) -> Statement:
    """As page, of the next `rows` records only, whether they match or not."""
    inner, outer = _after(order, after), Conditions()
    add_filter(inner, _times_of(wanted))
    add_filter(outer, _without_times(wanted))
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


def nearest_ends(wanted: Filter, order: Order, after: Position | None, rows: int) -> Statement:
    """Time and sequence of the first and, if there are so many, the last of the next `rows` (at least 2) records."""
    conditions = _after(order, after)
    add_filter(conditions, _times_of(wanted))
    one = sql.SQL("(SELECT time, sequence FROM logs") + conditions.where() + ORDER_BY[order]
    query = one + sql.SQL(" LIMIT 1) UNION ALL ") + one + sql.SQL(" LIMIT 1 OFFSET %s)")
    return Statement(query, (*conditions.values, *conditions.values, rows - 1))


def within(
    wanted: Filter, order: Order, ranges: Sequence[Range], after: Position | None, limit: int, share_bytes: int
) -> Statement:
    """As page, of the records of these times, which must lie within the filter's own and not reach over the position's."""
    starts = [StoredTime(one.from_us) for one in ranges]
    ends = [StoredTime(one.to_us) for one in ranges]
    conditions = Conditions()
    # Constant bounds let the planner leave out chunks; what is between the ranges is left out when the query runs.
    conditions.add(sql.SQL("time >= %s AND time <= %s"), min(starts), max(ends))
    if after is not None:
        conditions.add(_BEHIND[order], StoredTime(after.time_us), after.sequence)
    if len(ranges) == 1:
        add_filter(conditions, _without_times(wanted))
        return Statement(_select(share_bytes) + conditions.where() + ORDER_BY[order] + _LIMIT, (*conditions.values, limit))
    conditions.add(sql.SQL("time >= range.start AND time <= range.stop"))
    add_filter(conditions, _without_times(wanted))
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


def last_time(wanted: Filter, order: Order, after: Position) -> Statement:
    """The time of the last record, in this order, of the filter's times; whether it matches otherwise or not."""
    conditions = Conditions()
    conditions.add(sql.SQL("time <= %s") if order == "desc" else sql.SQL("time >= %s"), StoredTime(after.time_us))
    add_filter(conditions, _times_of(wanted))
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
        conditions.add(_AFTER[order], time, time, after.sequence)
    return conditions


def _times_of(wanted: Filter) -> Filter:
    return Filter(start_us=wanted.start_us, end_us=wanted.end_us)


def _without_times(wanted: Filter) -> Filter:
    return replace(wanted, start_us=None, end_us=None)


def batch_times(number: int) -> Statement:
    """The first and the last record time of the batch of this number."""
    return Statement(sql.Composed([sql.SQL("SELECT time_from, time_to FROM batches WHERE number = %s")]), (number,))


def record_time(sequence: int, from_us: int, to_us: int) -> Statement:
    """The time of the record of this sequence, looked for from from_us to to_us, both included."""
    query = sql.SQL("SELECT time FROM logs WHERE time >= %s AND time <= %s AND sequence = %s LIMIT 1")
    return Statement(sql.Composed([query]), (StoredTime(from_us), StoredTime(to_us), sequence))
