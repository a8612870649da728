"""Times as people write them."""

from zoneinfo import ZoneInfo

import pytest
from logstream_query.questions.moments import MAX_US, Moment, read_moment

NOW_US = 1_722_970_292_513_200


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("2024-08-06T18:51:32.5132Z", 1_722_970_292_513_200),
        ("2024-08-06T20:51:32+02:00", 1_722_970_292_000_000),
        ("2024-08-06T18:51:32", 1_722_970_292_000_000),
        ("2024-08-06 18:51:32:5132", 1_722_970_292_513_000),
        ("2024-08-06", 1_722_902_400_000_000),
        ("1722970292", 1_722_970_292_000_000),
        ("1722970292.5132", 1_722_970_292_513_200),
        ("1722970292513", 1_722_970_292_513_000),
        ("0", 0),
        ("1970-01-01", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("9999-12-31T23:59:59.999999Z", MAX_US),
        (" 1722970292 ", 1_722_970_292_000_000),
    ],
)
def test_absolute_times(text: str, us: int) -> None:
    assert read_moment(text).at(NOW_US) == us


@pytest.mark.parametrize(
    ("text", "back_s"), [("now", 0), ("-15m", 900), ("-30s", 30), ("-2h", 7_200), ("-1d", 86_400), ("-1w", 604_800)]
)
def test_relative_times_are_resolved_when_asked(text: str, back_s: int) -> None:
    assert read_moment(text).at(NOW_US) == NOW_US - back_s * 1_000_000


def test_relative_time_before_1970_is_1970() -> None:
    assert read_moment("-999999999w").at(NOW_US) == 0


def test_time_without_zone_is_read_in_the_given_one() -> None:
    assert read_moment("2024-08-07T03:51:32", ZoneInfo("Asia/Seoul")) == Moment(1_722_970_292_000_000)


@pytest.mark.parametrize(
    "text",
    ["yesterday", "15m", "-15", "-1.5h", "+15m", "1e9", "-1", "12345678901234567890", "2024-13-01", "1969-12-31T23:59:59Z",
     "0001-01-01T00:00:00+02:00", "9999-12-31T23:59:59-02:00", "٣", "2024-08-06T20:51:32 02:00", "now()", "NaN"],
)  # fmt: skip
def test_what_is_no_time_is_told_what_is(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        read_moment(text)
