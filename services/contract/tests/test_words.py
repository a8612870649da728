"""Severities, timestamps and batch ids."""

import uuid
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from logstream_contract.rows.severity import level_of, severity_of
from logstream_contract.rows.timestamps import iso_micros, iso_millis, read_timestamp
from logstream_contract.wire.batch_id import new_batch_id

SEOUL = ZoneInfo("Asia/Seoul")


@pytest.mark.parametrize(
    ("level", "number"),
    [
        ("error", 17), ("warn", 13), ("info", 9), ("http", 7), ("verbose", 6), ("debug", 5), ("silly", 1),
        ("WARNING", 13), ("CRITICAL", 22), (" Info ", 9), ("emerg", 24), ("notice", 10), ("err", 17),
        ("INFO2", 10), ("fatal4", 24), ("trace", 1), ("", 0), ("chatty", 0), ("info5", 0),
    ],
)  # fmt: skip
def test_severity_of_known_names(level: str, number: int) -> None:
    assert severity_of(level) == number


def test_level_of_numbers() -> None:
    assert [level_of(n) for n in (0, 1, 4, 5, 9, 13, 20, 21, 24, 25)] == [
        "", "trace", "trace", "debug", "info", "warn", "error", "fatal", "fatal", "",
    ]  # fmt: skip


def nanos(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000) * 1_000_000


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-08-06 18:51:32:5132", "2024-08-06T18:51:32.513+00:00"),
        ("2024-08-06 18:51:32:5", "2024-08-06T18:51:32.005+00:00"),
        ("2024-08-06T18:51:32:051", "2024-08-06T18:51:32.051+00:00"),
        ("2024-08-06T18:51:32.513Z", "2024-08-06T18:51:32.513+00:00"),
        ("2024-08-06T18:51:32+09:00", "2024-08-06T09:51:32+00:00"),
        (" 2024-08-06 18:51:32 ", "2024-08-06T18:51:32+00:00"),
    ],
)
def test_timestamps_that_can_be_read(text: str, moment: str) -> None:
    assert read_timestamp(text, UTC) == nanos(moment)


def test_a_timestamp_without_a_zone_is_read_in_the_given_one() -> None:
    assert read_timestamp("2024-08-06 18:51:32:5132", SEOUL) == nanos("2024-08-06T09:51:32.513+00:00")
    assert read_timestamp("2024-08-06T18:51:32Z", SEOUL) == nanos("2024-08-06T18:51:32+00:00")


@given(
    st.datetimes(datetime(1969, 12, 31), datetime(2100, 1, 1)),
    st.sampled_from(["", "0", "7", "05", "999", "5132"]),
    st.sampled_from([UTC, SEOUL, ZoneInfo("Europe/Berlin")]),
    st.sampled_from(" T"),
)
@example(datetime(2024, 10, 27, 2, 30), "999", ZoneInfo("Europe/Berlin"), " ")
def test_the_seeds_form_is_the_moment_of_its_second_and_its_milliseconds(
    moment: datetime, digits: str, zone: tzinfo, separator: str
) -> None:
    second = moment.replace(microsecond=0)
    after = timedelta(milliseconds=int(digits[:3] or 0))
    text = second.isoformat(separator) + (f":{digits}" if digits else "")
    expected = round((second + after).replace(tzinfo=zone).timestamp() * 1000) * 1_000_000
    for _ in range(2):
        assert read_timestamp(text, zone) == (expected if expected >= 0 else None)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2024-13-06 18:51:32:5132", "2024-08-06 18:51:32:51320", "1969-12-31T23:59:59Z",
             "0001-01-01T00:00:00+14:00", "٢٠٢٤-08-06 18:51:32:1"],
)  # fmt: skip
def test_timestamps_that_cannot_be_read(text: str) -> None:
    assert read_timestamp(text, UTC) is None


def test_iso_forms() -> None:
    assert iso_micros(1_700_000_000_000_007) == "2023-11-14T22:13:20.000007Z"
    assert iso_millis(1_700_000_000_999_999) == "2023-11-14T22:13:20.999Z"


@given(st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999))
@example(0)
@example(-1)
@example(999_999)
@example(-62_135_596_800_000_000)
def test_iso_micros_is_the_time_as_the_library_writes_it(time_us: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)
    assert iso_micros(time_us) == moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("year", "shown"),
    [
        (-4_712, "0001-01-01T00:00:00"),
        (0, "0001-01-01T00:00:00"),
        (10_000, "9999-12-31T23:59:59"),
        (294_276, "9999-12-31T23:59:59"),
    ],
)
def test_years_that_no_four_digits_write_are_shown_as_the_nearest(year: int, shown: str) -> None:
    time_us = (year - 1970) * 31_557_600_000_000
    assert iso_micros(time_us)[:19] == shown
    assert iso_millis(time_us)[:19] == shown


def test_batch_ids_are_uuids_of_version_7_in_the_order_of_milliseconds() -> None:
    made = uuid.UUID(bytes=new_batch_id())
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert abs((made.int >> 80) / 1000 - datetime.now(UTC).timestamp()) < 60
    assert len({new_batch_id() for _ in range(1000)}) == 1000
