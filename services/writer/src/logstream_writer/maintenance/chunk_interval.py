"""Adapts the time span of new chunks to the rate, so that a chunk with its index stays near its target size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from logstream_writer.maintenance.chunks import SECOND_US, Chunk, read_bytes, read_chunks, read_now_us
from logstream_writer.maintenance.counts import first_minute_us, records_between
from logstream_writer.maintenance.task import Report
from logstream_writer.store.session import Connection

_HOUR_S: Final = 3600
# Each divides a day, so chunks of any of them begin and end together at midnight. Those of less than ten minutes are for a
# size limit alone, which bounds their number, too: many chunks make every search slower.
INTERVALS_S: Final = (
    60,
    300,
    600,
    1800,
    _HOUR_S,
    2 * _HOUR_S,
    3 * _HOUR_S,
    4 * _HOUR_S,
    6 * _HOUR_S,
    12 * _HOUR_S,
    24 * _HOUR_S,
)
# In place of the schema's day before anything is known. Too short heals with the next chunk, too long not before it is full.
START_S: Final = _HOUR_S
SHORTEST_S: Final = 600
# The rate is that of the last hours or of the last minutes, whichever is higher; fewer minutes say little.
_LOOK_BACK_US: Final = 2 * _HOUR_S * SECOND_US
_RECENT_US: Final = 300 * SECOND_US
_LEAST_US: Final = 600 * SECOND_US
_OFF: Final = 2.0

_INTERVAL: Final = """
SELECT extract(epoch FROM time_interval)::bigint FROM timescaledb_information.dimensions
WHERE hypertable_name = 'logs' AND dimension_number = 1
"""
_SET: Final = "SELECT set_chunk_time_interval('logs', make_interval(secs => %s))"


def read_interval_s(connection: Connection) -> int:
    """The time span of new chunks."""
    row = connection.execute(_INTERVAL).fetchone()
    assert row
    return int(row[0])


def set_interval(connection: Connection, seconds: int) -> None:
    connection.execute(_SET, [seconds])


@dataclass(frozen=True, slots=True)
class Measured:
    """The recent rate: records in a number of seconds, and the disk space of one."""

    records: int
    seconds: float
    record_bytes: float

    @property
    def bytes_a_second(self) -> float:
        return self.records * self.record_bytes / self.seconds


def fitting(target_bytes: int, bytes_a_second: float, shortest_s: int = SHORTEST_S) -> float:
    """The seconds in which target_bytes come, within the bounds of the intervals from shortest_s on."""
    wanted_s = target_bytes / bytes_a_second if bytes_a_second else INTERVALS_S[-1]
    return max(float(shortest_s), min(wanted_s, float(INTERVALS_S[-1])))


def next_interval(current_s: int, wanted_s: float, newest_s: int) -> int:
    """The interval to go on with; it changes only when it is off by two times or more.

    newest_s is the time that the newest chunk takes. Too long, it becomes the longest allowed one that is not: a mistake
    is over with the next chunk. Too short, it becomes the next allowed one, once a chunk of the present one is there: a
    quiet night must not make a chunk for the whole of a busy day.
    """
    if wanted_s <= current_s / _OFF:
        return at_most(wanted_s)
    if wanted_s >= current_s * _OFF and newest_s >= current_s:
        return min(allowed for allowed in INTERVALS_S if allowed > current_s)
    return current_s


def at_most(seconds: float) -> int:
    """The longest allowed interval that is not longer; the shortest one if all are."""
    return max((allowed for allowed in INTERVALS_S if allowed <= seconds), default=INTERVALS_S[0])


class ChunkInterval:
    """Sets the interval of new chunks; existing ones do not change. short: allows less than ten minutes."""

    name: Final = "chunk_interval"
    every_s: Final = 600.0

    def __init__(self, target_bytes: int, short: bool = False) -> None:
        self._target_bytes = target_bytes
        self._shortest_s = INTERVALS_S[0] if short else SHORTEST_S

    def run(self, connection: Connection) -> Report:
        current_s = read_interval_s(connection)
        chunks = read_chunks(connection)
        chosen_s, facts = current_s, {}
        if not chunks:
            chosen_s = START_S if current_s >= INTERVALS_S[-1] else current_s
        elif measured := self._measure(connection, chunks):
            wanted_s = fitting(self._target_bytes, measured.bytes_a_second, self._shortest_s)
            chosen_s = next_interval(current_s, wanted_s, (chunks[-1].to_us - chunks[-1].from_us) // SECOND_US)
            facts = {
                "records_a_second": round(measured.records / measured.seconds, 1),
                "record_bytes": round(measured.record_bytes, 1),
                "wanted_s": round(wanted_s),
            }
        if chosen_s != current_s:
            set_interval(connection, chosen_s)
        state = {"chunk_interval_seconds": chosen_s}
        return Report(done={"changes": int(chosen_s != current_s)}, state=state, facts={"from_s": current_s, **facts})

    def _measure(self, connection: Connection, chunks: Sequence[Chunk]) -> Measured | None:
        """The recent rate; None if records have only come for some minutes."""
        now_us = read_now_us(connection)
        from_us = max(now_us - _LOOK_BACK_US, first_minute_us(connection) or now_us)
        if now_us - from_us < _LEAST_US:
            return None
        records = records_between(connection, from_us, now_us)
        sizes = read_bytes(connection)
        recent = [chunk for chunk in chunks if chunk.to_us > from_us and chunk.from_us <= now_us]
        stored = sum(records_between(connection, chunk.from_us, chunk.to_us) for chunk in recent)
        size = sum(sizes.get(chunk.name, 0) for chunk in recent)
        record_bytes = size / stored if stored else 0.0
        recent_us = now_us - _RECENT_US
        return max(
            Measured(records, (now_us - from_us) / SECOND_US, record_bytes),
            Measured(records_between(connection, recent_us, now_us), _RECENT_US / SECOND_US, record_bytes),
            key=lambda measured: measured.bytes_a_second,
        )
