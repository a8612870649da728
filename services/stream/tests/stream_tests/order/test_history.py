"""The address of what live could not show means the same filter."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from harness.corpus import QUERIES, query_string
from hypothesis import example, given
from hypothesis import strategies as st
from logstream_contract.filters.filters import Filter, Terms
from logstream_contract.filters.parameters import RecordParameters
from logstream_stream.order.history import query_of, records_url

TERMS = st.lists(st.text('ab"\\- \n', min_size=1, max_size=5), max_size=4, unique=True).map(tuple)


@pytest.mark.parametrize("query", QUERIES, ids=repr)
def test_a_filter_is_read_back_as_it_was(query: list[tuple[str, str]]) -> None:
    filter_ = RecordParameters.read(query_string(query))[0].record_filter()
    again, problems = RecordParameters.read(query_of(filter_))
    assert not problems
    assert again.record_filter() == filter_


@given(TERMS, TERMS)
@example(("-", "--", '-"', "\\", '\\"', "a\\", "a b\\"), ("-a", '"', " "))
def test_any_words_are_read_back_as_they_were(included: tuple[str, ...], excluded: tuple[str, ...]) -> None:
    filter_ = Filter(text=Terms(included, excluded))
    again, problems = RecordParameters.read(query_of(filter_))
    assert not problems
    assert again.record_filter() == filter_


def test_no_filter_is_no_parameter() -> None:
    assert query_of(None) == query_of(Filter()) == ""


def test_the_address_names_the_range_and_the_filter() -> None:
    url = records_url(
        "2024-08-06T18:41:32.000000Z", "2024-08-06T19:02:32.000000Z", query_of(Filter(levels=("warn", "error")))
    )
    assert url.startswith("/api/logs?")
    assert parse_qsl(urlsplit(url).query, strict_parsing=True) == [
        ("start", "2024-08-06T18:41:32.000000Z"),
        ("end", "2024-08-06T19:02:32.000000Z"),
        ("level", "warn,error"),
    ]
    assert records_url(None, "2024-08-06T19:02:32.000000Z", "") == "/api/logs?end=2024-08-06T19:02:32.000000Z"
