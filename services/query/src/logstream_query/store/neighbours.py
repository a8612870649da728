"""Finds a record by its sequence, and the records around it, through the connections of the store.

`logs` has no index by node. The stored counts tell in which minutes a node has records at all, so only those are read.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, cast

from logstream_contract.rows import SEQUENCE_INDEX_BITS
from psycopg import Connection, sql

from logstream_query.counting import MINUTE_US
from logstream_query.cursors import Order
from logstream_query.moments import MICROSECONDS, as_datetime
from logstream_query.store.aggregates import set_timeout
from logstream_query.store.database import Store, StoredRecord
from logstream_query.unavailable import StatementTimeout

_HOUR_US: Final = 60 * MINUTE_US
# Read before anything else: a node of which every 200th record is has the usual ten among them.
_NEAREST: Final = 2_000
_HOURS_AT_ONCE: Final = 100
# The counts, and the rows of the minutes that they name, must be of one moment.
_SNAPSHOT: Final = sql.SQL("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
_ORDER_BY: Final = {
    "desc": sql.SQL("ORDER BY time DESC, sequence DESC"),
    "asc": sql.SQL("ORDER BY time, sequence"),
}
# The comparison of times alone is implied; TimescaleDB leaves out chunks by it, and not by the comparison of pairs.
_BEYOND: Final = {
    "desc": sql.SQL("time <= %s AND (time, sequence) < (%s, %s)"),
    "asc": sql.SQL("time >= %s AND (time, sequence) > (%s, %s)"),
}
_COLUMNS: Final = sql.SQL("sequence, time, severity, level, node, message, attributes")
_BATCH: Final = sql.SQL("SELECT time_from, time_to FROM batches WHERE number = %s")
_RECORD: Final = sql.SQL("SELECT {columns} FROM logs WHERE time >= %s AND time <= %s AND sequence = %s LIMIT 1")
_OF_ALL: Final = sql.SQL("SELECT {columns} FROM logs WHERE {beyond} {order} LIMIT %s")
_NEAREST_OF_NODE: Final = sql.SQL(
    "SELECT {columns} FROM (SELECT * FROM logs WHERE {beyond} {order} LIMIT %s) AS nearest WHERE node = %s {order} LIMIT %s"
)
_OF_NODE: Final = sql.SQL(
    "SELECT {columns} FROM logs WHERE {beyond} AND time >= %s AND time < %s AND node = %s {order} LIMIT %s"
)
_END: Final = {
    "desc": sql.SQL("SELECT time FROM logs ORDER BY time, sequence LIMIT 1"),
    "asc": sql.SQL("SELECT time FROM logs ORDER BY time DESC, sequence DESC LIMIT 1"),
}
# One look into the index for each bucket: all nodes of a long time would take longer to read over.
_PRESENT: Final = sql.SQL(
    """
SELECT start, (rolled.count + fresh.count)::bigint
FROM generate_series(%s::timestamptz, %s::timestamptz, %s * interval '1 second') AS start,
     LATERAL (
        SELECT coalesce(sum(count), 0) AS count FROM log_rollups WHERE width_s = %s AND bucket = start AND node = %s
     ) AS rolled,
     LATERAL (
        SELECT coalesce(sum(count), 0) AS count FROM log_counts
        WHERE bucket >= start AND bucket < start + %s * interval '1 second' AND node = %s
     ) AS fresh
