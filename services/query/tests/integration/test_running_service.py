"""The service as it runs, in a process of its own: concurrency, outages, the way it ends."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import requests

WAIT_S = 60.0
TIME = "2024-08-06T18:51:32.513200+00"
# Each of the words costs a look at every message, and at last nothing is found.
WORDS = [f"word-{number}" for number in range(19)]
TEDIOUS = f"/api/logs?q={'+'.join(WORDS)}+nothing-like-it"
MANY_ROWS = 50_000


class Service:
    """`python -m logstream_query` on a free port. get() may be called from several threads."""

    def __init__(self, database_url: str, log: Path, temporary: Path, **settings: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.url = f"http://{address}"
        self.log = log
        environ = {"PATH": os.environ["PATH"], "LOGSTREAM_DATABASE_URL": database_url, "LOGSTREAM_QUERY_LISTEN": address}
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "logstream_query"],
                env=environ | {"TMPDIR": str(temporary), "LOGSTREAM_QUERY_STATEMENT_TIMEOUT_S": "60"} | settings,
                stderr=output,
                stdout=output,
            )

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url + path, timeout=WAIT_S)

    def status(self, path: str) -> int | None:
        try:
            return self.get(path).status_code
        except requests.ConnectionError:
            return None

    def wait_for(self, path: str, status: int) -> None:
        wait_until(lambda: self.status(path) == status, f"{path} to answer {status}: {self.log.read_text()}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(WAIT_S)


Serve = Callable[..., Service]


def wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, f"waited {WAIT_S:g} s for {what}"
        time.sleep(0.05)


@pytest.fixture
def serve(tmp_path: Path, database_url: str) -> Iterator[Serve]:
    """Starts a service on the database, or on another URL, and ends it after the test."""
    started: list[Service] = []

    def start(url: str = database_url, *, ready: bool = True, **settings: str) -> Service:
        temporary = Path(tempfile.mkdtemp(dir=tmp_path))
        service = Service(url, tmp_path / f"{len(started)}.log", temporary, **settings)
        started.append(service)
        service.wait_for("/readyz" if ready else "/livez", 200)
        return service

    yield start
    for service in started:
        if service.process.poll() is None:
            service.process.kill()
            service.process.wait(WAIT_S)


@pytest.fixture
def sql(database_url: str) -> Iterator[psycopg.Connection]:
    """A session in autocommit; the tables hold one record."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("TRUNCATE logs, batches")
        connection.execute(
            "INSERT INTO batches (project, batch_id, digest, records, time_from, time_to, received_at)"
            " VALUES ('default', %s, '', 1, %s, %s, now())",
            (uuid.uuid4(), TIME, TIME),
        )
        connection.execute(
            "INSERT INTO logs (time, sequence, severity, level, node, message)"
            " SELECT %s, number << 16, 17, 'error', 'api', 'hello' FROM batches",
            (TIME,),
        )
        yield connection


@pytest.fixture
def many_records(sql: psycopg.Connection) -> None:
    """More than a search looks at without thinking, a millisecond apart before TIME."""
    sql.execute(
        "INSERT INTO logs (time, sequence, severity, level, node, message)"
        " SELECT %s::timestamptz - n * interval '1 ms', n, 9, 'info', 'api', 'hay ' || n || %s"
        " FROM generate_series(1, %s) AS n",
        (TIME, " ".join(WORDS), MANY_ROWS),
    )


@contextlib.contextmanager
def locked(database_url: str, table: str = "logs") -> Iterator[None]:
    """Nobody reads the table meanwhile: statements on it wait."""
    with psycopg.connect(database_url) as connection:
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield


def waiting_statements(sql: psycopg.Connection) -> int:
    row = sql.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'logstream-query' AND wait_event_type = 'Lock'"
    ).fetchone()
    assert row
    return int(row[0])


def in_background(pool: ThreadPoolExecutor, service: Service, path: str, times: int) -> list[Future[requests.Response]]:
    return [pool.submit(service.get, path) for _ in range(times)]


