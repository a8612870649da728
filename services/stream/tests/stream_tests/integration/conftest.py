"""The fixtures of the stream service's integration tests."""

from collections.abc import Iterator

import pytest
from harness.sse import Viewer

from .playing import Replica, Writer


@pytest.fixture
def writer(rabbitmq_url: str, redis_url: str) -> Iterator[Writer]:
    """A writer on an empty Redis."""
    playing = Writer(rabbitmq_url, redis_url)
    playing.lose_memory()
    yield playing
    playing.close()


@pytest.fixture
def replica(rabbitmq_url: str, redis_url: str, writer: Writer) -> Iterator[Replica]:
    with Replica(rabbitmq_url, redis_url, LOGSTREAM_RECENT_RECORDS="5") as running:
        yield running


@pytest.fixture
def viewer(replica: Replica) -> Iterator[Viewer]:
    with Viewer(f"{replica.url}/stream") as watching:
        watching.wait("live", lambda seen: bool(seen.named("counts")))
        yield watching
