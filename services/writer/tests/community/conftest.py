"""The database of TimescaleDB's Community edition, for the writer's tests of its SQL there."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest


@pytest.fixture
def database(community_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the emptied tables. A test that lets others connect closes it first."""
    with psycopg.connect(community_url, autocommit=True) as connection:
        connection.execute("TRUNCATE logs, batches, dead_letters, log_counts, log_rollups, search_segments CASCADE")
        yield connection
