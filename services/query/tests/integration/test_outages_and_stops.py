"""The service as it runs, in a process of its own: outages of the database, and how it stops."""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import requests
from harness.query_process import (
    WAIT_S,
    Door,
    Serve,
    children,
    in_background,
    locked,
    wait_until,
    waiting_statements,
)


def test_sessions_cut_by_the_database_are_replaced(serve: Serve, one_record: psycopg.Connection, database_url: str) -> None:
    service = serve(LOGSTREAM_QUERY_POOL_CONNECTIONS="5")
    with ThreadPoolExecutor() as pool:
        with locked(database_url):
            answers = in_background(pool, service, "/api/logs", 5)
            wait_until(lambda: waiting_statements(one_record) == 5, "five statements at work")
        assert {answer.result().status_code for answer in answers} == {200}
    one_record.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'logstream-query'"
    )
    assert service.status("/api/logs") == 200


def test_a_statement_cut_by_the_database_is_a_503(serve: Serve, one_record: psycopg.Connection, database_url: str) -> None:
    service = serve()
    with ThreadPoolExecutor() as pool, locked(database_url):
        (answer,) = in_background(pool, service, "/api/logs", 1)
        wait_until(lambda: waiting_statements(one_record) == 1, "a statement at work")
        one_record.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        assert answer.result().status_code == 503
    assert service.status("/api/logs") == 200


def test_a_database_away_at_first_and_later_there(serve: Serve, one_record: psycopg.Connection, database_url: str) -> None:
    with Door(database_url) as door:
        service = serve(door.url, ready=False, LOGSTREAM_QUERY_POOL_WAIT_S="0.5")
        assert service.status("/readyz") == 503
        answer = service.get("/api/logs")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert answer.json()["detail"] == "the database can't be reached"
        door.open()
        service.wait_for("/readyz", 200)
        assert service.status("/api/logs") == 200
        door.shut()
        assert service.status("/api/logs") == 503
        assert service.status("/livez") == 200
        door.open()
        service.wait_for("/readyz", 200)
        assert service.status("/api/logs") == 200


def test_a_request_under_way_is_answered_before_the_end(
    serve: Serve, one_record: psycopg.Connection, database_url: str
) -> None:
    service = serve()
    with ThreadPoolExecutor() as pool:
        with locked(database_url):
            (answer,) = in_background(pool, service, "/api/logs", 1)
            wait_until(lambda: waiting_statements(one_record) == 1, "a statement at work")
            service.process.send_signal(signal.SIGTERM)
            wait_until(lambda: service.status("/livez") is None, "the port to be closed")
        assert answer.result().status_code == 200
        assert service.process.wait(WAIT_S) == 0
    assert not list(service.log.parent.glob("*/logstream-query-metrics-*"))


def test_the_end_comes_at_the_deadline(serve: Serve, one_record: psycopg.Connection, database_url: str) -> None:
    service = serve(LOGSTREAM_SHUTDOWN_S="1", LOGSTREAM_QUERY_STATEMENT_TIMEOUT_S="600")
    with locked(database_url), ThreadPoolExecutor() as pool:
        (answer,) = in_background(pool, service, "/api/logs", 1)
        wait_until(lambda: waiting_statements(one_record) == 1, "a statement at work")
        assert service.stop() == 0
        with pytest.raises(requests.ConnectionError):
            answer.result()


def test_metrics_add_up_over_processes_and_their_ends(serve: Serve, one_record: psycopg.Connection) -> None:
    service = serve(LOGSTREAM_QUERY_PROCESSES="2")
    count = 'logstream_query_requests_total{method="GET",route="/api/logs",status="200"} '

    def counted() -> float:
        lines = service.get("/metrics").text.splitlines()
        return float(next(line for line in lines if line.startswith(count)).removeprefix(count))

    for _ in range(20):
        assert service.status("/api/logs") == 200
    assert counted() == 20
    (worker, _) = children(service.process.pid)
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: len(set(children(service.process.pid)) - {worker}) == 2, "a new worker")
    service.wait_for("/readyz", 200)
    assert service.status("/api/logs") == 200
    assert counted() == 21


def test_the_log_is_json_and_without_secrets(serve: Serve, one_record: psycopg.Connection, database_url: str) -> None:
    parts = urlsplit(database_url)
    service = serve(
        urlunsplit(parts._replace(netloc=f"nobody:hush-hush@{parts.netloc.rpartition('@')[2]}")),
        ready=False,
    )
    assert service.status("/api/logs") == 503
    assert service.stop() == 0
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    assert {line["service"] for line in lines} == {"query"}
    assert "configuration" in [line["message"] for line in lines]
    assert "hush-hush" not in service.log.read_text()
