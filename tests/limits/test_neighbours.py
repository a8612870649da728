"""The tests beside this one prove something: limits are in force, a program past its own is noticed, and so is one that
ended."""

import signal

import pytest
from harness.memory import Within, compose_limits
from harness.neighbours import MakeNeighbours
from harness.services import SERVICES
from harness.stack import Stack

NAMES = frozenset(service.name for service in SERVICES)


def test_every_service_has_the_limit_of_compose(stack: Stack) -> None:
    assert {name: stack.limit_bytes(name) for name in NAMES} == compose_limits(NAMES)


def test_an_ordinary_load_stays_within_memory(neighbours: MakeNeighbours, within_memory: Within) -> None:
    with (
        within_memory("gateway"),
        within_memory("writer"),
        within_memory("query"),
        within_memory("stream"),
        within_memory("page"),
        neighbours(),
    ):
        pass


def test_a_service_that_ended_is_noticed(stack: Stack, neighbours: MakeNeighbours) -> None:
    beside = neighbours()
    with pytest.raises(AssertionError, match=r"started again beside the careless client: \['writer'\]"), beside:
        stack.kill("writer", signal.SIGKILL)


def test_a_program_past_its_share_is_noticed(stack: Stack, within_memory: Within, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "limit_bytes", lambda program: 1_000_000)
    with pytest.raises(AssertionError, match="gateway took"), within_memory("gateway"):
        pass
