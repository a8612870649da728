"""A query service that a test starts with settings of its own, on a database with few records or many."""

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from harness.query_process import WAIT_S, QueryProcess, Serve

TIME = "2024-08-06T18:51:32.513200+00"
# Checking a message for each of these words takes time, and no message matches in the end.
WORDS = [f"word-{number}" for number in range(19)]
MANY_ROWS = 50_000


@pytest.fixture
def serve(tmp_path: Path, database_url: str) -> Iterator[Serve]:
    """Starts a service on the database, or on another URL, and ends it after the test."""
    started: list[QueryProcess] = []

    def start(url: str = database_url, *, ready: bool = True, **settings: str) -> QueryProcess:
        temporary = Path(tempfile.mkdtemp(dir=tmp_path))
        service = QueryProcess(url, tmp_path / f"{len(started)}.log", temporary, **settings)
        started.append(service)
        service.wait_for("/readyz" if ready else "/livez", 200)
        return service

    yield start
    for service in started:
        if service.process.poll() is None:
            service.process.kill()
            service.process.wait(WAIT_S)


@pytest.fixture
def one_record(database_url: str) -> Iterator[psycopg.Connection]:
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
def tedious(one_record: psycopg.Connection) -> str:
    """More records than the first step of a search looks at, a millisecond apart, before TIME. Returns a tedious search."""
    one_record.execute(
        "INSERT INTO logs (time, sequence, severity, level, node, message)"
        " SELECT %s::timestamptz - n * interval '1 ms', n, 9, 'info', 'api', 'hay ' || n || %s"
        " FROM generate_series(1, %s) AS n",
        (TIME, " ".join(WORDS), MANY_ROWS),
    )
    return f"/api/logs?q={'+'.join(WORDS)}+nothing-like-it"
