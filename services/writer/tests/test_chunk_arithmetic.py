"""Where records may be cut off, and how long chunks should take. No database."""

import random
from itertools import pairwise

import pytest
from logstream_writer.maintenance.chunk_interval import INTERVALS_S, fitting, next_interval
from logstream_writer.maintenance.chunks import HOUR_US, Chunk, first_cut

MINUTE_US = HOUR_US // 60
DAY_S = 86_400


def chunks(*minutes: tuple[int, int]) -> list[Chunk]:
    return [Chunk(f"c{start}", start * MINUTE_US, end * MINUTE_US) for start, end in minutes]


def test_chunks_of_an_hour_or_more_go_one_by_one() -> None:
    hours = chunks((0, 60), (60, 120), (120, 1440))
    assert first_cut(hours) == (HOUR_US, hours[:1])
    assert first_cut(hours[1:]) == (2 * HOUR_US, hours[1:2])
    assert first_cut(hours[2:]) == (24 * HOUR_US, hours[2:])


def test_chunks_of_one_hour_go_together() -> None:
    short = chunks((0, 10), (10, 20), (50, 60), (60, 70))
    assert first_cut(short) == (HOUR_US, short[:3])
    # The hour is not over in the only chunk there is: it is cut where the hour ends.
    assert first_cut(short[3:]) == (2 * HOUR_US, short[3:])


def test_a_chunk_over_the_end_of_an_hour_takes_the_next_hours_with_it() -> None:
    odd = chunks((0, 10), (30, 90), (100, 110), (120, 130))
    assert first_cut(odd) == (2 * HOUR_US, odd[:3])
    assert first_cut(chunks((-90, -30), (-30, 0))) == (0, chunks((-90, -30), (-30, 0)))


def test_a_cut_is_a_whole_hour_that_lies_in_no_chunk(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(500):
        edges = sorted(rng.sample(range(-300, 600, 10), 12))
        some = [chunk for chunk in chunks(*pairwise(edges)) if rng.random() < 0.8]
        while some:
            cutoff_us, group = first_cut(some)
            assert cutoff_us % HOUR_US == 0
            assert all(chunk.to_us <= cutoff_us for chunk in group)
            some = some[len(group) :]
            assert all(chunk.from_us >= cutoff_us for chunk in some)


def test_every_interval_divides_a_day() -> None:
    assert all(DAY_S % interval == 0 for interval in INTERVALS_S)


@pytest.mark.parametrize(
    ("bytes_a_second", "wanted_s"), [(0, DAY_S), (1, DAY_S), (1024, 1024), (2**20, 600), (512, 2048), (1e12, 600)]
)
def test_the_time_of_a_chunk_is_that_in_which_its_bytes_come(bytes_a_second: float, wanted_s: float) -> None:
    assert fitting(2**20, bytes_a_second) == wanted_s


def test_an_interval_that_is_nearly_right_stays() -> None:
    for current in INTERVALS_S:
        for wanted in (current / 1.9, current, current * 1.9):
            assert next_interval(current, wanted, newest_s=current) == current


def test_too_long_becomes_what_fits_at_once() -> None:
    assert next_interval(DAY_S, 600, newest_s=DAY_S) == 600
    assert next_interval(DAY_S, 5_000, newest_s=DAY_S) == 3600
    assert next_interval(7 * DAY_S, DAY_S, newest_s=7 * DAY_S) == DAY_S


def test_too_short_becomes_the_next_one_when_there_is_a_chunk_of_it() -> None:
    assert next_interval(3600, DAY_S, newest_s=3600) == 7200
    assert next_interval(7200, DAY_S, newest_s=3600) == 7200
    assert next_interval(7200, DAY_S, newest_s=7200) == 3 * 3600


def test_an_interval_comes_to_rest() -> None:
    for wanted in (600, 1_000, 1_799, 4_000, 10_000, 50_000, DAY_S):
        current = 3600
        for _ in range(len(INTERVALS_S)):
            current = next_interval(current, wanted, newest_s=current)
        assert next_interval(current, wanted, newest_s=current) == current
        assert current / 2 < wanted < current * 2 or current == DAY_S
