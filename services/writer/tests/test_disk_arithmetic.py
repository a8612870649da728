"""How a size limit is shared out, and when the chunk that new records go into is cut in two. No database."""

from collections import deque

import pytest
from logstream_writer.maintenance import budget
from logstream_writer.maintenance.chunk_split import Sample, wanted_interval
from logstream_writer.maintenance.chunks import HOUR_US, SECOND_US, Chunk
from logstream_writer.maintenance.retention import pause_s

MB, GB = 10**6, 10**9
LIMIT = 12 * GB
TARGET = budget.chunk_target(GB, LIMIT)
DAY = Chunk("day", 0, 24 * HOUR_US)
HOUR = Chunk("hour", 12 * HOUR_US, 13 * HOUR_US)
NOON_US = 12 * HOUR_US


def samples(chunk: Chunk, *sizes: float, every_s: float = 10, rows: float = 1) -> deque[Sample]:
    """The newest size is that at noon."""
    times = [NOON_US - round(index * every_s * SECOND_US) for index in range(len(sizes))][::-1]
    return deque(
        Sample(chunk=chunk, now_us=time, bytes=round(size), row_bytes=round(size * rows))
        for time, size in zip(times, sizes, strict=True)
    )


def flood(chunk: Chunk, before: float, a_second: float, seconds: int) -> int | None:
    """What is wanted first while a chunk grows, looked at every ten seconds as maintenance does."""
    sizes = [before] * 7
    for _ in range(0, seconds, 10):
        sizes = [*sizes[1:], sizes[-1] + a_second * 10]
        wanted = wanted_interval(samples(chunk, *sizes), TARGET, LIMIT)
        if wanted:
            return wanted
    return None


def test_chunks_are_a_sixteenth_of_a_limit() -> None:
    assert budget.chunk_target(2**30, 0) == 2**30
    assert budget.chunk_target(2**30, 2**40) == 2**30
    assert budget.chunk_target(2**30, 2**30) == 2**26
    assert budget.chunk_target(2**30, 1) == 1
    assert budget.largest_chunk(2**30) == 2**27


@pytest.mark.parametrize(("a_second", "interval_s"), [(21 * MB, 60), (100 * MB, 60), (3 * MB, 60), (MB, 600)])
def test_a_flood_ends_the_chunk_of_a_quiet_day(a_second: float, interval_s: int) -> None:
    assert flood(DAY, TARGET / 4, a_second, 3600) == interval_s


def test_a_rate_that_fits_leaves_the_chunk_alone() -> None:
    assert flood(DAY, TARGET / 4, TARGET / 86_400, 600) is None
    # 900 MB will come: more than the target, less than what may be deleted at once.
    assert flood(DAY, TARGET / 2, 900 * MB / 43_200, 600) is None


def test_a_burst_of_five_seconds_is_no_flood() -> None:
    sizes = [TARGET * 0.75] * 6 + [TARGET * 0.75 + 5 * 21 * MB]
    assert wanted_interval(samples(DAY, *sizes), TARGET, LIMIT) is None


def test_a_chunk_that_is_over_soon_is_not_cut() -> None:
    ending = Chunk("ending", NOON_US - HOUR_US, NOON_US + 110 * SECOND_US)
    assert flood(ending, TARGET / 2, 21 * MB, 60) is None


def test_what_is_too_large_is_not_copied_any_more() -> None:
    sizes = [3.1 * TARGET + index * 210 * MB for index in range(7)]
    assert wanted_interval(samples(DAY, *sizes), TARGET, LIMIT) is None
    # Columns that would be too many rows.
    sizes = [TARGET + index * 210 * MB for index in range(3)]
    assert wanted_interval(samples(DAY, *sizes), TARGET, LIMIT) == 60
    assert wanted_interval(samples(DAY, *sizes, rows=4), TARGET, LIMIT) is None


def test_measuring_takes_a_twentieth_of_the_time_at_most_but_comes_every_minute() -> None:
    assert [pause_s(seconds) for seconds in (0, 0.25, 1, 1.5, 100)] == [10, 10, 40, 60, 60]


def test_one_look_is_none() -> None:
    assert wanted_interval(samples(DAY, 2 * TARGET), TARGET, LIMIT) is None
    assert wanted_interval(samples(HOUR, 2 * TARGET, 2 * TARGET), TARGET, LIMIT) is None
