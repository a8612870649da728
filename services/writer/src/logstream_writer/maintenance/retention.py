"""Deletes old records by whole chunks: those past an age, and the oldest ones past a total size."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from logstream_writer.maintenance.chunks import SECOND_US, Chunk, first_cut, read_chunks, read_now_us
from logstream_writer.maintenance.dropping import Dropped, drop
from logstream_writer.maintenance.task import Report
from logstream_writer.store.session import Connection

_DAY_US: Final = 86_400 * SECOND_US
# Of one run, each in a transaction of its own; more are left to the next one.
_MOST_CUTS: Final = 200

_SIZE: Final = """
SELECT hypertable_size('logs') + (
    SELECT sum(pg_total_relation_size(table_name::regclass))
    FROM unnest(ARRAY['batches', 'log_counts', 'log_rollups', 'search_segments', 'search_pages']) AS table_name)
"""


def total_bytes(connection: Connection) -> int:
    """The size on disk of records, with indexes, TOAST and columnstore, of batches, counts and search index."""
    row = connection.execute(_SIZE).fetchone()
    assert row
    return int(row[0])


class AgeRetention:
    """Deletes chunks whose records all are older than so many days."""

    name: Final = "retention_by_age"
    every_s: Final = 300.0

    def __init__(self, retention_days: int) -> None:
        self._retention_days = retention_days

    def run(self, connection: Connection) -> Report:
        limit_us = read_now_us(connection) - self._retention_days * _DAY_US
        report = _drop_while(connection, lambda cutoff_us, group, chunks: cutoff_us <= limit_us, _MOST_CUTS)
        return replace(report, state={"retention_seconds": self._retention_days * _DAY_US / SECOND_US})


class SizeRetention:
    """Deletes the oldest chunks while everything together is larger than so many bytes (0: never), but for those that
    new records go into."""

    name: Final = "retention_by_size"
    every_s: Final = 60.0

    def __init__(self, retention_bytes: int, most_cuts: int = _MOST_CUTS) -> None:
        self._retention_bytes = retention_bytes
        self._most_cuts = most_cuts

    def run(self, connection: Connection) -> Report:
        if not self._retention_bytes:
            return Report()

        def wanted(cutoff_us: int, group: Sequence[Chunk], chunks: Sequence[Chunk]) -> bool:
            if len(group) == len(chunks) or cutoff_us > read_now_us(connection):
                return False
            return total_bytes(connection) > self._retention_bytes

        return _drop_while(connection, wanted, self._most_cuts)


def _drop_while(
    connection: Connection, wanted: Callable[[int, Sequence[Chunk], Sequence[Chunk]], bool], most_cuts: int
) -> Report:
    """Cuts off the oldest chunks that go together, as long as they are wanted gone."""
    drops: list[Dropped] = []
    cutoff = None
    for _ in range(most_cuts):
        chunks = read_chunks(connection)
        if not chunks:
            break
        cutoff_us, group = first_cut(chunks)
        if not wanted(cutoff_us, group, chunks):
            break
        dropped = drop(connection, cutoff_us, group)
        if dropped:
            drops.append(dropped)
            cutoff = datetime.fromtimestamp(cutoff_us // SECOND_US, UTC).isoformat()
    return Report(
        {
            "chunks": sum(one.chunks for one in drops),
            "records": sum(one.records for one in drops),
            "batches": sum(one.batches for one in drops),
        },
        freed_bytes=sum(one.bytes for one in drops),
        facts={"cutoff": cutoff} if cutoff else {},
    )
