"""Reads the records of a statement so that what is in memory at a time is bounded, whatever their sizes.

The statements of `statements` and `neighbours` give large records without their message and attributes, which PostgreSQL
then does not even read. These come here one by one: psycopg streams the rows of a statement, and without that libpq would
hold all of them at once.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from psycopg import Connection, sql

from logstream_query.cursors import Order
from logstream_query.moments import StoredTime
from logstream_query.room import Room, size_of, size_of_texts
from logstream_query.store.attributes import read_attributes
from logstream_query.store.statements import LEAST_BYTES, ORDER_BY, Statement, StoredRecord

_SEQUENCE: Final = 0
_TIME: Final = 1
_MESSAGE: Final = 5
_ATTRIBUTES: Final = 6
# What is asked for at a time, by the sizes that the database knows without reading a value: those of compressed ones. What
# doesn't fit is read to the end and let go, so this bounds what is read in vain.
_GROUP_BYTES: Final = 256 * 1024
_BODIES: Final = sql.SQL(
    "SELECT sequence, message, attributes::text FROM logs"
    " WHERE time >= %s AND time <= %s AND sequence = ANY(%s::bigint[]){order} LIMIT %s"
)


def records(connection: Connection, statement: Statement, order: Order, room: Room) -> list[StoredRecord]:
    """The statement's records in their order, up to the first one that the room doesn't hold: then room.is_full."""
    return fitting(connection, rows(connection, statement), order, room)


def rows(connection: Connection, statement: Statement) -> list[StoredRecord]:
    """The statement's records, large ones still without their texts: not yet to be shown to anybody."""
    return connection.execute(statement.query, statement.values, binary=True).fetchall()


def fitting(connection: Connection, found: list[StoredRecord], order: Order, room: Room) -> list[StoredRecord]:
    """What `rows` gave, in its order, up to the first record that the room doesn't hold: then room.is_full."""
    large = [place for place, row in enumerate(found) if row[_MESSAGE] is None]
    if not large:
        room.add(found)
        return found
    room.begin_large()
    fitted: list[StoredRecord] = []
    for group in _groups(found, large):
        bodies = _bodies(connection, [found[place] for place in group], order, room)
        for row in found[len(fitted) : group[-1] + 1]:
            whole = bodies.get(row[_SEQUENCE]) if row[_MESSAGE] is None else row
            if whole is None or not room.take(size_of(whole)):
                room.is_full = True
                return fitted
            fitted.append(whole)
    for row in found[len(fitted) :]:
        if not room.take(size_of(row)):
            break
        fitted.append(row)
    return fitted


def _groups(found: Sequence[StoredRecord], large: Sequence[int]) -> Iterator[list[int]]:
    """The places of large records, as many at a time as may be asked for at once."""
    group: list[int] = []
    group_bytes = 0
    for place in large:
        least_bytes = _least_bytes(found[place])
        if group and group_bytes + least_bytes > _GROUP_BYTES:
            yield group
            group, group_bytes = [], 0
        group.append(place)
        group_bytes += least_bytes
    if group:
        yield group


def _least_bytes(row: StoredRecord) -> int:
    size: Any = row[_ATTRIBUTES]
    return int(size[LEAST_BYTES])


def _bodies(connection: Connection, group: Sequence[StoredRecord], order: Order, room: Room) -> dict[int, StoredRecord]:
    """By their sequences the records of a group that the room may hold: a run of them from the first on."""
    by_sequence = {row[_SEQUENCE]: row for row in group}
    times = [row[_TIME] for row in group]
    values = (StoredTime(min(times)), StoredTime(max(times)), list(by_sequence), len(group))
    whole: dict[int, StoredRecord] = {}
    left_bytes, is_first, is_over = room.left_bytes, room.is_empty, False
    # To the end also when the room is full: to leave off would mean to cancel the statement.
    for sequence, message, attributes in connection.cursor().stream(
        _BODIES.format(order=ORDER_BY[order]), values, binary=True
    ):
        left_bytes -= size_of_texts(message, attributes)
        is_over = is_over or (left_bytes < 0 and not is_first)
        is_first = False
        if not is_over:
            row = by_sequence[sequence]
            whole[sequence] = (*row[:_MESSAGE], message, read_attributes(attributes) if attributes else None)
    return whole
