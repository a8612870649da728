"""The pytest plugin of the whole repository: the fixtures that bring servers, and the markers that come from them.
Tests without these fixtures need no server: `pytest -m "not stack"` runs them."""

import os
import random
from collections.abc import Iterator

import hypothesis
import pytest

from harness import isolation
from harness.community_database import community_database
from harness.session import open_stack
from harness.stack import Stack

SEED_VARIABLE = "LOGSTREAM_TEST_SEED"
SEED = pytest.StashKey[int]()
# The stack takes its time to start, most of all the first time on a machine.
START_TIMEOUT_S = 900
# The fixtures that every other fixture with a server asks for.
SERVERS = frozenset({"stack", "community_url"})


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "stack: needs the servers; every test with one of the server fixtures has this marker"
    )
    config.addinivalue_line("markers", "fuzz: tries whatever bytes there may be; make fuzz runs these for longer")
    config.stash[SEED] = seed = int(os.environ.get(SEED_VARIABLE) or random.randrange(1_000_000))
    # How long an example takes says nothing on a busy machine.
    hypothesis.settings.register_profile("logstream", deadline=None)
    hypothesis.settings.load_profile("logstream")
    # What the option --hypothesis-seed sets.
    if hypothesis.core.global_force_seed is None:
        hypothesis.core.global_force_seed = seed  # type: ignore[assignment]


def pytest_report_header(config: pytest.Config) -> str:
    return f"{SEED_VARIABLE}={config.stash[SEED]}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if terminalreporter.stats.get("failed") or terminalreporter.stats.get("error"):
        terminalreporter.write_line(f"with the same random choices again: {SEED_VARIABLE}={config.stash[SEED]}")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Marks before -m chooses among the markers, and then looks at what was chosen."""
    for item in items:
        if not SERVERS.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("stack")
    yield
    first = next((item for item in items if item.get_closest_marker("stack")), None)
    if first:
        # It starts the stack, and its time-out would count that in.
        first.add_marker(pytest.mark.timeout(START_TIMEOUT_S))


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """A stack of this session's own, or the running one that LOGSTREAM_TEST_STACK names."""
    with open_stack() as opened:
        yield opened


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """The seed of everything random here, from LOGSTREAM_TEST_SEED or new; printed at the head and after failures."""
    return pytestconfig.stash[SEED]


@pytest.fixture(scope="module")
def database_url(stack: Stack) -> Iterator[str]:
    """The address of an empty database with the product's tables, made for this module."""
    with isolation.own_database(stack.database_url, stack.superuser_url) as url:
        yield url


@pytest.fixture(scope="module")
def rabbitmq_url(stack: Stack) -> Iterator[str]:
    """The AMQP address of an empty virtual host, made for this module."""
    with isolation.own_vhost(stack.rabbitmq_url, stack.broker) as url:
        yield url


@pytest.fixture(scope="module")
def redis_url(stack: Stack) -> Iterator[str]:
    """The address of an empty Redis database, which this module has for itself."""
    with isolation.own_redis(stack.redis_url) as url:
        yield url


@pytest.fixture(scope="session")
def community_url() -> Iterator[str]:
    """The address of a database with TimescaleDB's Community edition and the product's tables, for the whole session: tests
    empty the tables they use. It serves one client at a time; the next one waits for it to leave."""
    with community_database() as url:
        yield url
