"""How long slices become."""

from logstream_query.search.slice_sizer import MOST_RANGES, TARGET_S, SliceSizer


def test_slices_grow_towards_the_target_and_at_most_fourfold_each() -> None:
    slice_sizer = SliceSizer(1_000)
    slice_sizer.took(1_000, 5, TARGET_S / 100)
    assert slice_sizer.span_us(9) == 4_000
    slice_sizer.took(4_000, 5, TARGET_S / 2)
    assert slice_sizer.span_us(9) == 8_000


def test_a_slow_slice_makes_the_next_one_smaller() -> None:
    slice_sizer = SliceSizer(1_000)
    slice_sizer.took(1_000, 5, TARGET_S * 8)
    assert slice_sizer.span_us(9) == 125


def test_a_slice_that_timed_out_is_quartered_and_never_nothing() -> None:
    slice_sizer = SliceSizer(1_000)
    slice_sizer.timed_out(1_000, 40)
    assert (slice_sizer.span_us(9), slice_sizer.ranges) == (250, 10)
    for _ in range(9):
        slice_sizer.timed_out(slice_sizer.span_us(9), slice_sizer.ranges)
    assert (slice_sizer.span_us(9), slice_sizer.ranges) == (1, 1)


def test_the_number_of_ranges_follows_too() -> None:
    slice_sizer = SliceSizer(1_000)
    first = slice_sizer.ranges
    slice_sizer.took(1_000, first, TARGET_S / 100)
    assert slice_sizer.ranges == MOST_RANGES
    slice_sizer.took(1_000, MOST_RANGES, TARGET_S * 8)
    assert slice_sizer.ranges == MOST_RANGES // 8


def test_a_short_slice_at_the_end_of_a_budget_does_not_make_the_next_ones_short() -> None:
    slice_sizer = SliceSizer(1_000)
    left_s = TARGET_S / 10
    assert slice_sizer.span_us(left_s) == 100
    slice_sizer.took(100, 5, left_s)
    assert slice_sizer.span_us(9) == 1_000
