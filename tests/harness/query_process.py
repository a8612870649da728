"""The query service as a process of its own, and what disturbs it. It imports no code of ours."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import requests

WAIT_S = 60.0


class QueryProcess:
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


Serve = Callable[..., QueryProcess]


def wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, f"waited {WAIT_S:g} s for {what}"
        time.sleep(0.05)


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


def in_background(pool: ThreadPoolExecutor, service: QueryProcess, path: str, times: int) -> list[Future[requests.Response]]:
    return [pool.submit(service.get, path) for _ in range(times)]


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def raw_status(service: QueryProcess, request: bytes) -> int:
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
        for connection in (source, sink):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
