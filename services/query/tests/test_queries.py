"""From query strings to questions: every problem is named, and what is right means the right thing."""

from contextlib import suppress
from datetime import UTC
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logstream_contract.filters.filters import Filter, Terms
from logstream_contract.filters.parameters import InvalidParameters
from logstream_contract.filters.query_string import ParameterProblem
from logstream_query.questions.cursors import Cursor, Position
from logstream_query.questions.moments import MAX_US
from logstream_query.questions.queries import HistoricalQuery, PageQuery, historical_query, page_query

NOW_US = 1_722_970_292_513_200


def problems_of(query_string: str) -> list[ParameterProblem]:
    with pytest.raises(InvalidParameters) as caught:
        page_query(query_string, NOW_US)
    return list(caught.value.problems)


def names_of_problems(query_string: str) -> list[str]:
    return sorted(problem["name"] for problem in problems_of(query_string))


@pytest.mark.parametrize("query_string", ["", "limit=&q=&start=&end=&level=&min_level=&node=&cursor=&order=", "&&"])
def test_absent_and_empty_parameters_are_the_defaults(query_string: str) -> None:
    assert page_query(query_string, NOW_US) == PageQuery(
        filter=Filter(), order="desc", after=None, limit=100, requested_at_us=NOW_US, records_sent=0
    )


def test_every_parameter() -> None:
    query = page_query(
        "start=-15m&end=now&level=WARN,error&min_level=warn&node=api-*,db&q=disk+%22is+full%22+-tmp&limit=5000&order=asc"
        "&attr.user=7&attr.http.route%3D%26=+%2F&-attr.user=8&-attr.user=9&-attr.user=8&attr.empty="
        "&sequence=65537,0&regex=disk+%5Bfg%5D",
        NOW_US,
    )
    assert query.filter == Filter(
        start_us=NOW_US - 900_000_000,
        end_us=NOW_US,
        levels=("WARN", "error"),
        min_severity=13,
        nodes=("api-*", "db"),
        text=Terms(("disk", "is full"), ("tmp",)),
        attributes=(("user", "7"), ("http.route=&", " /"), ("empty", "")),
        not_attributes=(("user", "8"), ("user", "9")),
        sequences=(65_537, 0),
        regex="disk [fg]",
    )
    assert (query.order, query.limit, query.after) == ("asc", 5_000, None)


@pytest.mark.parametrize(
    ("text", "severity"), [("Error", 17), ("17", 17), ("1", 1), ("24", 24), ("critical", 22), ("http", 7)]
)
def test_min_level_is_a_name_or_a_number(text: str, severity: int) -> None:
    assert page_query(f"min_level={text}", NOW_US).filter.min_severity == severity


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("limit", bad) for bad in ("0", "5001", "-1", "1e9", "1.5", "1_000", "٣", "x", "9" * 5_000, " 5")),
        *(("min_level", bad) for bad in ("loud", "0", "25", "-1", "notset")),
        *(("order", bad) for bad in ("up", "DESC")),
        *(("cursor", bad) for bad in ("x", "AQAAAAA", "💥", "0" * 4_000)),
        *(("start", bad) for bad in ("yesterday", "-15", "1969-12-31")),
        ("end", "tomorrow"),
        ("level", ","),
        ("node", " , "),
        ("q", '""'),
        ("q", "x" * 1_001),
        ("q", "nul\0"),
        ("attr.", "v"),
        ("-attr.", "v"),
        ("attr." + "k" * 256, "v"),
        ("attr." + "ü" * 128, "v"),
        ("attr.k", "nul\0"),
        ("attr", "v"),
        ("-attr", "v"),
        ("+attr.k", "v"),
        *(("sequence", bad) for bad in ("x", "-1", "1,x", str(2**63), ",", ",".join(map(str, range(51))))),
        ("regex", "x" * 1_001),
        ("limits", "5"),
        ("limits", ""),
        ("", "5"),
        ("Limit", "5"),
    ],
)
def test_a_bad_value_is_named_with_what_was_expected(name: str, value: str) -> None:
    (problem,) = problems_of(urlencode({name: value}))
    assert problem["name"] == (name if len(name) <= 100 else name[:100] + "…")
    assert problem["value"] == (value if len(value) <= 100 else value[:100] + "…")
    assert problem["expected"]


def test_a_number_of_any_length_is_answered_with_the_range() -> None:
    (problem,) = problems_of("limit=" + "9" * 5_000)
    assert problem["expected"] == "a whole number from 1 to 5000"


def test_all_problems_are_named_at_once() -> None:
    assert names_of_problems("limit=0&foo=1&q=a&q=b&min_level=loud&start=now&end=-1h&cursor=x&node=%FF&level=%00") == [
        "cursor", "end", "foo", "level", "limit", "min_level", "node", "q"
    ]  # fmt: skip


