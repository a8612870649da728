"""How long slices become."""

from logstream_query.search.pace import MOST_RANGES, TARGET_S, Pace


def test_slices_grow_towards_the_target_and_at_most_fourfold_each() -> None:
    pace = Pace(1_000)
    pace.took(1_000, 5, TARGET_S / 100)
    assert pace.span_us(9) == 4_000
    pace.took(4_000, 5, TARGET_S / 2)
    assert pace.span_us(9) == 8_000


def test_a_slow_slice_makes_the_next_one_smaller() -> None:
    pace = Pace(1_000)
    pace.took(1_000, 5, TARGET_S * 8)
    assert pace.span_us(9) == 125


def test_a_slice_that_timed_out_is_quartered_and_never_nothing() -> None:
    pace = Pace(1_000)
    pace.timed_out(1_000, 40)
    assert (pace.span_us(9), pace.ranges) == (250, 10)
    for _ in range(9):
        pace.timed_out(pace.span_us(9), pace.ranges)
    assert (pace.span_us(9), pace.ranges) == (1, 1)


def test_the_number_of_ranges_follows_too() -> None:
    pace = Pace(1_000)
    first = pace.ranges
    pace.took(1_000, first, TARGET_S / 100)
    assert pace.ranges == MOST_RANGES
    pace.took(1_000, MOST_RANGES, TARGET_S * 8)
    assert pace.ranges == MOST_RANGES // 8


def test_a_short_slice_at_the_end_of_a_budget_does_not_make_the_next_ones_short() -> None:
    pace = Pace(1_000)
    left_s = TARGET_S / 10
    assert pace.span_us(left_s) == 100
    pace.took(100, 5, left_s)
    assert pace.span_us(9) == 1_000