WHERE rolled.count + fresh.count > 0
"""
)


class Side(NamedTuple):
    """Neighbours on one side, the nearest first.

    complete: as many as asked for, or all that there are; else the budget ran out, and there may be more further away.
    """

    records: list[StoredRecord]
    complete: bool


class Neighbourhood(NamedTuple):
    record: StoredRecord
    before: Side
    after: Side


class Neighbours:
    """Like the Store, usable by many greenlets at once. budget_s: how long the neighbours on one side are looked for."""

    def __init__(self, store: Store, budget_s: float, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._budget_s = budget_s
        self._clock_s = clock_s

    def of(self, sequence: int, before: int, after: int, *, same_node: bool) -> Neighbourhood | None:
        """The record of this sequence and its neighbours; None if no such record is stored. Raises Unavailable."""
        with self._store.transaction() as connection:
            record = _record(connection, sequence)
            if record is None:
                return None
            if not same_node:
                sides = _of_all(connection, record, "desc", before), _of_all(connection, record, "asc", after)
                return Neighbourhood(record, Side(sides[0], True), Side(sides[1], True))
        return Neighbourhood(record, self._of_node(record, "desc", before), self._of_node(record, "asc", after))

    def _of_node(self, record: StoredRecord, order: Order, limit: int) -> Side:
        found: list[StoredRecord] = []
        if limit == 0:
            return Side(found, True)
        deadline_s = self._clock_s() + self._budget_s
        try:
            with self._store.transaction() as connection:
                connection.execute(_SNAPSHOT)
                set_timeout(connection, self._budget_s)
                found = _nearest_of_node(connection, record, order, limit)
                if len(found) == limit:
                    return Side(found, True)
                nearest, found = found, []
                for start_us, count in _minutes(connection, record, order):
                    left_s = deadline_s - self._clock_s()
                    if left_s <= 0:
                        return Side(max(found, nearest, key=len), False)
                    set_timeout(connection, left_s)
                    found += _in_minute(connection, record, order, start_us, min(count, limit - len(found)))
                    if len(found) == limit:
                        break
        except StatementTimeout:
            return Side(found, False)
        return Side(found, True)


def _record(connection: Connection, sequence: int) -> StoredRecord | None:
    batch = _rows(connection, _BATCH, sequence >> SEQUENCE_INDEX_BITS)
    if not batch:
        return None
    times = [as_datetime(time_us) for time_us in batch[0]]
    found = _records(connection, _RECORD.format(columns=_COLUMNS), *times, sequence)
    return found[0] if found else None


def _of_all(connection: Connection, record: StoredRecord, order: Order, limit: int) -> list[StoredRecord]:
    return _records(connection, _in_order(_OF_ALL, order), *_position(record), limit)


def _nearest_of_node(connection: Connection, record: StoredRecord, order: Order, limit: int) -> list[StoredRecord]:
    """Of the nearest records those of the same node, at most limit."""
    return _records(connection, _in_order(_NEAREST_OF_NODE, order), *_position(record), _NEAREST, record[4], limit)


def _in_minute(connection: Connection, record: StoredRecord, order: Order, start_us: int, limit: int) -> list[StoredRecord]:
    times = as_datetime(start_us), as_datetime(start_us + MINUTE_US)
    return _records(connection, _in_order(_OF_NODE, order), *_position(record), *times, record[4], limit)


def _minutes(connection: Connection, record: StoredRecord, order: Order) -> Iterator[tuple[int, int]]:
    """Start and number of records of the minutes in which the record's node has some, from its own minute on."""
    _, time_us, _, _, node, *_ = record
    step = -1 if order == "desc" else 1
    end = _rows(connection, _END[order])
    last_us = end[0][0] // _HOUR_US * _HOUR_US if end else time_us
    first_us = time_us // _HOUR_US * _HOUR_US
    while (last_us - first_us) * step >= 0:
        until_us = first_us + (_HOURS_AT_ONCE - 1) * _HOUR_US * step
        until_us = max(until_us, last_us) if step < 0 else min(until_us, last_us)
        for hour_us, _ in _present(connection, node, first_us, until_us, _HOUR_US, step):
            bounds = [hour_us, hour_us + _HOUR_US - MINUTE_US][::step]
            for minute_us, count in _present(connection, node, bounds[0], bounds[1], MINUTE_US, step):
                if (minute_us - time_us // MINUTE_US * MINUTE_US) * step >= 0:
                    yield minute_us, count
        first_us = until_us + _HOUR_US * step


def _present(
    connection: Connection, node: str, first_us: int, last_us: int, width_us: int, step: int
) -> list[tuple[int, int]]:
    """Start and number of records of the buckets from first to last in which the node has some, in this order."""
    width_s = width_us // MICROSECONDS
    values = (as_datetime(first_us), as_datetime(last_us), step * width_s, width_s, node, width_s, node)
    return sorted(_rows(connection, _PRESENT, *values), reverse=step < 0)


def _in_order(query: sql.SQL, order: Order) -> sql.Composed:
    return query.format(columns=_COLUMNS, beyond=_BEYOND[order], order=_ORDER_BY[order])


def _position(record: StoredRecord) -> tuple[object, ...]:
    time = as_datetime(record[1])
    return time, time, record[0]


def _records(connection: Connection, query: sql.SQL | sql.Composed, *values: object) -> list[StoredRecord]:
    return cast(list[StoredRecord], _rows(connection, query, *values))


def _rows(connection: Connection, query: sql.SQL | sql.Composed, *values: object) -> list[tuple[Any, ...]]:
    return connection.execute(query, values, binary=True).fetchall()