def test_a_parameter_given_twice_is_a_problem_even_with_the_same_value() -> None:
    assert names_of_problems("limit=5&limit=5") == ["limit"]
    assert names_of_problems("limit=&limit=5") == ["limit"]
    assert names_of_problems("attr.k=5&attr.k=5") == ["attr.k"]
    assert names_of_problems("attr.k=&attr%2Ek=5") == ["attr.k"]


def test_attributes_are_as_many_as_a_limit_says() -> None:
    most = "&".join([f"attr.{n}=v" for n in range(10)] + [f"-attr.k={n}" for n in range(10)])
    assert len(page_query(most, NOW_US).filter.not_attributes) == 10
    (problem,) = problems_of(most + "&-attr.one=more&attr.and=another")
    assert problem == {"name": "-attr.one", "value": "more", "expected": "at most 20 parameters attr.<key> and -attr.<key>"}


def test_a_bad_attribute_is_named_beside_good_ones_and_other_problems() -> None:
    assert names_of_problems("attr=") == ["attr"]
    assert names_of_problems("attr.=v&attr.k=v&attr=v&attr.%FF=v&levle=x") == ["attr", "attr.", "attr.\ufffd", "levle"]


def test_who_mistypes_a_name_is_told_the_names_there_are() -> None:
    (problem,) = problems_of("levle=error")
    assert "level, min_level, node, q, attr.<key>, -attr.<key>, start, end, sequence, regex, limit" in problem["expected"]


def test_bytes_that_are_no_utf8_are_a_problem_and_a_replacement_character_is_none() -> None:
    assert names_of_problems("q=%C3%28") == ["q"]
    assert names_of_problems("q=\xff") == ["q"]
    assert page_query(f"q={quote('�')}", NOW_US).filter.text == Terms(("�",))
    assert page_query("q=\xc3\xbc", NOW_US).filter.text == Terms(("ü",))


def test_a_start_after_the_end_is_a_problem_and_an_empty_range_is_none() -> None:
    assert problems_of("start=now&end=-1h") == [
        {"name": "end", "value": "-1h", "expected": "a time that is not earlier than the start"}
    ]
    assert page_query("start=5&end=5", NOW_US).filter == Filter(start_us=5_000_000, end_us=5_000_000)


def test_a_cursor_carries_order_position_count_and_the_time_of_the_first_question() -> None:
    cursor = Cursor(order="asc", requested_at_us=NOW_US, position=Position(7, 8), records_sent=300).encode()
    later_us = NOW_US + 60_000_000
    query = page_query(f"start=-15m&cursor={cursor}", later_us)
    assert query == PageQuery(
        filter=Filter(start_us=NOW_US - 900_000_000),
        order="asc",
        after=Position(7, 8),
        limit=100,
        requested_at_us=NOW_US,
        records_sent=300,
    )
    assert page_query(f"order=asc&cursor={cursor}", later_us).order == "asc"
    assert names_of_problems(f"order=desc&cursor={cursor}") == ["order"]


@given(st.text(max_size=80) | st.text(alphabet='startendlimitqnode.attr=&%-"*,0123456789\\', max_size=80))
def test_no_query_string_raises_anything_else(text: str) -> None:
    raw = text.encode("utf-8", "surrogatepass").decode("latin-1")
    for read in (page_query, lambda given, now: historical_query(given, now, UTC)):
        with suppress(InvalidParameters):
            read(raw, NOW_US)


def test_historical_defaults_and_unknown_parameters_are_overlooked() -> None:
    nothing = HistoricalQuery(Filter(), None, 10)
    assert historical_query("", NOW_US, UTC) == nothing
    empty = "sequence_number=&startTime=&endTime=&message=&level=&limit=&_=1&_=2&x=%FF"
    assert historical_query(empty, NOW_US, UTC) == nothing


def test_historical_parameters() -> None:
    query = historical_query(
        "sequence_number=65537&startTime=2024-08-07T03:51:32&endTime=2024-08-06T19:00:00.513Z&message=a+-b&level=Err&limit=3",
        NOW_US,
        ZoneInfo("Asia/Seoul"),
    )
    assert query == HistoricalQuery(
        Filter(
            start_us=1_722_970_292_000_000,
            end_us=1_722_970_800_514_000,
            level_contains="Err",
            text=Terms(("a -b",)),
        ),
        after_sequence=65_537,
        limit=3,
    )


def test_historical_end_of_time() -> None:
    assert historical_query("endTime=9999-12-31T23:59:59.999999Z", NOW_US, UTC).filter.end_us == MAX_US


def test_historical_problems() -> None:
    with pytest.raises(InvalidParameters) as caught:
        historical_query(f"sequence_number=-1&startTime=x&endTime=y&message={'m' * 1_001}&level=%00&limit=5001", NOW_US, UTC)
    assert sorted(problem["name"] for problem in caught.value.problems) == [
        "endTime", "level", "limit", "message", "sequence_number", "startTime"
    ]  # fmt: skip
    with pytest.raises(InvalidParameters):
        historical_query("startTime=now&endTime=-1m", NOW_US, UTC)
