"""Gateways for the tests: a fake one, and the one named by LOGSTREAM_TEST_GATEWAY, if any."""

import os
from collections.abc import Iterator

import pytest

from .fake_gateway import FakeGateway


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    """A fake gateway that listens."""
    fake = FakeGateway()
    fake.start()
    yield fake
    fake.stop()


@pytest.fixture
def absent_gateway() -> Iterator[FakeGateway]:
    """A fake gateway that doesn't listen until it is started."""
    fake = FakeGateway()
    yield fake
    fake.stop()


@pytest.fixture
def any_target(gateway: FakeGateway) -> str:
    """Where the scenarios that hold for every gateway are played: LOGSTREAM_TEST_GATEWAY, or a fake one."""
    return os.environ.get("LOGSTREAM_TEST_GATEWAY") or gateway.target


@pytest.fixture
def real_target() -> str:
    """The gateway named by LOGSTREAM_TEST_GATEWAY; without it the test is skipped."""
    target = os.environ.get("LOGSTREAM_TEST_GATEWAY")
    if not target:
        pytest.skip("needs a real gateway: LOGSTREAM_TEST_GATEWAY=host:port")
    return target
