"""What the tests of careless clients share. The stack's programs have the memory that docker-compose.yml allows them, and
each test finds all of them running and ready, whatever the one before did."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from harness.ledger import Ledger
from harness.memory import Within
from harness.neighbours import MakeNeighbours, Neighbours
from harness.stack import Stack

# Of its limit, the most that honest or careless loads may bring a program to.
SHARE = 0.8


@pytest.fixture(autouse=True)
def whole_again(stack: Stack) -> Iterator[None]:
    yield
    stack.restore()


@pytest.fixture
def ledger(request: pytest.FixtureRequest) -> Ledger:
    return Ledger(request.node.name.removeprefix("test_").replace("_", "-")[:60])


@pytest.fixture
def neighbours(stack: Stack, ledger: Ledger, seed: int) -> MakeNeighbours:
    """Makes harness.neighbours.Neighbours; takes the names of services that the test itself restarts."""

    def make(*, may_restart: tuple[str, ...] = ()) -> Neighbours:
        return Neighbours(stack, ledger, seed, may_restart)

    return make


@pytest.fixture
def within_memory(stack: Stack) -> Within:
    """within_memory("gateway"): demands that the program stays under its share of the limit meanwhile."""

    @contextmanager
    def watch(program: str) -> Iterator[None]:
        stack.reset_peak(program)
        yield
        peak, limit = stack.peak_bytes(program), stack.limit_bytes(program)
        print(f"{program}: {peak / 2**20:.0f} MiB at most, limit {limit / 2**20:.0f} MiB")
        assert peak <= SHARE * limit, f"{program} took {peak} bytes, expected at most {SHARE} of {limit}"

    return watch
