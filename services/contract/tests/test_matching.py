"""The matcher, held against the plainest reading of what a filter says."""

import re
from itertools import product
from random import Random

import pytest
from harness.corpus import QUERIES, SAMPLES, query_string, random_query
from hypothesis import given, settings
from hypothesis import strategies as st
from logstream_contract.filters.filters import Filter, Terms
from logstream_contract.filters.matching import Candidate, Matcher
from logstream_contract.filters.parameters import RecordParameters

RECORDS = [
    Candidate(n, n * 10, sample.severity, sample.level, sample.node, sample.message, sample.attributes or None)
    for n, sample in enumerate(SAMPLES)
]


def lowered(text: str) -> str:
    return "".join(character.lower()[0] for character in text)


def is_like(node: str, pattern: str) -> bool:
    """Whether `*` in the pattern can stand for something that makes it the node."""
    if "*" not in pattern:
        return node == pattern
    head, tail = pattern.split("*", 1)
    rest = node.removeprefix(head)
    return node.startswith(head) and any(is_like(rest[start:], tail) for start in range(len(rest) + 1))


def plainly(wanted: Filter, record: Candidate) -> bool:
    message, has = lowered(record.message), record.attributes or {}
    return all(
        [
            wanted.start_us is None or wanted.start_us <= record.time_us,
            wanted.end_us is None or record.time_us < wanted.end_us,
            wanted.min_severity is None or wanted.min_severity <= record.severity,
            not wanted.levels or any(lowered(record.level) == lowered(level) for level in wanted.levels),
            lowered(wanted.level_contains) in lowered(record.level),
            not wanted.nodes or any(is_like(record.node, pattern) for pattern in wanted.nodes),
            all(lowered(term) in message for term in wanted.text.included),
            all(lowered(term) not in message for term in wanted.text.excluded),
            all(pair in has.items() for pair in wanted.attributes),
            all(pair not in has.items() for pair in wanted.not_attributes),
            not wanted.sequences or record.sequence in wanted.sequences,
        ]
    )


def numbers(wanted: Filter) -> list[int]:
    matcher = Matcher(wanted)
    return [record.sequence for record in RECORDS if matcher.record(record)]


def filter_of(text: str) -> Filter:
    asked, problems = RecordParameters.read(text)
    assert not problems
    return asked.record_filter()


@pytest.mark.parametrize("query", QUERIES, ids=repr)
def test_what_is_asked_by_hand(query: list[tuple[str, str]]) -> None:
    wanted = filter_of(query_string(query))
    assert numbers(wanted) == [record.sequence for record in RECORDS if plainly(wanted, record)]


@settings(deadline=None)
@given(st.randoms(use_true_random=False))
def test_what_is_asked_by_chance(chance: Random) -> None:
    wanted = filter_of(query_string(random_query(chance)))
    assert numbers(wanted) == [record.sequence for record in RECORDS if plainly(wanted, record)]


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(start_us=20, end_us=40),
        Filter(start_us=30),
        Filter(end_us=30),
        Filter(sequences=(3, 5, 10_000)),
        Filter(level_contains="NF"),
        Filter(levels=("info",), level_contains="x"),
        Filter(attributes=(("user", "7"), ("user", "8"))),
    ],
    ids=repr,
)
def test_what_only_history_is_asked(wanted: Filter) -> None:
    assert numbers(wanted) == [record.sequence for record in RECORDS if plainly(wanted, record)]


@pytest.mark.parametrize("pattern", ["a*", "*a", "*a*b*", "a**b", "ab*ba", "*", "**", "a*b*", "*ab*ab", "."])
def test_a_star_stands_for_any_run_of_characters(pattern: str) -> None:
    matcher = Matcher(Filter(nodes=(pattern,)))
    for length in range(6):
        for node in map("".join, product("ab\n", repeat=length)):
            assert matcher.node(node) == is_like(node, pattern), (node, pattern)


def test_a_node_that_nearly_fits_many_stars_is_answered() -> None:
    assert not Matcher(Filter(nodes=("*a" * 100 + "*b",))).node("a" * 250)


def test_a_regular_expression_is_refused_and_not_overlooked() -> None:
    with pytest.raises(ValueError, match="history"):
        Matcher(Filter(regex="a+"))


def test_texts_of_records_in_columns_are_narrowed_down() -> None:
    matcher = Matcher(Filter(text=Terms(("A", "B"), ("C",))))
    assert matcher.texts(["ab", "a", "abc", "b", "ba"], range(5)) == [0, 4]
    assert matcher.texts(["ab", "a", "abc", "b", "ba"], [1, 2, 4]) == [4]


def test_every_sample_can_be_told_from_another() -> None:
    """The samples would prove little if questions matched all of them or none."""
    shares = [len(numbers(filter_of(query_string(query)))) for query in QUERIES]
    assert sum(0 < share < len(RECORDS) for share in shares) > len(QUERIES) * 0.8
    assert re.search(r"[\\%_]", "".join(record.message for record in RECORDS))