def test_answers(serve: Serve, sql: psycopg.Connection) -> None:
    service = serve()
    body = service.get("/api/logs?q=HELLO").json()
    (record,) = body["records"]
    assert body["next_cursor"] is None
    assert record | {"sequence": ""} == {
        "sequence": "", "time": "2024-08-06T18:51:32.513200Z", "severity": 17, "level": "error", "node": "api",
        "message": "hello", "attributes": {}
    }  # fmt: skip
    assert service.get("/historical-logs").json() == [
        {"sequence_number": record["sequence"], "timestamp": "2024-08-06T18:51:32.513Z", "node": "api", "level": "error",
         "message": "hello"}
    ]  # fmt: skip
    assert service.get(f"/historical-logs?sequence_number={record['sequence']}").json() == []


def test_slow_statements_overlap_in_one_worker(serve: Serve, sql: psycopg.Connection, database_url: str) -> None:
    service = serve()
    with ThreadPoolExecutor() as pool:
        with locked(database_url):
            answers = in_background(pool, service, "/api/logs", 3)
            wait_until(lambda: waiting_statements(sql) == 3, "three statements at work")
            assert service.status("/livez") == 200
            assert service.status("/readyz") == 200
        assert [len(answer.result().json()["records"]) for answer in answers] == [1, 1, 1]


def test_a_statement_past_its_time_is_a_504(serve: Serve, sql: psycopg.Connection, database_url: str) -> None:
    service = serve(LOGSTREAM_QUERY_STATEMENT_TIMEOUT_S="0.5")
    with locked(database_url):
        answer = service.get("/api/logs")
    assert (answer.status_code, answer.headers["Content-Type"]) == (504, "application/problem+json")
    assert "0.5 s" in answer.json()["detail"]
    service.wait_for("/api/logs", 200)


def test_a_busy_pool_is_a_503_and_still_ready(serve: Serve, sql: psycopg.Connection, database_url: str) -> None:
    service = serve(LOGSTREAM_QUERY_POOL_CONNECTIONS="1", LOGSTREAM_QUERY_POOL_WAIT_S="0.5")
    with ThreadPoolExecutor() as pool:
        with locked(database_url):
            (first,) = in_background(pool, service, "/api/logs", 1)
            wait_until(lambda: waiting_statements(sql) == 1, "a statement at work")
            answer = service.get("/api/logs")
            assert service.status("/readyz") == 200
            assert "logstream_query_pool_used_connections 1.0" in service.get("/metrics").text
        assert first.result().status_code == 200
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "in use" in answer.json()["detail"]
    assert 'logstream_query_unavailable_requests_total{reason="busy"} 1.0' in service.get("/metrics").text


def test_a_search_answers_as_it_gets_along(serve: Serve, many_records: None) -> None:
    service = serve(LOGSTREAM_QUERY_SEARCH_BUDGET_S="0.05")
    answer = service.get(TEDIOUS).json()
    borders = []
    while not answer["complete"]:
        assert (answer["records"], answer["found"]) == ([], 0)
        borders.append(answer["scanned_until"])
        answer = service.get(f"{TEDIOUS}&cursor={answer['next_cursor']}").json()
    assert (answer["scanned_until"], answer["next_cursor"]) == (None, None)
    assert borders
    assert borders == sorted(set(borders), reverse=True)


def test_found_counts_over_the_pages_of_a_walk(serve: Serve, many_records: None) -> None:
    service = serve()
    counts, cursor = [], ""
    for _ in range(3):
        answer = service.get(f"/api/logs?q=hay+7&limit=20&cursor={cursor}").json()
        counts.append(answer["found"])
        cursor = answer["next_cursor"]
    assert counts == [20, 40, 60]


def test_one_search_too_many_is_a_429(serve: Serve, sql: psycopg.Connection, many_records: None, database_url: str) -> None:
    service = serve(LOGSTREAM_QUERY_SEARCH_BUDGET_S="60", LOGSTREAM_QUERY_SEARCHES="1")
    question = "/api/logs?node=api&q=nothing-like-it"
    with ThreadPoolExecutor() as pool:
        # Where to search is looked up with the search's permit in hand.
        with locked(database_url, "log_rollups"):
            (first,) = in_background(pool, service, question, 1)
            wait_until(lambda: waiting_statements(sql) == 1, "a search at work")
            assert "logstream_query_searches 1.0" in service.get("/metrics").text
            answer = service.get(question)
            assert service.status("/api/logs?q=hay") == 200
        assert first.result().json()["complete"] is True
    assert (answer.status_code, answer.headers.get("Retry-After")) == (429, "1")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert 'logstream_query_unavailable_requests_total{reason="searches"} 1.0' in service.get("/metrics").text


