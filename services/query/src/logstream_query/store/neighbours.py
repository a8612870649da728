"""Finds a record by its sequence, and the records around it, through the connections of the store.

`logs` has no index by node. The stored counts know in which minutes a node has records at all, so only those are read.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from logstream_contract.counted_names import OTHER
from logstream_contract.rows.rows import SEQUENCE_INDEX_BITS
from psycopg import Connection, sql

from logstream_query.questions.cursors import Order
from logstream_query.questions.moments import HOUR_US, MAX_US, MICROSECONDS, MINUTE_US, StoredTime, as_datetime
from logstream_query.store import bodies
from logstream_query.store.connections import fetch_rows
from logstream_query.store.database import Store
from logstream_query.store.room import Room
from logstream_query.store.statements import AFTER, NEWEST, OLDEST, ORDER_BY, Statement, batch_times, record_columns
from logstream_query.store.stored_record import StoredRecord
from logstream_query.unavailable import StatementTimeout

# These are read first: if every 200th record is of the node, they include the usual ten.
_NEAREST: Final = 2_000
_HOURS_AT_ONCE: Final = 100
# The most minutes in one statement: if it takes too long, its result is lost.
_MINUTES_AT_ONCE: Final = 16
_RECORD: Final = sql.SQL(
    "SELECT sequence, time, severity, level, node, message, attributes FROM logs"
    " WHERE time >= %s AND time <= %s AND sequence = %s LIMIT 1"
)
_OF_ALL: Final = sql.SQL("SELECT {columns} FROM logs WHERE {beyond}{order} LIMIT %s")
_NEAREST_OF_NODE: Final = sql.SQL(
    "SELECT {columns} FROM (SELECT * FROM logs WHERE {beyond}{order} LIMIT %s) AS nearest WHERE node = %s{order} LIMIT %s"
)
# A minute is read no further than the last of the records that it is known to hold. The bounds around all the minutes are
# redundant, but exclude chunks before the statement runs.
_OF_NODE: Final = sql.SQL(
    """
SELECT {columns} FROM unnest(%s::timestamptz[], %s::bigint[]) AS present (start, number), LATERAL (
    SELECT * FROM logs
    WHERE time >= start AND time < start + interval '1 minute' AND time >= %s AND time < %s AND node = %s{order}
    LIMIT present.number
) AS minute{order} LIMIT %s
"""
)
# A separate statement: with this condition the index is read from the record on.
_OF_NODE_IN_OWN_MINUTE: Final = sql.SQL(
    "SELECT {columns} FROM logs WHERE {beyond} AND time >= %s AND time < %s AND node = %s{order} LIMIT %s"
)
_END: Final = {"desc": OLDEST, "asc": NEWEST}
# Where the next counts are, of any node. A record inserted with SQL may be of the year 200000, and going through all hours
# until then would never end.
_NEXT_COUNTED: Final = {
    "desc": sql.SQL(
        "SELECT greatest((SELECT max(bucket) FROM log_rollups WHERE width_s = 3600 AND bucket < %s),"
        " (SELECT max(bucket) FROM log_counts WHERE bucket < %s))"
    ),
    "asc": sql.SQL(
        "SELECT least((SELECT min(bucket) FROM log_rollups WHERE width_s = 3600 AND bucket >= %s),"
        " (SELECT min(bucket) FROM log_counts WHERE bucket >= %s))"
    ),
}
# One index lookup for each bucket: scanning all nodes of a long time would take longer. Records that are counted without a
# node's name may be of any node.
_PRESENT: Final = sql.SQL(
    """
SELECT start, (rolled.count + fresh.count)::bigint
FROM generate_series(%s::timestamptz, %s::timestamptz, %s * interval '1 second') AS start,
     LATERAL (
        SELECT coalesce(sum(count), 0) AS count FROM log_rollups
        WHERE width_s = %s AND bucket = start AND node = ANY (%s::text[])
     ) AS rolled,
     LATERAL (
        SELECT coalesce(sum(count), 0) AS count FROM log_counts
        WHERE bucket >= start AND bucket < start + %s * interval '1 second' AND node = ANY (%s::text[])
     ) AS fresh
