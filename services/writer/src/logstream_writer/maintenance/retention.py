"""Deletes old records by whole chunks: those past an age, and the oldest ones past a total size. The latter comes with the
limits of dead letters and the inbox."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, LiteralString

from logstream_writer.maintenance import budget
from logstream_writer.maintenance.chunks import SECOND_US, Chunk, first_cut, read_chunks, read_now_us
from logstream_writer.maintenance.dropping import Dropped, drop
from logstream_writer.maintenance.inbox import MOST_ROWS, floor_us, prune
from logstream_writer.maintenance.task import Report
from logstream_writer.store.session import Connection

_DAY_US: Final = 86_400 * SECOND_US
# Of one run, each in a transaction of its own; more are left to the next one.
_MOST_CUTS: Final = 200

_SIZE: Final = """
SELECT hypertable_size('logs') + (
    SELECT sum(pg_total_relation_size(table_name::regclass))
    FROM unnest(ARRAY['batches', 'dead_letters', 'log_counts', 'log_rollups', 'search_segments', 'search_pages'])
        AS table_name)
"""
_TABLE_SIZE: Final = "SELECT pg_total_relation_size(%s::regclass)"
# Rows beside their bodies. The newest ones stay that together have so many bytes.
_DELETE_LETTERS: Final = """
WITH gone AS (
    DELETE FROM dead_letters WHERE id <= (
        SELECT max(id) FROM (
            SELECT id, sum(octet_length(body) + octet_length(detail) + 200) OVER (ORDER BY id DESC) AS bytes
            FROM dead_letters) AS newest
        WHERE bytes > %s)
    RETURNING octet_length(body) AS bytes
)
SELECT count(*), coalesce(sum(bytes), 0) FROM gone
"""
# What was deleted makes room for the next ones; autovacuum would come later.
_VACUUM_LETTERS: Final = "VACUUM (SKIP_LOCKED) dead_letters"
_OFTEN_S: Final = 10.0
_SELDOM_S: Final = 60.0
# Seconds from one run to the next for each that measuring takes; it is done twice.
_MEASURING: Final = 40
# A batch whose records are gone is known for so long at least, however large the inbox is.
_LEAST_KNOWN_S: Final = 3600


def total_bytes(connection: Connection) -> int:
    """The size on disk of records, with indexes, TOAST and columnstore, of batches, dead letters, counts, search index."""
    return _int(connection, _SIZE)


def pause_s(measuring_s: float) -> float:
    """The seconds between two runs of size-based retention if measuring takes this long."""
    return max(_OFTEN_S, min(_MEASURING * measuring_s, _SELDOM_S))


class AgeRetention:
    """Deletes chunks whose records are all older than this many days."""

    name: Final = "retention_by_age"
    every_s: Final = 300.0

    def __init__(self, retention_days: int) -> None:
        self._retention_days = retention_days

    def run(self, connection: Connection) -> Report:
        limit_us = read_now_us(connection) - self._retention_days * _DAY_US
        report = _drop_while(connection, lambda cutoff_us, group, chunks: cutoff_us <= limit_us, _MOST_CUTS)
        return replace(report, state={"retention_seconds": self._retention_days * _DAY_US / SECOND_US})


class SizeRetention:
    """Keeps the total size below this many bytes (0: no limit), except for the chunk that new records go into.

    It deletes the oldest chunks. Dead letters and the inbox have shares of their own, so that they do not displace records.
    It runs often: what arrives between two runs must fit into the space that the limit leaves on the disk. It runs less
    often if there are thousands of chunks, whose files take a second to measure."""

    name: Final = "retention_by_size"

    def __init__(self, retention_bytes: int, most_cuts: int = _MOST_CUTS) -> None:
        self._retention_bytes = retention_bytes
        self._most_cuts = most_cuts
        self.every_s = _OFTEN_S

    def run(self, connection: Connection) -> Report:
        report = self._limit(connection) if self._retention_bytes else Report()
        started_s = time.monotonic()
        stored = total_bytes(connection)
        self.every_s = pause_s(time.monotonic() - started_s)
        return replace(report, state={"stored_bytes": stored, "retention_bytes": self._retention_bytes})

    def _limit(self, connection: Connection) -> Report:
        letters, letter_bytes = self._delete_letters(connection)

        def is_too_large(cutoff_us: int, group: Sequence[Chunk], chunks: Sequence[Chunk]) -> bool:
            if len(group) == len(chunks) or cutoff_us > read_now_us(connection):
                return False
            return total_bytes(connection) > self._retention_bytes

        report = _drop_while(connection, is_too_large, self._most_cuts)
        batches = report.done["batches"]
        if _int(connection, _TABLE_SIZE, "batches") > budget.inbox(self._retention_bytes):
            batches += prune(connection, floor_us(connection), MOST_ROWS, _LEAST_KNOWN_S)
        return replace(
            report,
            done={**report.done, "batches": batches, "dead_letters": letters},
            freed_bytes=report.freed_bytes + letter_bytes,
        )

    def _delete_letters(self, connection: Connection) -> tuple[int, int]:
        """The number and bytes of dead letters that were deleted."""
        share = budget.dead_letters(self._retention_bytes)
        if _int(connection, _TABLE_SIZE, "dead_letters") <= share:
            return 0, 0
        row = connection.execute(_DELETE_LETTERS, [share]).fetchone()
        assert row
        if row[0]:
            connection.execute(_VACUUM_LETTERS)
        return int(row[0]), int(row[1])


def _drop_while(
    connection: Connection, may_drop: Callable[[int, Sequence[Chunk], Sequence[Chunk]], bool], most_cuts: int
) -> Report:
    """Deletes the oldest chunks that go together, as long as may_drop allows it."""
    drops: list[Dropped] = []
    cutoff = None
    for _ in range(most_cuts):
        chunks = read_chunks(connection)
        if not chunks:
            break
        cutoff_us, group = first_cut(chunks)
        if not may_drop(cutoff_us, group, chunks):
            break
        dropped = drop(connection, cutoff_us, group)
        if dropped:
            drops.append(dropped)
            cutoff = datetime.fromtimestamp(cutoff_us // SECOND_US, UTC).isoformat()
    return Report(
        done={
            "chunks": sum(dropped.chunks for dropped in drops),
            "records": sum(dropped.records for dropped in drops),
            "batches": sum(dropped.batches for dropped in drops),
        },
        freed_bytes=sum(dropped.bytes for dropped in drops),
        facts={"cutoff": cutoff} if cutoff else {},
    )


def _int(connection: Connection, query: LiteralString, *parameters: object) -> int:
    row = connection.execute(query, parameters).fetchone()
    assert row
    return int(row[0])
