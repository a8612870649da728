"""When a closed chunk becomes columns: with the Community edition's statements stood in for, and the counts of a real
database."""

from collections.abc import Callable

import psycopg
import pytest
from logstream_writer.maintenance import columnstore
from logstream_writer.maintenance.chunks import HOUR_US, Chunk, read_chunks
from logstream_writer.maintenance.columnstore import Columnstore

COMPRESSED, UNORDERED, FROZEN, PARTIAL = 1, 2, 4, 8
MINUTE_US = HOUR_US // 60
START = "2026-01-01 00:00+00"


class Edition:
    """Statuses of chunks, all columns but for those set here, and a clock."""

    def __init__(self) -> None:
        self.statuses: dict[str, int] = {}
        self.now_us = 0

    def convert(self, connection: object, chunk: Chunk) -> None:
        self.statuses.pop(chunk.name)


@pytest.fixture
def edition(monkeypatch: pytest.MonkeyPatch) -> Edition:
    made = Edition()
    monkeypatch.setattr(columnstore, "has_columnstore", lambda connection: True)
    monkeypatch.setattr(columnstore, "_status", lambda connection, chunk: made.statuses.get(chunk.name, COMPRESSED))
    monkeypatch.setattr(columnstore, "_convert", made.convert)
    monkeypatch.setattr(columnstore, "read_now_us", lambda connection: made.now_us)
    return made


@pytest.fixture
def write(database_url: str, edition: Edition) -> Callable[..., None]:
    """Writes a record with its count into the only chunk, and begins anew."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("TRUNCATE logs, log_counts, log_rollups")
        connection.execute("SELECT set_chunk_time_interval('logs', interval '1 hour')")

    def write() -> None:
        with psycopg.connect(database_url) as connection:
            connection.execute(f"INSERT INTO logs VALUES ('{START}', 1, 9, 'info', 'orders', 'm')")
            connection.execute(f"INSERT INTO log_counts VALUES ('{START}', 'orders', 'info', 1, 9)")

    write()
    return write


def test_a_chunk_is_converted_when_nothing_was_written_to_it_for_an_hour(
    database_url: str, edition: Edition, write: Callable[..., None]
) -> None:
    with psycopg.connect(database_url, autocommit=True) as database:
        (chunk,) = read_chunks(database)
        edition.statuses[chunk.name] = PARTIAL | UNORDERED | COMPRESSED
        task = Columnstore()

        def converted(minutes: int) -> int:
            """At so many minutes after the end of the chunk's time."""
            edition.now_us = chunk.to_us + minutes * MINUTE_US
            return task.run(database).done["chunks"]

        assert [converted(minutes) for minutes in (-10, 1, 60)] == [0, 0, 0]
        write()
        assert [converted(minutes) for minutes in (61, 120, 121, 122)] == [0, 0, 1, 0]
        write()
        edition.statuses[chunk.name] = PARTIAL | COMPRESSED
        assert [converted(minutes) for minutes in (130, 189, 190)] == [0, 0, 1]


@pytest.mark.parametrize(
    ("status", "chunks"), [(0, 1), (COMPRESSED, 0), (COMPRESSED | PARTIAL, 1), (COMPRESSED | PARTIAL | FROZEN, 0)]
)
def test_a_single_run_goes_by_the_end_of_the_chunks_time(
    database_url: str, edition: Edition, write: Callable[..., None], status: int, chunks: int
) -> None:
    with psycopg.connect(database_url, autocommit=True) as database:
        (chunk,) = read_chunks(database)
        edition.statuses[chunk.name] = status
        edition.now_us = chunk.to_us + HOUR_US - 1
        assert Columnstore(wait=False).run(database).done["chunks"] == 0
        edition.now_us += 1
        assert Columnstore(wait=False).run(database).done["chunks"] == chunks
