"""Where records may be cut off, and how long chunks should take. No database."""

import random
from itertools import pairwise

import pytest
from logstream_writer.maintenance.chunk_interval import INTERVALS_S, fitting, next_interval
from logstream_writer.maintenance.chunks import MINUTE_US, Chunk, first_cut

DAY_S = 86_400


def chunks(*minutes: tuple[int, int]) -> list[Chunk]:
    return [Chunk(f"c{start}", start * MINUTE_US, end * MINUTE_US) for start, end in minutes]


def test_chunks_go_one_by_one() -> None:
    some = chunks((0, 1), (1, 10), (10, 60), (120, 1440))
    for index, end in enumerate((1, 10, 60, 1440)):
        assert first_cut(some[index:]) == (end * MINUTE_US, some[index : index + 1])


def test_a_chunk_within_a_minute_takes_the_others_of_it_with_it() -> None:
    odd = [Chunk("a", 0, 20_000_000), Chunk("b", 20_000_000, 70_000_000), Chunk("c", 70_000_000, 2 * MINUTE_US)]
    assert first_cut([*odd, *chunks((2, 3))]) == (2 * MINUTE_US, odd)
    # The minute is not over in the only chunk there is: it is cut where the minute ends.
    assert first_cut(odd[:1]) == (MINUTE_US, odd[:1])


def test_a_cut_is_a_whole_minute_that_lies_in_no_chunk(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(500):
        edges = sorted(rng.sample(range(-300_000_000, 600_000_000, 10_000_000), 12))
        some = [Chunk(str(start), start, end) for start, end in pairwise(edges) if rng.random() < 0.8]
        while some:
            cutoff_us, group = first_cut(some)
            assert cutoff_us % MINUTE_US == 0
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


def test_short_chunks_are_for_a_limit_of_size() -> None:
    assert fitting(2**20, 1e12, shortest_s=60) == 60
    assert fitting(2**20, 2**12, shortest_s=60) == 256


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
    for wanted in (60, 100, 200, 450, 600, 1_000, 1_799, 4_000, 10_000, 50_000, DAY_S):
        current = 3600
        for _ in range(len(INTERVALS_S)):
            current = next_interval(current, wanted, newest_s=current)
        assert next_interval(current, wanted, newest_s=current) == current
        assert current / 2 < wanted < current * 2 or current == DAY_S
