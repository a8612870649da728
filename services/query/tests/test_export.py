"""Exports page by page: nothing twice, nothing more than a page ahead of the reader, and an end that tells the truth."""

import csv
import io
import itertools
import json
from collections.abc import Iterator
from typing import Any, cast

import pytest
from logstream_contract.filters.filters import Filter
from logstream_query.config import Config
from logstream_query.metrics import Metrics
from logstream_query.questions.aggregate_parameters import ExportFormat
from logstream_query.questions.cursors import Order, Position, read_cursor
from logstream_query.routes.export import Exporter, ExportQuery, next_page
from logstream_query.search.answer_limiter import AnswerLimiter, AnswerLimits
from logstream_query.search.search import Search, SearchResult
from logstream_query.store import StoredRecord
from logstream_query.unavailable import DatabaseBusy, StatementTimeout
from prometheus_client import CollectorRegistry

TIME_US = 1_722_970_292_513_200


def stored(sequence: int, message: str = "m") -> StoredRecord:
    return StoredRecord(
        sequence=sequence,
        time_us=TIME_US + sequence,
        severity=17,
        level="error",
        node="api",
        message=message,
        attributes={"k": "v"},
    )


class MemorySearch:
    """Holds the records of sequences from `count` to 1, newest first; errors are raised in turn, None stands for an answer.

    at_once: records in an answer at most, as when a search's time is up.
    """

    def __init__(self, count: int, message: str = "m", at_once: int = 10_000) -> None:
        self.count = count
        self.message = message
        self.at_once = at_once
        self.errors: list[Exception | None] = []
        self.limits: list[int] = []

    def find(self, _filter: Filter, _order: Order, after: Position | None, limit: int, *, most_bytes: int) -> SearchResult:
        assert most_bytes == 2 * 1024 * 1024
        if self.errors:
            error = self.errors.pop(0)
            if error:
                raise error
        self.limits.append(limit)
        first = self.count if after is None else after.sequence - 1
        last = max(0, first - min(limit, self.at_once))
        records = [stored(sequence, self.message) for sequence in range(first, last, -1)]
        return SearchResult(records, Position(TIME_US + last + 1, last + 1) if last else None, None)


class Case:
    def __init__(self, search: MemorySearch) -> None:
        self.search = search
        self.registry = CollectorRegistry()
        self.pauses: list[float] = []
        metrics = Metrics(self.registry)
        limits = AnswerLimits.from_config(Config(database_url="postgresql://"))
        self.exporter = Exporter(cast(Search, search), AnswerLimiter(metrics, limits), metrics, sleep=self.pauses.append)

    def export(self, form: ExportFormat = "ndjson", max_records: int = 1_000_000) -> Iterator[bytes]:
        query = ExportQuery(
            filter=Filter(), format=form, order="desc", after=None, requested_at_us=7, max_records=max_records
        )
        return self.exporter.body(query, self.exporter.first(query))

    def outcome(self, outcome: str, form: str = "ndjson") -> float:
        labels = {"format": form, "outcome": outcome}
        return self.registry.get_sample_value("logstream_query_exports_total", labels) or 0.0

    def returned(self) -> float:
        labels = {"route": "/api/logs/export"}
        return self.registry.get_sample_value("logstream_query_returned_records_total", labels) or 0.0


def lines(pieces: Iterator[bytes]) -> list[Any]:
    return [json.loads(line) for line in b"".join(pieces).splitlines()]


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 12_345])
@pytest.mark.parametrize("at_once", [10_000, 100])
def test_every_record_once_and_an_end_that_says_so(count: int, at_once: int) -> None:
    case = Case(MemorySearch(count, at_once=at_once))
    *records, end = lines(case.export())
    assert [record["sequence"] for record in records] == [str(sequence) for sequence in range(count, 0, -1)]
    assert end == {"logstream_export": {"records": count, "complete": True, "next_cursor": None}}
    assert (case.outcome("complete"), case.returned()) == (1, count)