WHERE rolled.count + fresh.count > 0
"""
)


class Side(NamedTuple):
    """Neighbours on one side, the nearest first.

    complete: as many as requested, or all that there are. Otherwise the budget of time or of bytes (is_full) ran out, and
    there may be more records further away.
    """

    records: list[StoredRecord]
    complete: bool
    is_full: bool = False


class Neighbourhood(NamedTuple):
    record: StoredRecord
    before: Side
    after: Side


class Neighbours:
    """Usable by many greenlets at once, like the Store. budget_s: how long the neighbours on one side are searched."""

    def __init__(
        self,
        store: Store,
        budget_s: float,
        *,
        most_bytes: int,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """most_bytes: for both sides together."""
        self._store = store
        self._budget_s = budget_s
        self._side_bytes = most_bytes // 2
        self._clock_s = clock_s

    def of(
        self,
        sequence: int,
        before: int,
        after: int,
        *,
        same_node: bool,
        begin_large: Callable[[], None] | None = None,
    ) -> Neighbourhood | None:
        """The record of this sequence and its neighbours; None if no such record is stored. begin_large: see Room. Raises
        Unavailable."""

        def room(limit: int) -> Room:
            return Room(self._side_bytes, limit, begin_large)

        with self._store.transaction() as connection:
            record = _record(connection, sequence)
            if record is None:
                return None
            if not same_node:
                sides = (
                    _of_all(connection, record, "desc", before, room),
                    _of_all(connection, record, "asc", after, room),
                )
                return Neighbourhood(record, *sides)
        return Neighbourhood(record, self._of_node(record, "desc", before, room), self._of_node(record, "asc", after, room))

    def _of_node(self, record: StoredRecord, order: Order, limit: int, make_room: Callable[[int], Room]) -> Side:
        nearest: list[StoredRecord] = []
        neighbours: list[StoredRecord] = []
        if limit == 0:
            return Side(neighbours, True)
        deadline_s = self._clock_s() + self._budget_s
        try:
            with self._store.transaction(timeout_s=self._budget_s) as connection:
                room = make_room(limit)
                nearest = _nearest_of_node(connection, record, order, limit, room)
                if len(nearest) == limit or room.is_full:
                    return Side(nearest, not room.is_full, room.is_full)
                room = make_room(limit)
                for minutes in _groups(_minutes(connection, record, order), limit):
                    neighbours += _in_minutes(connection, record, order, minutes, limit - len(neighbours), room)
                    if room.is_full:
                        return Side(max(neighbours, nearest, key=len), False, True)
                    if len(neighbours) == limit:
                        break
                    if self._clock_s() >= deadline_s:
                        return Side(max(neighbours, nearest, key=len), False)
        except StatementTimeout:
            return Side(max(neighbours, nearest, key=len), False)
        return Side(neighbours, True)


def _record(connection: Connection, sequence: int) -> StoredRecord | None:
    batch = fetch_rows(connection, batch_times(sequence >> SEQUENCE_INDEX_BITS))
    if not batch:
        return None
    times = [StoredTime(time_us) for time_us in batch[0]]
    # Read whole, no matter how large: it is only one record.
    cursor = connection.cursor(row_factory=bodies.as_records)
    return cursor.execute(_RECORD, (*times, sequence), binary=True).fetchone()


def _of_all(
    connection: Connection, record: StoredRecord, order: Order, limit: int, make_room: Callable[[int], Room]
) -> Side:
    room = make_room(limit)
    records = _records(connection, _OF_ALL, order, room, *_position(record), limit)
    return Side(records, not room.is_full, room.is_full)


def _nearest_of_node(
    connection: Connection, record: StoredRecord, order: Order, limit: int, room: Room
) -> list[StoredRecord]:
    """Those of the nearest records that are of the same node, at most limit."""
    return _records(connection, _NEAREST_OF_NODE, order, room, *_position(record), _NEAREST, record.node, limit)


def _in_minutes(
    connection: Connection,
    record: StoredRecord,
    order: Order,
    minutes: Sequence[tuple[int, int]],
    limit: int,
    room: Room,
) -> list[StoredRecord]:
    """The nearest records of the same node within the minutes with these starts and numbers of records."""
    starts = [as_datetime(minute_us) for minute_us, _ in minutes]
    bounds = min(starts), StoredTime(max(minutes)[0] + MINUTE_US)
    if len(minutes) == 1 and minutes[0][0] == record.time_us // MINUTE_US * MINUTE_US:
        own_minute = _OF_NODE_IN_OWN_MINUTE
        return _records(connection, own_minute, order, room, *_position(record), *bounds, record.node, limit)
    numbers = [number for _, number in minutes]
    return _records(connection, _OF_NODE, order, room, starts, numbers, *bounds, record.node, limit)


def _groups(minutes: Iterable[tuple[int, int]], limit: int) -> Iterator[list[tuple[int, int]]]:
    """Groups the minutes that may hold the nearest records, up to limit: first the record's own minute alone, then more
    and more at once."""
    most, group, expected = 1, list[tuple[int, int]](), 0
    for minute in minutes:
        group.append(minute)
        # Only a part of the record's own minute lies on this side, and its number of records is not known.
        expected += minute[1] if most > 1 else 0
        if len(group) == most or expected >= limit:
            yield group
            most, group = min(2 * most, _MINUTES_AT_ONCE), []
    if group:
        yield group


def _minutes(connection: Connection, record: StoredRecord, order: Order) -> Iterator[tuple[int, int]]:
    """Start and number of records of the minutes in which the record's node has records, from its own minute on."""
    time_us, node = record.time_us, record.node
    step = -1 if order == "desc" else 1
    end = _rows(connection, _END[order])
    last_us = _hour_of(end[0][0] if end else time_us)
    first_us: int | None = _hour_of(time_us)
    while first_us is not None and (last_us - first_us) * step >= 0:
        until_us = first_us + (_HOURS_AT_ONCE - 1) * HOUR_US * step
        until_us = max(until_us, last_us) if step < 0 else min(until_us, last_us)
        for hour_us, _ in _present(connection, node, first_us, until_us, HOUR_US, step):
            bounds = [hour_us, hour_us + HOUR_US - MINUTE_US][::step]
            for minute_us, count in _present(connection, node, bounds[0], bounds[1], MINUTE_US, step):
                if (minute_us - time_us // MINUTE_US * MINUTE_US) * step >= 0:
                    yield minute_us, count
        first_us = _next_counted(connection, order, until_us)


def _hour_of(time_us: int) -> int:
    """The start of its hour, or the nearest hour of the years 1970 to 9999: no others are counted."""
    return max(0, min(time_us, MAX_US)) // HOUR_US * HOUR_US


def _next_counted(connection: Connection, order: Order, hour_us: int) -> int | None:
    """The next hour after this one, in this order, with counts of any node."""
    border = as_datetime(hour_us if order == "desc" else hour_us + HOUR_US)
    next_us: int | None = _rows(connection, _NEXT_COUNTED[order], border, border)[0][0]
    return None if next_us is None else next_us // HOUR_US * HOUR_US


def _present(
    connection: Connection, node: str, first_us: int, last_us: int, width_us: int, step: int
) -> list[tuple[int, int]]:
    """Start and greatest possible number of records of the buckets, from first to last, in which the node may have
    records."""
    width_s = width_us // MICROSECONDS
    nodes = [node, OTHER]
    values = (as_datetime(first_us), as_datetime(last_us), step * width_s, width_s, nodes, width_s, nodes)
    return sorted(_rows(connection, _PRESENT, *values), reverse=step < 0)


def _position(record: StoredRecord) -> tuple[object, ...]:
    time = StoredTime(record.time_us)
    return time, time, record.sequence


def _records(connection: Connection, query: sql.SQL, order: Order, room: Room, *values: object) -> list[StoredRecord]:
    columns = record_columns(room.share_bytes)
    composed = query.format(columns=columns, beyond=AFTER[order], order=ORDER_BY[order])
    return bodies.records(connection, Statement(composed, values), order, room)


def _rows(connection: Connection, query: sql.SQL | sql.Composed, *values: object) -> list[tuple[Any, ...]]:
    return connection.execute(query, values, binary=True).fetchall()