def test_sessions_cut_by_the_database_are_replaced(serve: Serve, sql: psycopg.Connection, database_url: str) -> None:
    service = serve(LOGSTREAM_QUERY_POOL_CONNECTIONS="5")
    with ThreadPoolExecutor() as pool:
        with locked(database_url):
            answers = in_background(pool, service, "/api/logs", 5)
            wait_until(lambda: waiting_statements(sql) == 5, "five statements at work")
        assert {answer.result().status_code for answer in answers} == {200}
    sql.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'logstream-query'"
    )
    assert service.status("/api/logs") == 200


def test_a_statement_cut_by_the_database_is_a_503(serve: Serve, sql: psycopg.Connection, database_url: str) -> None:
    service = serve()
    with ThreadPoolExecutor() as pool, locked(database_url):
        (answer,) = in_background(pool, service, "/api/logs", 1)
        wait_until(lambda: waiting_statements(sql) == 1, "a statement at work")
        sql.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        assert answer.result().status_code == 503
    assert service.status("/api/logs") == 200


def test_a_database_away_at_first_and_later_there(serve: Serve, sql: psycopg.Connection, database_url: str) -> None:
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


def test_a_request_under_way_is_answered_before_the_end(serve: Serve, sql: psycopg.Connection, database_url: str) -> None:
    service = serve()
    with ThreadPoolExecutor() as pool:
        with locked(database_url):
            (answer,) = in_background(pool, service, "/api/logs", 1)
            wait_until(lambda: waiting_statements(sql) == 1, "a statement at work")
            service.process.send_signal(signal.SIGTERM)
            wait_until(lambda: service.status("/livez") is None, "the port to be closed")
        assert answer.result().status_code == 200
        assert service.process.wait(WAIT_S) == 0
    assert not list(service.log.parent.glob("*/logstream-query-metrics-*"))


def test_the_end_comes_at_the_deadline(serve: Serve, sql: psycopg.Connection, database_url: str) -> None:
    service = serve(LOGSTREAM_SHUTDOWN_S="1", LOGSTREAM_QUERY_STATEMENT_TIMEOUT_S="600")
    with locked(database_url), ThreadPoolExecutor() as pool:
        (answer,) = in_background(pool, service, "/api/logs", 1)
        wait_until(lambda: waiting_statements(sql) == 1, "a statement at work")
        assert service.stop() == 0
        with pytest.raises(requests.ConnectionError):
            answer.result()


def test_metrics_add_up_over_processes_and_their_ends(serve: Serve, sql: psycopg.Connection) -> None:
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


def test_input_that_no_route_can_take(serve: Serve, sql: psycopg.Connection) -> None:
    service = serve()
    assert service.get("/api/logs?limit=1e9&q=%00&cursor=x").status_code == 400
    assert (
        400 <= (raw_status(service, b"GET /api/logs?q=" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")) < 500
    )
    assert 400 <= (raw_status(service, b"GET /api/logs?q=\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n")) < 500
    assert raw_status(service, b"GET /api/logs?q=\xff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n") == 400
    assert service.get("/api/logs?q=%25_%27%22%5C%E2%80%AE").json()["records"] == []
    assert service.get("/api/logs?start=2014-01-01&end=2034-01-01").status_code == 200


def test_the_log_is_json_and_without_secrets(serve: Serve, sql: psycopg.Connection, database_url: str) -> None:
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


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def raw_status(service: Service, request: bytes) -> int:
    """The status of the answer to these bytes; the service may answer before it has read them all."""
    parts = urlsplit(service.url)
    with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=WAIT_S) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(request)
        return int(connection.recv(64).split()[1])


class Door:
    """A TCP way to the database that can be shut, which cuts the connections through it, and opened again."""

    def __init__(self, database_url: str) -> None:
        parts = urlsplit(database_url)
        self._target = (str(parts.hostname), parts.port or 5432)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        credentials, at, _ = parts.netloc.rpartition("@")
        self.url = urlunsplit(parts._replace(netloc=f"{credentials}{at}127.0.0.1:{self._port}"))
        self._listener: socket.socket | None = None
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> "Door":
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()

    def open(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self._port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def shut(self) -> None:
        if self._listener:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        self._listener = None
        for connection in self._sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._sockets.clear()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._target)
                self._sockets += (near, far)
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
