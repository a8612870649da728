"""On the Community edition: converts closed chunks completely to columns, in order. On the Apache edition there is nothing
to do."""

from typing import Final

from logstream_writer.maintenance.chunks import HOUR_US, Chunk, read_bytes, read_chunks, read_now_us
from logstream_writer.maintenance.counts import records_between
from logstream_writer.maintenance.task import Report
from logstream_writer.store.edition import has_columnstore
from logstream_writer.store.session import Connection

# Bits of a chunk's status. Source: TimescaleDB, src/chunk.h. UNORDERED: batches overlap in time, as flushes that went
# straight into the columnstore leave them. PARTIAL: rows lie beside the columns.
_COMPRESSED: Final = 1
_UNORDERED: Final = 2
_FROZEN: Final = 4
_PARTIAL: Final = 8

_STATUS: Final = "SELECT _timescaledb_functions.chunk_status(%s::regclass)"
# A procedure that commits by itself: it refuses to run within a transaction.
_CONVERT: Final = "CALL convert_to_columnstore(%s::regclass)"
_BACK: Final = "CALL convert_to_rowstore(%s::regclass)"
# The first one takes in the rows, the second one puts the batches in order.
_ROUNDS: Final = 3


class Columnstore:
    """Converts chunks whose time ended an hour ago and that nothing was written to since.

    A conversion blocks writers of late records to that chunk, hence the wait. A run only knows from earlier runs of this
    object what was written; with `wait` False it is enough that the time of the chunk ended an hour ago.
    """

    name: Final = "columnstore"
    every_s: Final = 300.0

    def __init__(self, wait: bool = True) -> None:
        self._wait = wait
        # Of chunks that are not in order: how many records they had, and since when.
        self._seen: dict[str, tuple[int, int]] = {}

    def run(self, connection: Connection) -> Report:
        if not has_columnstore(connection):
            return Report(facts={"note": "nothing to do on this edition"})
        now_us = read_now_us(connection)
        ended = [chunk for chunk in read_chunks(connection) if chunk.to_us <= now_us]
        waiting = [chunk for chunk in ended if _needs_work(_status(connection, chunk))]
        quiet = [chunk for chunk in waiting if self._is_quiet(connection, chunk, now_us)]
        self._seen = {chunk.name: self._seen[chunk.name] for chunk in waiting if chunk.name in self._seen}
        before = read_bytes(connection) if quiet else {}
        for chunk in quiet:
            _convert(connection, chunk)
        after = read_bytes(connection) if quiet else {}
        freed = sum(before.get(chunk.name, 0) - after.get(chunk.name, 0) for chunk in quiet)
        done = sum(not _needs_work(_status(connection, chunk)) for chunk in quiet)
        return Report(done={"chunks": done}, freed_bytes=max(0, freed), facts={"waiting_chunks": len(waiting) - done})

    def _is_quiet(self, connection: Connection, chunk: Chunk, now_us: int) -> bool:
        """Whether the chunk, whose time is over, has the number of records that it had an hour ago."""
        if not self._wait:
            return chunk.to_us <= now_us - HOUR_US
        records = records_between(connection, chunk.from_us, chunk.to_us)
        seen_records, since_us = self._seen.get(chunk.name, (None, now_us))
        if records != seen_records:
            since_us = now_us
        self._seen[chunk.name] = records, since_us
        return now_us - since_us >= HOUR_US


def _status(connection: Connection, chunk: Chunk) -> int:
    row = connection.execute(_STATUS, [chunk.name]).fetchone()
    assert row
    return int(row[0])


def _needs_work(status: int) -> bool:
    return status != _COMPRESSED and not status & _FROZEN


def _convert(connection: Connection, chunk: Chunk) -> None:
    status = _status(connection, chunk)
    if status & _PARTIAL and not status & _UNORDERED:
        # Taking rows into ordered columns can leave them out of order while the chunk passes for ordered (seen with
        # TimescaleDB 2.23: a row between the first two of the chunk), and then pages come in the wrong order.
        connection.execute(_BACK, [chunk.name])
    for _ in range(_ROUNDS):
        connection.execute(_CONVERT, [chunk.name])
        before, status = status, _status(connection, chunk)
        if status in (before, _COMPRESSED):
            return
