"""A client that leaves while its question is being answered takes the work in the database with it, through the page's
proxy as well."""

import contextlib
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest
from harness.history import get
from harness.stack import Stack
from harness.waiting import wait_for

# Without a cancellation the statements would outlast every wait of this test.
PATIENT = {"LOGSTREAM_QUERY_STATEMENT_TIMEOUT_S": "600", "LOGSTREAM_QUERY_SEARCH_BUDGET_S": "60"}
CANCELLED = 'logstream_query_cancelled_transactions_total{reason="client_gone"}'
# A page, a search, and the seed's route.
QUESTIONS = ("/api/logs", "/api/logs?q=nothing-like-it", "/historical-logs?message=nothing-like-it")


@pytest.fixture(scope="module")
def patient(stack: Stack) -> Iterator[Stack]:
    with stack.environment("query", PATIENT):
        yield stack


@pytest.fixture(scope="module")
def sql(patient: Stack) -> Iterator[psycopg.Connection]:
    with psycopg.connect(patient.database_url, autocommit=True) as connection:
        yield connection


@contextmanager
def locked(stack: Stack) -> Iterator[None]:
    """Nobody reads `logs` meanwhile: every statement on it is a slow one."""
    with psycopg.connect(stack.database_url) as connection:
        connection.execute("LOCK TABLE logs IN ACCESS EXCLUSIVE MODE")
        yield


def statements_at_work(sql: psycopg.Connection) -> int:
    row = sql.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'logstream-query' AND state = 'active'"
    ).fetchone()
    assert row
    return int(row[0])


def ask(url: str, path: str) -> socket.socket:
    """A client that has sent its request and waits."""
    parts = urlsplit(url)
    client = socket.create_connection((str(parts.hostname), parts.port or 80))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
    return client


@pytest.mark.parametrize("path", QUESTIONS)
@pytest.mark.parametrize("way", ["through the page's proxy", "directly"])
def test_a_client_that_leaves_ends_its_statement(patient: Stack, sql: psycopg.Connection, path: str, way: str) -> None:
    url = patient.page_url if way != "directly" else patient.admin_url("query")
    before = patient.metrics("query").get(CANCELLED, 0)
    with locked(patient):
        with closing(ask(url, path)):
            wait_for("a statement at work", lambda: statements_at_work(sql))
        wait_for("no statement at work", lambda: statements_at_work(sql), lambda count: count == 0, pause_s=0.02)
        assert get(f"{patient.admin_url('query')}/livez").status_code == 200
    # The service hears of the end a moment after the database knows it.
    wait_for("it to be counted", lambda: patient.metrics("query")[CANCELLED], lambda count: count == before + 1)
    wait_for("the service to answer others", lambda: get(patient.page_url + path).status_code, lambda status: status == 200)


def test_a_client_that_asks_for_more_on_the_same_connection_has_not_left(patient: Stack, sql: psycopg.Connection) -> None:
    url = patient.admin_url("query")
    before = patient.metrics("query").get(CANCELLED, 0)
    with contextlib.ExitStack() as open_until_answered:
        with locked(patient):
            client = open_until_answered.enter_context(closing(ask(url, "/api/logs?limit=1")))
            wait_for("a statement at work", lambda: statements_at_work(sql))
            client.sendall(f"GET /livez HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nConnection: close\r\n\r\n".encode())
            # Many looks at the client later it is still there.
            wait_for("the service to live on", lambda: get(f"{url}/livez").status_code == 200)
            sql.execute("SELECT pg_sleep(0.5)")
            assert statements_at_work(sql) == 1
        answers = b"".join(iter(lambda: client.recv(65536), b""))
    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert patient.metrics("query").get(CANCELLED, 0) == before


def test_many_clients_that_leave_at_once_leave_all_connections_free(patient: Stack, sql: psycopg.Connection) -> None:
    with locked(patient):
        clients = [ask(patient.page_url, "/api/logs?limit=2") for _ in range(10)]
        wait_for("ten statements at work", lambda: statements_at_work(sql), lambda count: count == 10)
        for client in clients:
            client.close()
        wait_for("no statement at work", lambda: statements_at_work(sql), lambda count: count == 0, pause_s=0.02)
    wait_for(
        "the service to answer others", lambda: get(f"{patient.page_url}/api/logs").status_code, lambda code: code == 200
    )
    assert patient.metrics("query")["logstream_query_pool_used_connections"] == 0
