"""Pieces of a range: whatever was moved into sums and whatever wasn't, they add up to the records of the range."""

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from logstream_contract.filters.filters import Filter, Terms
from logstream_query.questions.moments import MINUTE_US
from logstream_query.store.counting import Piece, is_countable, pieces, pieces_around

HOUR_US = 60 * MINUTE_US
LAST_US = 5 * HOUR_US

times = st.one_of(
    st.integers(0, LAST_US),
    st.integers(0, 300).map(lambda minute: minute * MINUTE_US),
    st.integers(0, 300).flatmap(lambda minute: st.sampled_from([minute * MINUTE_US - 1, minute * MINUTE_US + 1])),
)
bounds = st.one_of(st.none(), times)
buckets = st.sampled_from([None, *(minutes * MINUTE_US for minutes in (1, 2, 7, 10, 15, 30, 60, 90, 120))])


def counted(piece: Piece, records: list[tuple[int, bool]]) -> Counter[int]:
    """Records of a piece by the start of what they were read from; a record is a time, and whether its count was moved."""
    width_us = {"logs": 1, "counts": MINUTE_US, "rollups": piece.width_us}[piece.source]
    found: Counter[int] = Counter()
    for time_us, moved in records:
        if piece.source == "logs" or moved == (piece.source == "rollups"):
            start_us = time_us // width_us * width_us
            if (piece.start_us is None or start_us >= piece.start_us) and (piece.end_us is None or start_us < piece.end_us):
                found[start_us] += piece.sign
    return found


@given(st.lists(st.tuples(times, st.booleans())), bounds, bounds, times, buckets)
@example([(MINUTE_US - 1, True), (MINUTE_US, False)], MINUTE_US - 1, MINUTE_US + 1, LAST_US, None)
@example([(20, False), (50, True)], 10, 40, 40, None)
def test_pieces_add_up_to_the_records_of_each_bucket(
    records: list[tuple[int, bool]], start_us: int | None, end_us: int | None, now_us: int, bucket_us: int | None
) -> None:
    width_us = bucket_us or 10 * LAST_US
    expected: Counter[int] = Counter()
    for time_us, _ in records:
        if (start_us is None or time_us >= start_us) and (end_us is None or time_us < end_us):
            expected[time_us // width_us] += 1
    found: Counter[int] = Counter()
    for piece in pieces(start_us, end_us, now_us, bucket_us):
        for at_us, number in counted(piece, records).items():
            found[at_us // width_us] += number
    assert {key: number for key, number in found.items() if number} == expected


@given(
    st.lists(st.tuples(times, st.booleans())),
    times,
    times,
    times,
    buckets,
    st.sets(st.integers(0, 5)),
    st.sets(st.integers(0, 359)),
)
def test_pieces_around_sums_that_don_t_tell_add_up_and_read_none_of_them(
    records: list[tuple[int, bool]],
    start_us: int,
    end_us: int,
    now_us: int,
    bucket_us: int | None,
    hours: set[int],
    minutes: set[int],
) -> None:
    hours_us = {hour * HOUR_US for hour in hours}
    minutes_us = {minute * MINUTE_US for minute in minutes if minute // 60 in hours}
    width_us = bucket_us or 10 * LAST_US
    expected: Counter[int] = Counter()
    for time_us, _ in records:
        if start_us <= time_us < end_us:
            expected[time_us // width_us] += 1
    found: Counter[int] = Counter()
    for piece in pieces_around(start_us, end_us, now_us, bucket_us, hours_us, minutes_us):
        for at_us, number in counted(piece, records).items():
            found[at_us // width_us] += number
        assert piece.start_us is not None
        assert piece.end_us is not None
        if piece.source != "logs":
            assert not any(piece.start_us <= minute_us < piece.end_us for minute_us in minutes_us)
        if piece.width_us > MINUTE_US:
            assert not any(piece.start_us < hour_us + HOUR_US and hour_us < piece.end_us for hour_us in hours_us)
    assert {key: number for key, number in found.items() if number} == expected


@given(times, times, times, buckets)
def test_sums_begin_and_end_at_multiples_of_their_width(
    start_us: int, end_us: int, now_us: int, bucket_us: int | None
) -> None:
    for piece in pieces(start_us, end_us, now_us, bucket_us):
        width_us = {"logs": 1, "counts": MINUTE_US, "rollups": piece.width_us}[piece.source]
        assert piece.start_us is not None
        assert piece.end_us is not None
        assert piece.start_us < piece.end_us
        assert piece.start_us % width_us == piece.end_us % width_us == 0
        assert bucket_us is None or bucket_us % max(width_us, 1) == 0 or piece.source == "logs"


def test_the_widest_sums_that_fit_are_read() -> None:
    found = pieces(50 * MINUTE_US, 4 * HOUR_US + 11 * MINUTE_US, LAST_US)
    assert [piece for piece in found if piece.source == "rollups"] == [
        Piece("rollups", HOUR_US, 4 * HOUR_US, width_us=HOUR_US),
        Piece("rollups", 50 * MINUTE_US, HOUR_US, width_us=10 * MINUTE_US),
        Piece("rollups", 4 * HOUR_US, 4 * HOUR_US + 10 * MINUTE_US, width_us=10 * MINUTE_US),
        Piece("rollups", 4 * HOUR_US + 10 * MINUTE_US, 4 * HOUR_US + 11 * MINUTE_US, width_us=MINUTE_US),
    ]
    assert pieces(None, None, 0) == [Piece("counts", None, None), Piece("rollups", None, None, width_us=HOUR_US)]


@pytest.mark.parametrize(
    ("end_s", "now_s", "expected"),
    [
        (90, 3_600, Piece("logs", 60_000_000, 90_000_000)),
        (91, 3_600, Piece("logs", 91_000_000, 120_000_000, sign=-1)),
        # Up to now: the rest of the minute holds next to nothing.
        (70, 70, Piece("logs", 70_000_000, 120_000_000, sign=-1)),
    ],
)
def test_the_shorter_part_of_a_ragged_minute_is_read(end_s: int, now_s: int, expected: Piece) -> None:
    found = pieces(0, end_s * 1_000_000, now_s * 1_000_000)
    assert [piece for piece in found if piece.source == "logs"] == [expected]


@pytest.mark.parametrize(
    ("filter_", "countable"),
    [
        (Filter(), True),
        (Filter(start_us=1, end_us=2, levels=("warn",), level_contains="e", min_severity=3, nodes=("a*",)), True),
        (Filter(text=Terms(("a",))), False),
        (Filter(text=Terms((), ("a",))), False),
        (Filter(attributes=(("k", "v"),)), False),
        (Filter(not_attributes=(("k", "v"),)), False),
        (Filter(sequences=(1,)), False),
        (Filter(regex="a"), False),
    ],
)
def test_counts_know_times_levels_and_nodes(filter_: Filter, countable: bool) -> None:
    assert is_countable(filter_) == countable
