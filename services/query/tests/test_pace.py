"""How long slices become."""

from logstream_query.pace import TARGET_S, Pace


def test_slices_grow_towards_the_target_and_at_most_fourfold_each() -> None:
    pace = Pace(1_000)
    pace.took(1_000, TARGET_S / 100)
    assert pace.span_us(9) == 4_000
    pace.took(4_000, TARGET_S / 2)
    assert pace.span_us(9) == 8_000


def test_a_slow_slice_makes_the_next_one_smaller() -> None:
    pace = Pace(1_000)
    pace.took(1_000, TARGET_S * 10)
    assert pace.span_us(9) == 100


def test_a_slice_that_timed_out_is_quartered_and_never_nothing() -> None:
    pace = Pace(1_000)
    pace.timed_out(1_000)
    assert pace.span_us(9) == 250
    for _ in range(9):
        pace.timed_out(pace.span_us(9))
    assert pace.span_us(9) == 1


def test_a_short_slice_at_the_end_of_a_budget_does_not_make_the_next_ones_short() -> None:
    pace = Pace(1_000)
    left_s = TARGET_S / 10
    assert pace.span_us(left_s) == 100
    pace.took(100, left_s)
    assert pace.span_us(9) == 1_000
