"""Splits the chunk that new records go into when it grows so fast that size-based retention could not delete it later.

The chunk interval only affects new chunks. A quiet day has one chunk, and a flood at noon would go into it until midnight:
by then it would be larger than the disk, and it is the one chunk that is never deleted."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from logstream_writer.maintenance import budget
from logstream_writer.maintenance.chunk_interval import INTERVALS_S, at_most, read_interval_s, set_interval
from logstream_writer.maintenance.chunks import MOMENT, SECOND_US, Chunk, read_bytes, read_chunks, read_now_us
from logstream_writer.maintenance.counts import records_between
from logstream_writer.maintenance.task import Report
from logstream_writer.store.locks import HOLD_FLUSHING
from logstream_writer.store.session import Connection

# Growth is measured over so long, so that a burst of some seconds hardly counts; and looked ahead for so long, because a
# chunk is copied only while it is small.
_WINDOW_S: Final = 60.0
# What a record takes as a row. Columns take less, and become rows when they are copied.
_ROW_BYTES: Final = 212
# Times the size that chunks should have: one that is about to pass the first is cut, one past the second is not copied any
# more: there are two copies beside it for a while, three eighths of the limit together.
_SOON: Final = 2
_MOST: Final = 3
_LEAST_S: Final = 5.0

# For all but the first lock, see dropping.
_LOCK_TIMEOUT: Final = "SET LOCAL lock_timeout = '500ms'"
# CREATE TABLE AS from columns that are decompressed in bulk wrote texts whose last byte was a space (seen with TimescaleDB
# 2.23.0-dev: 'error' became 'erro '); INSERT did not, and without bulk neither does. The setting is not in all editions.
_NO_BULK: Final = """
SELECT set_config(name, 'off', true) FROM pg_settings WHERE name = 'timescaledb.enable_bulk_decompression'
"""
_KEPT: Final = "CREATE TEMPORARY TABLE kept (LIKE logs) ON COMMIT DROP"
_KEEP: Final = "INSERT INTO kept SELECT * FROM {}"
_DROP: Final = f"SELECT drop_chunks('logs', newer_than => {MOMENT}, older_than => {MOMENT})"
_PUT_BACK: Final = f"INSERT INTO logs SELECT * FROM kept WHERE (time >= {MOMENT}) = %s ORDER BY time, sequence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The open chunk at a moment. row_bytes: its size if it were rows."""

    chunk: Chunk
    now_us: int
    bytes: int
    row_bytes: int


def wanted_interval(samples: deque[Sample], target_bytes: int, limit_bytes: int) -> int | None:
    """The interval to cut the open chunk at, or None if it should stay as it is. The samples are of one chunk, the newest
    one last.

    It is cut when it would pass the largest size allowed before its time is over, and in a minute would be too large to be
    copied; never when it is that already.
    """
    first, last = samples[0], samples[-1]
    seconds = (last.now_us - first.now_us) / SECOND_US
    if seconds < _LEAST_S or last.bytes <= first.bytes:
        return None
    growth = (last.bytes - first.bytes) / seconds
    left_s = (last.chunk.to_us - last.now_us) / SECOND_US
    if last.bytes + growth * left_s <= budget.largest_chunk(limit_bytes):
        return None
    soon = last.row_bytes * (1 + growth * _WINDOW_S / last.bytes)
    if soon <= _SOON * target_bytes or last.row_bytes > _MOST * target_bytes:
        return None
    interval_s = at_most(target_bytes / growth)
    # A chunk that takes not much longer is over soon by itself.
    return interval_s if left_s > 2 * interval_s else None


class ChunkSplit:
    """All flushes, and searches of the chunk, wait while it is copied."""

    name: Final = "chunk_split"
    every_s: Final = 10.0

    def __init__(self, target_bytes: int, limit_bytes: int) -> None:
        self._target_bytes = target_bytes
        self._limit_bytes = limit_bytes
        self._samples: deque[Sample] = deque()

    def run(self, connection: Connection) -> Report:
        if not self._limit_bytes:
            return Report()
        sample = _sample(connection)
        if sample is None:
            return Report()
        if self._samples and self._samples[-1].chunk != sample.chunk:
            self._samples.clear()
        self._samples.append(sample)
        while self._samples[0].now_us < sample.now_us - _WINDOW_S * SECOND_US:
            self._samples.popleft()
        interval_s = wanted_interval(self._samples, self._target_bytes, self._limit_bytes)
        if interval_s is None:
            return Report()
        self._samples.clear()
        moment_us = sample.now_us // (interval_s * SECOND_US) * interval_s * SECOND_US
        done = split(connection, sample.chunk, moment_us, interval_s)
        return Report(done={"chunks": int(done)}, facts={"chunk": sample.chunk.name, "interval_s": interval_s})


def _sample(connection: Connection) -> Sample | None:
    now_us = read_now_us(connection)
    for chunk in reversed(read_chunks(connection)):
        # Measuring takes a while with many chunks; one that is over soon is not cut.
        if chunk.from_us <= now_us < chunk.to_us - 2 * INTERVALS_S[0] * SECOND_US:
            size = read_bytes(connection).get(chunk.name, 0)
            rows = records_between(connection, chunk.from_us, chunk.to_us)
            return Sample(chunk=chunk, now_us=now_us, bytes=size, row_bytes=max(size, rows * _ROW_BYTES))
    return None


class _StillOpenError(Exception):
    """There is no record after the moment."""


def split(connection: Connection, chunk: Chunk, moment_us: int, interval_s: int) -> bool:
    """Lets the chunk end at a moment, from which on chunks take interval_s; whether it was done.

    The same rows are there before and after. It is not done without records after the moment: it is their chunk that ends
    the other one.
    """
    try:
        with connection.transaction():
            _rebuild(connection, chunk, moment_us, interval_s)
    except _StillOpenError:
        return False
    return True


def _rebuild(connection: Connection, chunk: Chunk, moment_us: int, interval_s: int) -> None:
    # Flushes end first and none begins: one that waited for the chunk alone would fail when that is gone.
    connection.execute(HOLD_FLUSHING)
    connection.execute(_LOCK_TIMEOUT)
    connection.execute(f"LOCK TABLE {chunk.name} IN ACCESS EXCLUSIVE MODE")
    before_s = read_interval_s(connection)
    connection.execute(_NO_BULK)
    connection.execute(_KEPT)
    copied = connection.execute(_KEEP.format(chunk.name)).rowcount
    dropped = connection.execute(_DROP, [chunk.from_us, chunk.to_us]).fetchall()
    if len(dropped) != 1:
        raise RuntimeError(f"drop_chunks dropped {dropped}, expected {chunk.name}")
    # A new chunk takes no time that another one has: with the later one there, the earlier one ends where that begins.
    set_interval(connection, interval_s)
    later = connection.execute(_PUT_BACK, [moment_us, True]).rowcount
    set_interval(connection, max(before_s, (chunk.to_us - chunk.from_us) // SECOND_US))
    earlier = connection.execute(_PUT_BACK, [moment_us, False]).rowcount
    set_interval(connection, interval_s)
    if earlier + later != copied:
        raise RuntimeError(f"of {copied} records of {chunk.name} {earlier} and {later} were put back")
    if any(chunk_left.from_us < moment_us < chunk_left.to_us for chunk_left in read_chunks(connection)):
        raise _StillOpenError
