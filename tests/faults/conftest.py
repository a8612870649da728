"""What the fault tests share: a ledger of their own, a load to break things under, a proxy, and the verdict afterwards.
Each test finds every program of the stack running and ready, whatever the one before did."""

import random
from collections.abc import Callable, Iterator

import pytest
from harness.ledger import Ledger
from harness.load import Load
from harness.stack import Stack
from harness.verdict import Verdict, settle


@pytest.fixture(autouse=True)
def whole_again(stack: Stack) -> Iterator[None]:
    yield
    stack.restore()


@pytest.fixture
def ledger(request: pytest.FixtureRequest) -> Ledger:
    return Ledger(request.node.name.removeprefix("test_").replace("_", "-")[:60])


@pytest.fixture
def chance(seed: int, request: pytest.FixtureRequest) -> random.Random:
    """The test's random choices, the same again for the same session seed."""
    return random.Random(f"{seed} {request.node.name}")


@pytest.fixture
def load(stack: Stack, ledger: Ledger, seed: int) -> Iterator[Load]:
    """A load that is under way. To be finished by the test before it asks for the verdict."""
    running = Load(stack.gateway, ledger, seed)
    running.start()
    try:
        running.wait_accepted("before the fault")
        yield running
    finally:
        running.finish()


@pytest.fixture
def demand(stack: Stack, ledger: Ledger) -> Callable[[], Verdict]:
    """Settles the run, demands that nothing is lost or duplicated, and answers the verdict."""

    def check() -> Verdict:
        verdict = settle(stack.database_url, ledger, stack.unsettled)
        print(f"calls tried again: {ledger.retries}")
        verdict.demand()
        return verdict

    return check
