"""What the counting routes make of the counts they get."""

import itertools
from collections.abc import Iterator

import pytest
from logstream_query.questions.bars import bar_starts
from logstream_query.routes.facets import attributes_of, top_of
from logstream_query.routes.histogram import fill_bars, levels_of
from logstream_query.routes.stats import CachedStatistics, stats_of
from logstream_query.store import BarCount, Levels, Statistics, StoredRecord, ValueCount
from logstream_query.unavailable import DatabaseUnavailable

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US


def test_bars_are_dense_and_name_the_levels_asked_for() -> None:
    counted = [
        BarCount(MINUTE_US, "error", 17, 2),
        BarCount(MINUTE_US, "error", 18, 3),
        BarCount(3 * MINUTE_US, "odd", 0, 4),
        BarCount(3 * MINUTE_US, "info", 9, 1),
    ]
    assert fill_bars(bar_starts(90 * SECOND_US, 4 * MINUTE_US, MINUTE_US), counted, ["error", "info"]) == [
        {"start": "1970-01-01T00:01:00.000000Z", "total": 5, "counts": {"error": 5}},
        {"start": "1970-01-01T00:02:00.000000Z", "total": 0, "counts": {}},
        {"start": "1970-01-01T00:03:00.000000Z", "total": 5, "counts": {"info": 1}},
    ]


def test_a_level_has_the_severity_of_most_of_its_records() -> None:
    counted = [BarCount(0, "b", 3, 5), BarCount(9, "b", 4, 3), BarCount(18, "b", 4, 3), BarCount(0, "a", 1, 11)]
    assert levels_of(counted) == [
        {"level": "a", "severity": 1, "count": 11},
        {"level": "b", "severity": 4, "count": 11},
    ]


def record(level: str, node: str, severity: int = 9) -> StoredRecord:
    return StoredRecord(sequence=0, time_us=0, severity=severity, level=level, node=node, message="", attributes=None)


def test_levels_and_nodes_of_records() -> None:
    records = [record("info", "b"), record("info", "a", 10), record("info", "a", 10), record("warn", "c")]
    levels, nodes = top_of(records, 2)
    assert levels.values == [ValueCount("info", 3, 10), ValueCount("warn", 1, 9)]
    assert nodes.values == [ValueCount("a", 2, 0), ValueCount("b", 1, 0)]
    assert (levels.distinct, levels.total, nodes.distinct, nodes.total) == (2, 4, 3, 4)


def test_attributes_of_records() -> None:
    found = attributes_of([{"k": "1", "z": "x"}, None, {"k": "2"}, {"k": "2"}, {"k": "0"}], 2)
    assert found == (
        2,
        [
            {
                "key": "k",
                "count": 4,
                "distinct": 3,
                "too_long": 0,
                "top": [{"value": "2", "count": 2}, {"value": "0", "count": 1}],
            },
            {"key": "z", "count": 1, "distinct": 1, "too_long": 0, "top": [{"value": "x", "count": 1}]},
        ],
    )


def test_of_many_keys_the_most_frequent_are_listed() -> None:
    distinct, listed = attributes_of([{f"k{index:03}": ""} for index in range(150)] + [{"k149": ""}], 1)
    assert (distinct, len(listed), listed[0]["key"], listed[1]["key"]) == (150, 100, "k149", "k000")


def test_what_is_too_long_for_a_list_is_counted_and_not_listed() -> None:
    keys, (found,) = attributes_of([{"k": "x" * 257, "y" * 257: ""}, {"k": "x" * 256}, {"k": "x" * 300}], 10)
    assert keys == 2
    assert found == {
        "key": "k", "count": 3, "distinct": 3, "too_long": 2, "top": [{"value": "x" * 256, "count": 1}]
    }  # fmt: skip


def test_many_keys_list_fewer_values_each() -> None:
    _, listed = attributes_of([{f"k{key}": f"{value}" for key in range(100)} for value in range(60)], 1_000)
    assert [len(one["top"]) for one in listed] == [50] * 100
    assert {one["distinct"] for one in listed} == {60}


def statistics(rows: int = 0) -> Statistics:
    return Statistics(
        rows=rows, oldest_us=None, newest_us=None, table_bytes=1, index_bytes=2, total_bytes=3, chunks=4, community=False,
        postgresql="17.1", timescaledb="2.19.3", minute_us=120 * MINUTE_US, last_minute=Levels({"info": 30}, 0, 30),
        last_hour=Levels({"info": 1_800, "warn": 1_700}, 3, 3_600), indexed_rows=0, indexed_to=None, newest_batch=None,
    )  # fmt: skip


def test_statistics_are_kept_for_a_while() -> None:
    reads = itertools.count(1)
    now_s = 100.0
    cached = CachedStatistics(lambda: statistics(next(reads)), 5, lambda: now_s)
    assert [cached.get().rows, cached.get().rows] == [1, 1]
    now_s = 104.9
    assert cached.get().rows == 1
    now_s = 105.0
    assert cached.get().rows == 2


def test_an_error_is_not_kept() -> None:
    answers: Iterator[DatabaseUnavailable | Statistics] = iter([DatabaseUnavailable("away"), statistics(1)])

    def read() -> Statistics:
        answer = next(answers)
        if isinstance(answer, DatabaseUnavailable):
            raise answer
        return answer

    cached = CachedStatistics(read)
    with pytest.raises(DatabaseUnavailable):
        cached.get()
    assert cached.get().rows == 1


def test_rates_are_those_of_whole_minutes() -> None:
    rates = stats_of(statistics())["rates"]
    assert rates["minute"] == {
        "start": "1970-01-01T02:00:00.000000Z", "end": "1970-01-01T02:01:00.000000Z", "records": 30, "per_second": 0.5,
        "levels": {"info": 30}, "other_levels": 0,
    }  # fmt: skip
    assert rates["hour"] == {
        "start": "1970-01-01T01:01:00.000000Z", "end": "1970-01-01T02:01:00.000000Z", "records": 3_600, "per_second": 1.0,
        "levels": {"info": 1_800, "warn": 1_700}, "other_levels": 3,
    }  # fmt: skip
