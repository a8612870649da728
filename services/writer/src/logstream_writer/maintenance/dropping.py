"""Deletes the oldest chunks together with their counts, index and batches in one transaction: records and counts always
agree."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from logstream_writer.maintenance.chunks import HOUR_US, MOMENT, Chunk, read_bytes, read_chunks
from logstream_writer.maintenance.inbox import prune
from logstream_writer.store.session import Connection

log = logging.getLogger(__name__)

# Shorter than the server's deadlock_timeout (a second): if two processes wait for each other's locks, it is always this one
# that gives up, never a flush or a search.
_LOCK_TIMEOUT: Final = "SET LOCAL lock_timeout = '500ms'"
# All statements see the database as it is when the locks are taken. A flush that makes a new old chunk after that keeps
# both, its records and its counts; one that was under way in these chunks is complete and seen.
_ONE_SNAPSHOT: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"

_DELETE_COUNTS: Final = f"""
WITH fresh AS (DELETE FROM log_counts WHERE bucket < {MOMENT} RETURNING count),
     moved AS (DELETE FROM log_rollups WHERE width_s IN (60, 600, 3600) AND bucket < {MOMENT} RETURNING width_s, count)
SELECT coalesce((SELECT sum(count) FROM fresh), 0) + coalesce((SELECT sum(count) FROM moved WHERE width_s = 60), 0)
"""
# Sums that begin before the cutoff and end after it are made anew from the minutes that stay. All widths have the same
# counts at any time, because compaction adds to all of them in one statement.
_SUM_ANEW: Final = f"""
INSERT INTO log_rollups (width_s, bucket, node, level, severity, count)
SELECT widths.width_s, date_bin(widths.width_s * interval '1 second', bucket, timestamptz 'epoch'), node, level, severity,
       sum(count)
FROM log_rollups, (VALUES (600), (3600)) AS widths (width_s)
WHERE log_rollups.width_s = 60 AND bucket >= {MOMENT} AND bucket < {MOMENT} + interval '1 hour'
  AND date_bin(widths.width_s * interval '1 second', bucket, timestamptz 'epoch') < {MOMENT}
GROUP BY 1, 2, 3, 4, 5
"""
_DELETE_SEGMENTS: Final = f"DELETE FROM search_segments WHERE time_to < {MOMENT}"
# Within these bounds there is this chunk and never another one.
_DROP: Final = f"SELECT drop_chunks('logs', newer_than => {MOMENT}, older_than => {MOMENT})"

# In one transaction. What is left is pruned by the inbox's own task.
_INBOX_ROWS: Final = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """What was deleted. records is exact: it is taken from the counts."""

    chunks: int
    records: int
    batches: int
    bytes: int


def drop(connection: Connection, cutoff_us: int, chunks: Sequence[Chunk]) -> Dropped | None:
    """Deletes everything before the cutoff, which first_cut returned with these chunks. None: another chunk was created
    meanwhile, and nothing is deleted.

    Waits half a second for the chunks' locks; flushes and searches elsewhere are not held up.
    """
    with connection.transaction():
        connection.execute(_ONE_SNAPSHOT)
        connection.execute(_LOCK_TIMEOUT)
        # The first statement that takes a snapshot comes after this one.
        connection.execute(f"LOCK TABLE {', '.join(chunk.name for chunk in chunks)} IN ACCESS EXCLUSIVE MODE")
        if [chunk for chunk in read_chunks(connection) if chunk.from_us < cutoff_us] != list(chunks):
            return None
        sizes = read_bytes(connection)
        row = connection.execute(_DELETE_COUNTS, [cutoff_us, cutoff_us]).fetchone()
        assert row
        if cutoff_us % HOUR_US:
            connection.execute(_SUM_ANEW, [cutoff_us] * 3)
        connection.execute(_DELETE_SEGMENTS, [cutoff_us])
        batches = prune(connection, cutoff_us, _INBOX_ROWS)
        for chunk in chunks:
            gone = connection.execute(_DROP, [chunk.from_us, chunk.to_us]).fetchall()
            if len(gone) != 1:
                raise RuntimeError(f"drop_chunks dropped {gone}, expected {chunk.name}")
    return Dropped(
        chunks=len(chunks), records=int(row[0]), batches=batches, bytes=sum(sizes.get(chunk.name, 0) for chunk in chunks)
    )
