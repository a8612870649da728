"""The HTTP surface with a store that answers from memory: shapes, errors, counts."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from flask.testing import FlaskClient
from logstream_query.app import create_app
from logstream_query.config import Config
from logstream_query.metrics import Metrics
from logstream_query.questions.cursors import Position, read_cursor
from logstream_query.store import InvalidRegex, Store, StoredRecord
from logstream_query.store.database import Nearest
from logstream_query.unavailable import (
    ClientGone,
    DatabaseBusy,
    DatabaseUnavailable,
    SchemaMissing,
    StatementTimeout,
    TooManySearches,
    Unavailable,
)
from prometheus_client import CollectorRegistry
from werkzeug.test import TestResponse

TIME_US = 1_722_970_292_513_200
UNKNOWN_SEQUENCE = 1_000_000


def stored(sequence: int) -> StoredRecord:
    return StoredRecord(
        sequence=sequence,
        time_us=TIME_US + sequence,
        severity=17,
        level="error",
        node="api",
        message=f"message {sequence}",
        attributes={"k": "v"} if sequence % 2 else None,
    )


class MemoryStore:
    """Holds the records of `sequences`, gives them in this order, or raises `error`."""

    def __init__(self) -> None:
        self.sequences = list(range(10, 0, -1))
        self.error: Exception | None = None
        self.arguments: tuple[Any, ...] = ()

    def page(self, *arguments: Any) -> list[StoredRecord]:
        self.arguments = arguments
        if self.error:
            raise self.error
        return [stored(sequence) for sequence in self.sequences[: arguments[3]]]

    def check_regex(self, regex: str, timeout_s: float) -> None:
        if isinstance(self.error, InvalidRegex):
            raise self.error

    def nearest(self, *arguments: Any) -> Nearest:
        return Nearest(self.page(*arguments[:4]), None, None)

    def position_of(self, sequence: int) -> Position | None:
        if self.error:
            raise self.error
        return Position(TIME_US, sequence) if sequence < UNKNOWN_SEQUENCE else None

    def problem(self) -> str | None:
        return str(self.error) if self.error else None


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def client(store: MemoryStore, registry: CollectorRegistry) -> FlaskClient:
    return create_app(
        cast(Store, store), Metrics(registry), lambda: registry, Config(database_url="postgresql://")
    ).test_client()


@pytest.fixture
def metric(registry: CollectorRegistry) -> Callable[..., float]:
    return lambda name, **labels: registry.get_sample_value(name, labels) or 0.0


def assert_problem(answer: TestResponse, status: int) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    body = cast(dict[str, Any], answer.get_json(force=True))
    assert body["type"] == "about:blank"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    return body


def test_records_in_the_native_shape(client: FlaskClient) -> None:
    answer = client.get("/api/logs?limit=2")
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.get_json()
    assert body["records"] == [
        {"sequence": "10", "time": "2024-08-06T18:51:32.513210Z", "severity": 17, "level": "error", "node": "api",
         "message": "message 10", "attributes": {}},
        {"sequence": "9", "time": "2024-08-06T18:51:32.513209Z", "severity": 17, "level": "error", "node": "api",
         "message": "message 9", "attributes": {"k": "v"}},
    ]  # fmt: skip
    cursor = read_cursor(body["next_cursor"])
    assert (cursor.position, cursor.records_sent) == (Position(TIME_US + 9, 9), 2)
    assert (body["complete"], body["scanned_until"], body["found"]) == (False, "2024-08-06T18:51:32.513209Z", 2)


def test_next_cursor_only_if_there_is_more(client: FlaskClient, store: MemoryStore) -> None:
    assert client.get("/api/logs?limit=9").get_json()["next_cursor"]
    answer = client.get("/api/logs?limit=10").get_json()
    assert (len(answer["records"]), answer["next_cursor"]) == (10, None)
    store.sequences = []
    assert client.get("/api/logs").get_json() == {
        "records": [], "next_cursor": None, "complete": True, "scanned_until": None, "found": 0
    }  # fmt: skip


def test_the_next_page_goes_on_where_the_last_one_ended(client: FlaskClient, store: MemoryStore) -> None:
    cursor = client.get("/api/logs?limit=3&order=asc").get_json()["next_cursor"]
    assert client.get(f"/api/logs?limit=3&cursor={cursor}").get_json()["found"] == 6
    assert store.arguments[1:4] == ("asc", Position(TIME_US + 8, 8), 4)


def test_records_in_the_seed_shape(client: FlaskClient, store: MemoryStore) -> None:
    assert client.get("/historical-logs?limit=1").get_json() == [
        {"sequence_number": "10", "timestamp": "2024-08-06T18:51:32.513Z", "node": "api", "level": "error",
         "message": "message 10"}
    ]  # fmt: skip
    client.get("/historical-logs?sequence_number=70000&limit=4")
    assert store.arguments[1:4] == ("desc", Position(TIME_US, 70_000), 5)
    assert client.get(f"/historical-logs?sequence_number={UNKNOWN_SEQUENCE}").get_json() == []


@pytest.mark.parametrize("path", ["/api/logs", "/historical-logs"])
def test_bad_parameters(client: FlaskClient, metric: Callable[..., float], path: str) -> None:
    body = assert_problem(client.get(f"{path}?limit=x"), 400)
    assert body["title"] == "Invalid parameters"
    assert body["problems"] == [{"name": "limit", "value": "x", "expected": "a whole number from 1 to 5000"}]
    assert metric("logstream_query_rejected_parameters_total", route=path, parameter="limit") == 1
    assert metric("logstream_query_requests_total", route=path, method="GET", status="400") == 1


def test_a_regular_expression_that_the_database_refuses(
    client: FlaskClient, store: MemoryStore, metric: Callable[..., float]
) -> None:
    store.error = InvalidRegex("invalid regular expression: brackets [] not balanced")
    body = assert_problem(client.get("/api/logs?regex=a%5B"), 400)
    (problem,) = body["problems"]
    assert (problem["name"], problem["value"]) == ("regex", "a[")
    assert "brackets [] not balanced" in problem["expected"]
    assert metric("logstream_query_rejected_parameters_total", route="/api/logs", parameter="regex") == 1


def test_an_attributes_key_is_no_label(client: FlaskClient, metric: Callable[..., float]) -> None:
    assert_problem(client.get("/api/logs?attr.k=1&attr.k=2&-attr.=1"), 400)
    assert metric("logstream_query_rejected_parameters_total", route="/api/logs", parameter="attr") == 2


def test_an_unknown_parameter_is_no_label_of_its_own(client: FlaskClient, metric: Callable[..., float]) -> None:
    client.get("/api/logs?evil-1=&evil-2=")
    assert metric("logstream_query_rejected_parameters_total", route="/api/logs", parameter="unknown") == 2


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (DatabaseUnavailable, 503, "2"),
        (DatabaseBusy, 503, "2"),
        (SchemaMissing, 503, "5"),
        (StatementTimeout, 504, None),
        (TooManySearches, 429, "1"),
        (ClientGone, 499, None),
    ],
)
@pytest.mark.parametrize("path", ["/api/logs", "/historical-logs", "/historical-logs?sequence_number=1"])
def test_a_store_that_does_not_answer(
    client: FlaskClient,
    store: MemoryStore,
    metric: Callable[..., float],
    path: str,
    error: type[Unavailable],
    status: int,
    retry_after: str | None,
) -> None:
    store.error = error("why it is so")
    answer = client.get(path)
    assert assert_problem(answer, status)["detail"] == "why it is so"
    assert answer.headers.get("Retry-After") == retry_after
    assert metric("logstream_query_unavailable_requests_total", reason=error.reason) == 1


def test_an_unexpected_error_tells_the_log_and_not_the_client(
    client: FlaskClient, store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.error = RuntimeError("inner matters")
    body = assert_problem(client.get("/api/logs"), 500)
    assert "inner" not in str(body)
    assert "inner matters" in caplog.text


def test_other_errors_are_problems_too(client: FlaskClient, metric: Callable[..., float]) -> None:
    assert "/api/docs" in assert_problem(client.get("/nowhere"), 404)["detail"]
    answer = client.post("/api/logs")
    assert_problem(answer, 405)
    assert "GET" in answer.headers["Allow"]
    client.open("/nowhere", method="BREW")
    assert metric("logstream_query_requests_total", route="unmatched", method="other", status="404") == 1


def test_health(client: FlaskClient, store: MemoryStore) -> None:
    assert (client.get("/readyz").status_code, client.get("/readyz").text) == (200, "ok\n")
    store.error = DatabaseUnavailable("the database can't be reached")
    assert (client.get("/readyz").status_code, client.get("/readyz").text) == (503, "the database can't be reached\n")
    assert (client.get("/livez").status_code, client.get("/livez").text) == (200, "ok\n")


def test_metrics(client: FlaskClient) -> None:
    client.get("/api/logs?limit=4")
    answer = client.get("/metrics")
    assert answer.content_type.startswith("text/plain")
    assert 'logstream_query_returned_records_total{route="/api/logs"} 4.0' in answer.text
    assert 'logstream_query_request_seconds_count{route="/api/logs"} 1.0' in answer.text


def test_a_foreign_name_or_page_is_turned_away_unread_and_counted(
    client: FlaskClient, store: MemoryStore, metric: Callable[..., float]
) -> None:
    for headers, status, reason in (
        ({"Host": "evil.example"}, 421, "host"),
        ({"Origin": "http://evil.example"}, 403, "origin"),
    ):
        assert metric("logstream_query_refused_requests_total", reason=reason) == 0
        answer = client.get("/api/logs", headers=headers)
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
        assert metric("logstream_query_refused_requests_total", reason=reason) == 1
    assert store.arguments == ()
    assert client.get("/livez", headers={"Host": "evil.example"}).status_code == 200
