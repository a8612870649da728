"""Counting by looking at records: everything once, newest first, and honest about how far the budget reached."""

from contextlib import nullcontext
from typing import Any, cast

import pytest
from logstream_contract.filters.filters import Filter, Terms
from logstream_query.search.record_counts import RecordCounts
from logstream_query.store import Aggregates, BarCount
from logstream_query.unavailable import DatabaseUnavailable, StatementTimeout

WANTED = Filter(text=Terms(("x",)))
WIDTH_US = 1_000


class MemoryAggregates:
    """Records at `times`, each of which costs the clock cost_s when it is looked at."""

    def __init__(self, times: list[int], cost_s: float) -> None:
        self.times = sorted(times)
        self.cost_s = cost_s
        self.now_s = 0.0
        self.slices: list[tuple[int, int]] = []
        self.timeouts = 0
        self.places = 0

    def clock_s(self) -> float:
        return self.now_s

    def nth_newest_us(self, start_us: int, end_us: int, n: int) -> int | None:
        self.places += 1
        found = [time_us for time_us in self.times if start_us <= time_us < end_us]
        return found[-n] if len(found) >= n else None

    def bars_of_records(self, filter_: Filter, width_us: int, timeout_s: float) -> list[BarCount]:
        assert filter_.text == WANTED.text
        assert filter_.start_us is not None
        assert filter_.end_us is not None
        assert timeout_s > 0
        found = [time_us for time_us in self.times if filter_.start_us <= time_us < filter_.end_us]
        self.now_s += min(timeout_s, len(found) * self.cost_s)
        if len(found) * self.cost_s > timeout_s:
            self.timeouts += 1
            raise StatementTimeout("too slow")
        self.slices.append((filter_.start_us, filter_.end_us))
        return [BarCount(time_us // width_us * width_us, "info", 9, 1) for time_us in found]


def count(aggregates: MemoryAggregates, start_us: int, end_us: int, budget_s: float = 1.0) -> tuple[dict[int, int], int]:
    counts = RecordCounts(cast(Aggregates, aggregates), budget_s, lambda _: nullcontext(), clock_s=aggregates.clock_s)
    bars, scanned_us = counts.bars(WANTED, start_us, end_us, WIDTH_US)
    assert len({bar[:3] for bar in bars}) == len(bars)
    return {bar.start_us: bar.records for bar in bars}, scanned_us


def test_a_small_range_is_one_slice() -> None:
    aggregates = MemoryAggregates([5, 10, 1_500, 2_000], 0.001)
    assert count(aggregates, 10, 2_000) == ({0: 1, 1_000: 1}, 10)
    assert aggregates.slices == [(10, 2_000)]


def test_a_large_range_is_counted_slice_by_slice_each_record_once() -> None:
    times = list(range(60_000))
    aggregates = MemoryAggregates(times, 0.000_005)
    found, scanned_us = count(aggregates, 0, 60_000)
    assert scanned_us == 0
    assert found == dict.fromkeys(range(0, 60_000, 1_000), 1_000)
    assert len(aggregates.slices) > 1
    assert aggregates.slices[0] == (40_000, 60_000)


def test_the_newest_are_counted_when_the_budget_ends() -> None:
    aggregates = MemoryAggregates(list(range(100_000)), 0.000_02)
    found, scanned_us = count(aggregates, 0, 100_000)
    assert 0 < scanned_us < 80_000
    assert sum(found.values()) == 100_000 - scanned_us
    assert aggregates.now_s <= 1.0


def test_a_slice_that_takes_too_long_is_tried_again_smaller() -> None:
    # Sparse at first, so that the slices grow, then dense.
    times = [*range(40_000), *range(40_000, 10_000_000, 400)]
    aggregates = MemoryAggregates(times, 0.000_05)
    found, scanned_us = count(aggregates, 0, 10_000_000, budget_s=60)
    assert aggregates.timeouts > 0
    assert scanned_us == 0
    assert sum(found.values()) == len(times)


def test_records_too_slow_for_the_budget_are_no_error() -> None:
    aggregates = MemoryAggregates([7, 8, 9], 10.0)
    assert count(aggregates, 0, 10) == ({}, 10)


def test_an_empty_range_asks_nothing() -> None:
    aggregates = MemoryAggregates([1], 0.1)
    assert count(aggregates, 5, 5) == ({}, 5)
    assert (aggregates.slices, aggregates.places) == ([], 0)


def test_a_database_that_is_away_is_an_error() -> None:
    class Away(MemoryAggregates):
        def bars_of_records(self, *_: Any) -> list[BarCount]:
            raise DatabaseUnavailable("away")

    with pytest.raises(DatabaseUnavailable):
        count(Away([1], 0), 0, 10)
