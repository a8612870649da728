"""What writers are flushing, written down before they begin. A writer that dies leaves its line, so that suspicion falls on
what it was flushing and not on all that the broker had handed it. It must not make an ordinary flush wait for a disk: the
table is unlogged, because what a crash of the database would lose of it is asked for after a crash of a writer only."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import psycopg

# A line is of one writer from its start to its end; a restarted one is another.
_BEGIN: Final = """
INSERT INTO flushes_under_way (writer, messages, begun_at) VALUES (%s, %s, now())
ON CONFLICT (writer) DO UPDATE SET messages = excluded.messages, begun_at = excluded.begun_at
"""
_END: Final = "DELETE FROM flushes_under_way WHERE writer = %s"
# What no writer has tried for so long is not in the queue any more.
_FORGET: Final = "DELETE FROM flushes_under_way WHERE begun_at < now() - interval '7 days'"
_SUSPECTED: Final = """
SELECT message, count(*) FILTER (WHERE cardinality(messages) = 1)
FROM flushes_under_way, unnest(messages) AS message WHERE writer <> %s AND message = ANY(%s) GROUP BY message
"""

Connection = psycopg.Connection[Any]


def begin(connection: Connection, writer: UUID, messages: Sequence[bytes]) -> None:
    """These messages are about to be flushed together, and what this writer flushed before is done."""
    connection.execute(_BEGIN, (writer, list(messages)), binary=True)


def end(connection: Connection, writer: UUID) -> None:
    """Nothing of this writer is under way, and nothing of it speaks against a message."""
    connection.execute(_END, (writer,))


def forget(connection: Connection) -> None:
    connection.execute(_FORGET)


def suspected(connection: Connection, writer: UUID, messages: Sequence[bytes]) -> Mapping[bytes, int]:
    """Those of the messages that another writer had begun to flush as the last thing it did: by name, how many writers did
    so with that message alone. One that still lives counts as well, if the message was taken from it."""
    rows = connection.execute(_SUSPECTED, (writer, list(messages)), binary=True)
    return {bytes(message): alone for message, alone in rows}
