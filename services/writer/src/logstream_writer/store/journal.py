"""What writers are flushing, written down before they begin. A writer that dies leaves its row, so that only what it was
flushing is suspected, and not everything that the broker had sent it. An ordinary flush must not wait for the disk because
of it: the table is unlogged, since its rows are only needed after a writer has crashed, not after a crash of the
database."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import psycopg

# A row belongs to one writer from its start to its end; a restarted writer has another.
_BEGIN: Final = """
INSERT INTO flushes_under_way (writer, messages, begun_at) VALUES (%s, %s, now())
ON CONFLICT (writer) DO UPDATE SET messages = excluded.messages, begun_at = excluded.begun_at
"""
_END: Final = "DELETE FROM flushes_under_way WHERE writer = %s"
# A message that no writer has tried for this long is no longer in the queue.
_FORGET: Final = "DELETE FROM flushes_under_way WHERE begun_at < now() - interval '7 days'"
_SUSPECTED: Final = """
SELECT message, count(*) FILTER (WHERE cardinality(messages) = 1)
FROM flushes_under_way, unnest(messages) AS message WHERE writer <> %s AND message = ANY(%s) GROUP BY message
"""

Connection = psycopg.Connection[Any]


def begin(connection: Connection, writer: UUID, messages: Sequence[bytes]) -> None:
    """These messages are about to be flushed together. The previous flush of this writer is done."""
    connection.execute(_BEGIN, (writer, list(messages)), binary=True)


def end(connection: Connection, writer: UUID) -> None:
    """This writer is flushing nothing, so nothing is suspected because of it."""
    connection.execute(_END, (writer,))


def forget(connection: Connection) -> None:
    connection.execute(_FORGET)


def suspected(connection: Connection, writer: UUID, messages: Sequence[bytes]) -> Mapping[bytes, int]:
    """The messages that another writer was flushing when it was last heard of, by name, with the number of writers that were
    flushing only that message. A living writer counts as well if the message was taken from it."""
    rows = connection.execute(_SUSPECTED, (writer, list(messages)), binary=True)
    return {bytes(message): alone for message, alone in rows}
