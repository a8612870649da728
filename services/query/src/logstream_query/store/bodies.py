"""Reads the records of a statement with a bounded amount of memory, no matter how large they are.

The statements of `statements` and `neighbours` return large records without their message and attributes, which PostgreSQL
then does not even read. They are read here one by one: psycopg streams the rows of a statement, while libpq would otherwise
hold all of them at once.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from psycopg import Connection, sql

from logstream_query.questions.cursors import Order
from logstream_query.questions.moments import StoredTime
from logstream_query.store.attributes import read_attributes
from logstream_query.store.room import Room, size_of, size_of_texts
from logstream_query.store.statements import LEAST_BYTES, ORDER_BY, Statement
from logstream_query.store.stored_record import StoredRecord

# Faster than StoredRecord._make, which counts the columns of each row.
_make_record: Final = partial(tuple.__new__, StoredRecord)
# How much is requested at once, by the sizes that the database knows without reading a value: the compressed ones. Records
# that do not fit are read and discarded, so this limits how much is read in vain.
_GROUP_BYTES: Final = 256 * 1024
_BODIES: Final = sql.SQL(
    "SELECT sequence, message, attributes::text FROM logs"
    " WHERE time >= %s AND time <= %s AND sequence = ANY(%s::bigint[]){order} LIMIT %s"
)


def as_records(_cursor: object) -> Callable[[Sequence[Any]], StoredRecord]:
    """psycopg's row factory for statements with the columns of StoredRecord."""
    return _make_record


def records(connection: Connection, statement: Statement, order: Order, room: Room) -> list[StoredRecord]:
    """The statement's records in their order, up to the first one that does not fit into the room: then room.is_full."""
    return fitting(connection, rows(connection, statement), order, room)


def rows(connection: Connection, statement: Statement) -> list[StoredRecord]:
    """The statement's records. Large ones have no texts yet and must not be returned to a client."""
    cursor = connection.cursor(row_factory=as_records)
    return cursor.execute(statement.query, statement.values, binary=True).fetchall()


def fitting(connection: Connection, unread: list[StoredRecord], order: Order, room: Room) -> list[StoredRecord]:
    """The records that `rows` returned, in their order, up to the first one that does not fit into the room: then
    room.is_full."""
    large = [index for index, row in enumerate(unread) if row.message is None]
    if not large:
        room.add(unread)
        return unread
    room.begin_large()
    fitted: list[StoredRecord] = []
    for group in _groups(unread, large):
        bodies = _bodies(connection, [unread[index] for index in group], order, room)
        for row in unread[len(fitted) : group[-1] + 1]:
            whole = bodies.get(row.sequence) if row.message is None else row
            if whole is None or not room.take(size_of(whole)):
                room.is_full = True
                return fitted
            fitted.append(whole)
    for row in unread[len(fitted) :]:
        if not room.take(size_of(row)):
            break
        fitted.append(row)
    return fitted


def _groups(unread: Sequence[StoredRecord], large: Sequence[int]) -> Iterator[list[int]]:
    """The indexes of large records, in groups that may be requested at once."""
    group: list[int] = []
    group_bytes = 0
    for index in large:
        least_bytes = _least_bytes(unread[index])
        if group and group_bytes + least_bytes > _GROUP_BYTES:
            yield group
            group, group_bytes = [], 0
        group.append(index)
        group_bytes += least_bytes
    if group:
        yield group


def _least_bytes(row: StoredRecord) -> int:
    size: Any = row.attributes
    return int(size[LEAST_BYTES])


def _bodies(connection: Connection, group: Sequence[StoredRecord], order: Order, room: Room) -> dict[int, StoredRecord]:
    """The records of a group that fit into the room, by sequence: the first ones, without a gap."""
    by_sequence = {row.sequence: row for row in group}
    times = [row.time_us for row in group]
    values = (StoredTime(min(times)), StoredTime(max(times)), list(by_sequence), len(group))
    whole: dict[int, StoredRecord] = {}
    left_bytes, is_first, is_over = room.left_bytes, room.is_empty, False
    # Read to the end even when the room is full: stopping would mean cancelling the statement.
    for sequence, message, attributes in connection.cursor().stream(
        _BODIES.format(order=ORDER_BY[order]), values, binary=True
    ):
        left_bytes -= size_of_texts(message, attributes)
        is_over = is_over or (left_bytes < 0 and not is_first)
        is_first = False
        if not is_over:
            texts = read_attributes(attributes) if attributes else None
            whole[sequence] = by_sequence[sequence]._replace(message=message, attributes=texts)
    return whole
