"""The database as these tests see it, and its dead letters."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from logstream_query.store.connections import adapt
from logstream_writer.store.dead_letters import DeadLetters


@pytest.fixture
def dead_letters(database_url: str) -> Iterator[DeadLetters]:
    opened = DeadLetters(database_url)
    yield opened
    opened.close()


@pytest.fixture
def database(database: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """With times as query reads them: microseconds since the Unix epoch."""
    adapt(database)
    return database
