"""Bars: widths as people write and read them, and where bars begin."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logstream_query.questions.bars import bar_starts, nice_width, read_width
from logstream_query.questions.moments import EPOCH, MAX_US, as_datetime

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US


@pytest.mark.parametrize(
    ("text", "seconds"), [("1s", 1), ("10s", 10), ("5m", 300), ("1h", 3_600), ("1d", 86_400), ("2w", 1_209_600)]
)
def test_widths(text: str, seconds: int) -> None:
    assert read_width(text) == seconds * SECOND_US


@pytest.mark.parametrize(
    "text", ["0s", "1", "s", "-1m", "1.5h", "1M", "1 h", "١m", "3651d", "999999999w", "9999999999s", "1m\n"]
)
def test_what_is_no_width(text: str) -> None:
    with pytest.raises(ValueError, match="a width such as"):
        read_width(text)


@pytest.mark.parametrize(
    ("span_s", "bars", "seconds"),
    [
        (60, 60, 1),
        (61, 60, 2),
        (900, 60, 15),
        (3_600, 60, 60),
        (36_000, 60, 600),
        (86_400, 60, 1_800),
        (1, 1, 1),
        (0, 60, 1),
    ],
)
def test_an_easily_read_width_for_a_number_of_bars(span_s: int, bars: int, seconds: int) -> None:
    assert nice_width(span_s * SECOND_US, bars) == seconds * SECOND_US


@given(st.integers(0, MAX_US), st.integers(1, 1_000))
def test_no_span_takes_more_bars_than_the_target(span_us: int, bars: int) -> None:
    assert nice_width(span_us, bars) * bars >= span_us


@given(st.integers(0, 4_000 * DAY_US), st.integers(0, 100 * DAY_US), st.integers(86_400, 3_650 * 86_400))
def test_bars_cover_the_range_and_no_bar_more(start_us: int, span_us: int, width_s: int) -> None:
    starts = bar_starts(start_us, start_us + span_us, width_s * SECOND_US)
    if not span_us:
        assert len(starts) == 0
        return
    assert starts[0] <= start_us < starts[0] + width_s * SECOND_US
    assert starts[-1] < start_us + span_us <= starts[-1] + width_s * SECOND_US


def test_the_end_is_in_no_bar() -> None:
    assert list(bar_starts(0, 2 * DAY_US, DAY_US)) == [0, DAY_US]
    assert list(bar_starts(DAY_US - 1, DAY_US + 1, DAY_US)) == [0, DAY_US]


def test_weeks_begin_on_mondays_and_days_at_midnight() -> None:
    noon_us = (datetime(2024, 8, 7, 12, tzinfo=UTC) - EPOCH).days * DAY_US + DAY_US // 2
    assert as_datetime(bar_starts(noon_us, noon_us + 1, 7 * DAY_US)[0]) == datetime(2024, 8, 5, tzinfo=UTC)
    assert as_datetime(bar_starts(noon_us, noon_us + 1, DAY_US)[0]) == datetime(2024, 8, 7, tzinfo=UTC)
