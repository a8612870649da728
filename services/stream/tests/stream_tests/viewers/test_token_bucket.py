"""So many a second, and an even choice of more."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from logstream_stream.viewers.token_bucket import TokenBucket, spread


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_second_of_it_can_be_taken_at_once() -> None:
    token_bucket = TokenBucket(10, Clock())
    assert token_bucket.take_all(10)
    assert not token_bucket.take_all(1)
    assert token_bucket.take(5) == 0


def test_what_is_refused_takes_nothing() -> None:
    token_bucket = TokenBucket(10, Clock())
    assert not token_bucket.take_all(11)
    assert token_bucket.take(11) == 10


def test_it_comes_back_by_and_by_and_no_more_than_a_second_of_it() -> None:
    clock = Clock()
    token_bucket = TokenBucket(10, clock)
    token_bucket.take(10)
    clock.now_s += 0.5
    assert token_bucket.take(99) == 5
    clock.now_s += 60.0
    assert token_bucket.take(99) == 10


# Steps of a 64th of a second, so that sums are exact.
@given(st.lists(st.tuples(st.integers(0, 80), st.integers(1, 40)), max_size=60))
def test_who_takes_no_more_in_any_second_is_refused_none(steps: list[tuple[int, int]]) -> None:
    clock, rate = Clock(), 64
    token_bucket = TokenBucket(rate, clock)
    taken: list[tuple[float, int]] = []
    for ticks, count in steps:
        clock.now_s += ticks / 64
        in_this_second = sum(found for at, found in taken if at > clock.now_s - 1.0)
        granted = token_bucket.take(count)
        if in_this_second + count <= rate:
            assert granted == count
        taken.append((clock.now_s, granted))
        # Whatever is asked for, two seconds of it at most fall into one.
        assert in_this_second + granted <= 2 * rate


@given(st.integers(1, 3_000), st.integers(0, 3_000), st.integers(0, 2**32))
def test_a_choice_is_even_and_chooses_nothing_twice(total: int, chosen: int, seed: int) -> None:
    chosen = min(chosen, total)
    found = spread(total, chosen, np.random.default_rng(seed)).tolist()
    assert len(found) == len(set(found)) == chosen
    assert found == sorted(found)
    assert all(n * total // chosen <= at < (n + 1) * total // chosen for n, at in enumerate(found))


def test_a_choice_of_what_repeats_itself_is_not_always_the_same() -> None:
    found = spread(10_000, 100, np.random.default_rng(1))
    assert len(set((found % 100).tolist())) > 50