def test_the_lines_are_the_records_of_pages() -> None:
    first, _ = lines(Case(MemorySearch(1)).export())
    assert first == {
        "sequence": "1", "time": "2024-08-06T18:51:32.513201Z", "severity": 17, "level": "error", "node": "api",
        "message": "m", "attributes": {"k": "v"}
    }  # fmt: skip


@pytest.mark.parametrize("cap", [1, 500, 700])
def test_a_cap_is_told_with_a_cursor_to_go_on(cap: int) -> None:
    case = Case(MemorySearch(1_000))
    *records, end = lines(case.export(max_records=cap))
    assert len(records) == cap
    assert (end["logstream_export"]["records"], end["logstream_export"]["complete"]) == (cap, False)
    cursor = read_cursor(end["logstream_export"]["next_cursor"])
    assert (cursor.order, cursor.requested_at_us, cursor.position.sequence) == ("desc", 7, 1_000 - cap + 1)
    assert case.outcome("capped") == 1
    assert max(case.search.limits) <= cap


def test_a_cap_that_is_just_enough_is_none() -> None:
    *_, end = lines(Case(MemorySearch(700)).export(max_records=700))
    assert end["logstream_export"]["complete"]


def test_csv_has_a_header_and_nothing_but_records() -> None:
    case = Case(MemorySearch(1_000))
    text = b"".join(case.export("csv", 600)).decode()
    head, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert head[0] == "time"
    assert [row[1] for row in rows] == [str(sequence) for sequence in range(1_000, 400, -1)]
    assert case.outcome("capped", "csv") == 1


def test_no_more_than_a_page_is_read_ahead() -> None:
    case = Case(MemorySearch(100_000))
    pieces = case.export()
    assert len(case.search.limits) == 1
    for read in range(1, 8):
        next(pieces)
        assert len(case.search.limits) == read


def test_pages_grow_to_a_most_and_stay_small_for_large_records() -> None:
    assert list(itertools.accumulate([0] * 5, lambda page, _: next_page(page, page, page * 300), initial=500)) == [
        500, 1_000, 2_000, 4_000, 5_000, 5_000
    ]  # fmt: skip
    assert next_page(5_000, 5_000, 5_000 * 64 * 1_024) == 32
    assert next_page(64, 1, 100_000_000) == 1
    case = Case(MemorySearch(3_000, "x" * 64 * 1_024))
    sizes = [len(piece) for piece in case.export()]
    assert max(sizes[1:]) < 3 * 1_024 * 1_024


def test_a_client_that_leaves_is_counted() -> None:
    case = Case(MemorySearch(10_000))
    pieces = case.export()
    next(pieces)
    next(pieces)
    cast(Any, pieces).close()
    assert (case.outcome("left"), case.outcome("complete")) == (1, 0)
    assert case.returned() == 500


def test_a_page_that_fails_breaks_the_answer_off() -> None:
    case = Case(MemorySearch(10_000))
    case.search.errors = [None, StatementTimeout("too slow")]
    pieces = case.export()
    next(pieces)
    with pytest.raises(StatementTimeout):
        next(pieces)
    assert case.outcome("failed") == 1
    assert case.registry.get_sample_value("logstream_query_unavailable_requests_total", {"reason": "timeout"}) == 1
    assert case.pauses == []


def test_an_unexpected_error_is_a_failure_too() -> None:
    case = Case(MemorySearch(10_000))
    case.search.errors = [None, RuntimeError("bug")]
    pieces = case.export()
    next(pieces)
    with pytest.raises(RuntimeError):
        next(pieces)
    assert case.outcome("failed") == 1


def test_a_busy_database_is_asked_again() -> None:
    case = Case(MemorySearch(1_000))
    case.search.errors = [None, DatabaseBusy("busy"), DatabaseBusy("busy")]
    *records, _ = lines(case.export())
    assert len(records) == 1_000
    assert case.pauses == [2, 2]


def test_a_database_that_stays_busy_breaks_the_answer_off() -> None:
    case = Case(MemorySearch(1_000))
    case.search.errors = [None, *(DatabaseBusy("busy") for _ in range(9))]
    pieces = case.export()
    next(pieces)
    with pytest.raises(DatabaseBusy):
        next(pieces)
    assert case.pauses == [2, 2, 2]
