"""SQL for the questions, composed but not executed. Every value goes in as a parameter; columns and operators stand here."""

from dataclasses import dataclass
from typing import Final

from logstream_contract.filters import Filter
from psycopg import sql

from logstream_query.cursors import Order, Position
from logstream_query.moments import as_datetime
from logstream_query.store.conditions import Conditions, add_filter

# The order of the columns is that of logstream_query.store.StoredRecord.
_SELECT: Final = sql.SQL("SELECT sequence, time, severity, level, node, message, attributes FROM logs")
_ORDER_BY: Final = {
    "desc": sql.SQL(" ORDER BY time DESC, sequence DESC"),
    "asc": sql.SQL(" ORDER BY time, sequence"),
}
# The comparison of times alone is implied; TimescaleDB leaves out chunks by it, and not by the comparison of pairs.
_AFTER: Final = {
    "desc": sql.SQL("time <= %s AND (time, sequence) < (%s, %s)"),
    "asc": sql.SQL("time >= %s AND (time, sequence) > (%s, %s)"),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """A query and the values of its placeholders, in order."""

    query: sql.Composed
    values: tuple[object, ...]


def page(wanted: Filter, order: Order, after: Position | None, limit: int) -> Statement:
    """The first `limit` matching records after a position (or from the end of the order)."""
    conditions = Conditions()
    if after is not None:
        time = as_datetime(after.time_us)
        conditions.add(_AFTER[order], time, time, after.sequence)
    add_filter(conditions, wanted)
    return Statement(_SELECT + conditions.where() + _ORDER_BY[order] + sql.SQL(" LIMIT %s"), (*conditions.values, limit))


def batch_times(number: int) -> Statement:
    """The first and the last record time of the batch of this number."""
    return Statement(sql.Composed([sql.SQL("SELECT time_from, time_to FROM batches WHERE number = %s")]), (number,))


def record_time(sequence: int, from_us: int, to_us: int) -> Statement:
    """The time of the record of this sequence, looked for from from_us to to_us, both included."""
    query = sql.SQL("SELECT time FROM logs WHERE time >= %s AND time <= %s AND sequence = %s LIMIT 1")
    return Statement(sql.Composed([query]), (as_datetime(from_us), as_datetime(to_us), sequence))
