"""Stretches of time, held against sets of single microseconds."""

import itertools
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logstream_query.questions.cursors import MAX_SEQUENCE, Order, Position
from logstream_query.questions.ranges import Range, border_us, common, merged, past, short_of, split, take

PAIRS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=12)
LISTS = PAIRS.map(merged)
ORDERS = st.sampled_from(get_args(Order))


def times(ranges: list[Range]) -> set[int]:
    return {time for one in ranges for time in range(one.from_us, one.to_us + 1)}


def assert_list(ranges: list[Range]) -> None:
    assert all(one.from_us <= one.to_us for one in ranges)
    assert all(later.from_us > earlier.to_us + 1 for later, earlier in itertools.pairwise(ranges))


@given(PAIRS)
def test_merged_ranges_are_the_same_times_newest_first(pairs: list[tuple[int, int]]) -> None:
    found = merged(pairs)
    assert_list(found)
    assert times(found) == times([Range(*pair) for pair in pairs])


@given(LISTS, LISTS)
def test_common_times(one: list[Range], other: list[Range]) -> None:
    found = common(one, other)
    assert times(found) == times(one) & times(other)
    assert found == sorted(found, reverse=True)
    assert sum(each.span_us for each in found) == len(times(found))


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 60), ORDERS)
def test_a_split_range_is_whole_and_begins_where_the_walk_does(start: int, length: int, span_us: int, order: Order) -> None:
    whole = Range(start, start + length)
    first, rest = split(whole, span_us, order)
    assert first.span_us == min(span_us, whole.span_us)
    assert times([first]) | times([rest] if rest else []) == times([whole])
    if rest:
        assert (first.from_us > rest.to_us) is (order == "desc")


@given(LISTS, st.integers(1, 80), st.integers(1, 6), ORDERS)
def test_taking_goes_through_a_walk_once_and_in_its_order(
    ranges: list[Range], span_us: int, most: int, order: Order
) -> None:
    left = ranges if order == "desc" else ranges[::-1]
    seen: list[Range] = []
    while left:
        group, left = take(left, span_us, most, order)
        assert group
        assert len(group) <= most
        assert sum(one.span_us for one in group) <= span_us
        seen += group
    assert times(seen) == times(ranges)
    assert sum(one.span_us for one in seen) == len(times(ranges))
    assert seen == sorted(seen, reverse=order == "desc")


@pytest.mark.parametrize(
    ("order", "behind", "ahead", "borders"),
    [
        ("desc", Position(10, 0), Position(20, MAX_SEQUENCE), (10, 21)),
        ("asc", Position(20, MAX_SEQUENCE), Position(9, MAX_SEQUENCE), (21, 10)),
    ],
)
def test_positions_around_a_range(order: Order, behind: Position, ahead: Position, borders: tuple[int, int]) -> None:
    one = Range(10, 20)
    assert (past(one, order), short_of(one, order)) == (behind, ahead)
    assert (border_us(behind), border_us(ahead)) == borders


def test_nothing_is_before_the_first_microsecond() -> None:
    assert short_of(Range(0, 5), "asc") is None
