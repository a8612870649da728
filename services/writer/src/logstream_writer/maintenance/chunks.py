"""The chunks of logs: what they are, and which go together. Times are microseconds since the Unix epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from logstream_writer.store.session import Connection

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 60 * MINUTE_US

# A hypertable's chunks as a plain query sees them, that is, in the transaction's snapshot.
_CHUNKS: Final = """
SELECT format('%I.%I', chunk_schema, chunk_name), (extract(epoch FROM range_start) * 1000000)::bigint,
       (extract(epoch FROM range_end) * 1000000)::bigint
FROM timescaledb_information.chunks
WHERE (hypertable_schema, hypertable_name) = (
    SELECT nspname, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE pg_class.oid = 'logs'::regclass)
ORDER BY range_start
"""
_BYTES: Final = "SELECT format('%I.%I', chunk_schema, chunk_name), total_bytes FROM chunks_detailed_size('logs')"
_NOW: Final = "SELECT (extract(epoch FROM now()) * 1000000)::bigint"

# The moment of a number of microseconds, as an expression of SQL.
MOMENT: Final = "(timestamptz 'epoch' + %s::bigint * interval '1 microsecond')"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk by its quoted name, with the times that it takes, the end not among them."""

    name: str
    from_us: int
    to_us: int


def read_chunks(connection: Connection) -> list[Chunk]:
    """All chunks of logs, the oldest first."""
    return [Chunk(*row) for row in connection.execute(_CHUNKS)]


def read_bytes(connection: Connection) -> dict[str, int]:
    """The size on disk of each chunk, with index, TOAST and columnstore, by its name."""
    return {name: int(size or 0) for name, size in connection.execute(_BYTES)}


def read_now_us(connection: Connection) -> int:
    """The database's clock: the one that all writers share."""
    row = connection.execute(_NOW).fetchone()
    assert row
    return int(row[0])


def first_cut(chunks: Sequence[Chunk]) -> tuple[int, Sequence[Chunk]]:
    """The earliest time to delete records before, and the chunks, oldest first and one at least, that then go.

    It is a whole minute and within no chunk: counts are kept by the minute, so they are cut as exactly as records are.
    """
    cutoff_us = _next_minute(chunks[0].to_us)
    for index, chunk in enumerate(chunks):
        if chunk.from_us >= cutoff_us:
            return cutoff_us, chunks[:index]
        cutoff_us = max(cutoff_us, _next_minute(chunk.to_us))
    return cutoff_us, chunks


def _next_minute(time_us: int) -> int:
    return -(-time_us // MINUTE_US) * MINUTE_US
