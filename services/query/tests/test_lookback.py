"""How far questions reach at first: the guess may be wrong, what is asked for never changes."""

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st
from logstream_contract.filters.filters import Filter
from logstream_query.questions.cursors import Order, Position
from logstream_query.questions.moments import MAX_US
from logstream_query.store.lookback import Lookback

HOUR_US = 3_600_000_000
NOW_US = 1_722_902_400_000_000
TIMES = st.integers(0, MAX_US)
ORDERS = st.sampled_from(get_args(Order))


@given(
    st.builds(Filter, start_us=st.none() | TIMES, end_us=st.none() | TIMES),
    ORDERS,
    st.none() | st.builds(Position, TIMES, st.just(1)),
    st.lists(st.none() | TIMES, max_size=3),
)
def test_the_last_attempt_is_what_was_asked_and_others_lie_within_it(
    filter_: Filter, order: Order, after: Position | None, lasts: list[int | None]
) -> None:
    lookback = Lookback()
    for last in [*lasts, None]:
        *bounded, whole = lookback.attempts(filter_, order, after, NOW_US)
        assert whole == filter_
        for one in bounded:
            assert (one.start_us or 0) >= (filter_.start_us or 0)
            assert (MAX_US if one.end_us is None else one.end_us) <= (MAX_US if filter_.end_us is None else filter_.end_us)
            # The end of a bounded question on the side where it begins is the question's own.
            assert (one.end_us == filter_.end_us) if order == "desc" else (one.start_us == filter_.start_us)
        lookback.learn(filter_, order, after, NOW_US, last)


def starts(lookback: Lookback) -> list[int | None]:
    return [one.start_us for one in lookback.attempts(Filter(), "desc", None, NOW_US)]


def test_a_question_that_had_to_reach_further_does_so_at_once_the_next_time() -> None:
    lookback = Lookback()
    assert starts(lookback) == [NOW_US - HOUR_US, None]
    lookback.learn(Filter(), "desc", None, NOW_US, NOW_US - 10 * HOUR_US)
    assert starts(lookback) == [NOW_US - 160 * HOUR_US, None]
    lookback.learn(Filter(), "desc", None, NOW_US, NOW_US - 5 * HOUR_US)
    assert starts(lookback) == [NOW_US - 160 * HOUR_US, None]
    lookback.learn(Filter(), "desc", None, NOW_US, NOW_US - 5)
    assert starts(lookback) == [NOW_US - 16 * HOUR_US, None]


def test_where_too_few_records_are_there_is_one_attempt() -> None:
    lookback = Lookback()
    lookback.learn(Filter(), "desc", None, NOW_US, None)
    assert starts(lookback) == [None]


def test_too_few_records_within_bounds_of_the_question_tell_nothing() -> None:
    lookback = Lookback()
    lookback.learn(Filter(start_us=NOW_US - 9 * HOUR_US), "desc", None, NOW_US, None)
    lookback.learn(Filter(end_us=NOW_US), "asc", Position(NOW_US - HOUR_US, 1), NOW_US, None)
    lookback.learn(Filter(sequences=(1,)), "desc", None, NOW_US, None)
    assert starts(lookback) == [NOW_US - HOUR_US, None]


def test_sequences_have_bounds_of_their_own() -> None:
    assert list(Lookback().attempts(Filter(sequences=(1,)), "desc", None, NOW_US)) == [Filter(sequences=(1,))]


def test_the_end_of_the_order_at_the_oldest_record_is_not_guessed() -> None:
    assert list(Lookback().attempts(Filter(), "asc", None, NOW_US)) == [Filter()]
