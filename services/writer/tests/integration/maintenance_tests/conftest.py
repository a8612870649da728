"""The clock of the database."""

from typing import Any

import psycopg
import pytest

from .storage import scalar


@pytest.fixture
def hour_s(database: psycopg.Connection[Any]) -> float:
    """The beginning of this hour, by the database's clock."""
    return float(scalar(database, "SELECT extract(epoch FROM date_trunc('hour', now()))"))
