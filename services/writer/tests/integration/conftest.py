"""The fixtures that the writer's integration tests share."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from logstream_writer.store.store import Store


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store(database_url)
    yield opened
    opened.close()


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the emptied tables."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute(
            "TRUNCATE logs, batches, dead_letters, log_counts, log_rollups, search_segments, flushes_under_way CASCADE"
        )
        yield connection
