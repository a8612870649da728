"""A stack, senders of every kind, and what is stored of theirs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from typing import Any

import pytest
from harness.history import walk
from harness.ledger import Ledger
from harness.stack import Stack
from harness.verdict import Verdict, settle

from .senders import KINDS, Endpoints, Kind, Service, install, started

Start = Callable[..., Service]


@pytest.fixture(scope="session", autouse=True)
def npm_packages() -> None:
    install()


@pytest.fixture(scope="session")
def endpoints(stack: Stack) -> Endpoints:
    return Endpoints(grpc=f"http://{stack.gateway}", http=stack.otlp_url)


@pytest.fixture
def ledger(request: pytest.FixtureRequest) -> Ledger:
    return Ledger(request.node.originalname.removeprefix("test_").replace("_", "-")[:60])


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    assert isinstance(request.param, Kind)
    return request.param


@pytest.fixture
def start(endpoints: Endpoints, ledger: Ledger) -> Iterator[Start]:
    """Starts a sender of this kind with these arguments; `through` are other endpoints than the stack's."""
    with ExitStack() as running:

        def start_one(
            kind: Kind, *arguments: str, through: Endpoints | None = None, environment: Mapping[str, str] | None = None
        ) -> Service:
            node = ledger.node(kind.name.replace(" ", "-").replace("/", "-"))
            return running.enter_context(started(kind, through or endpoints, node, arguments, environment or {}))

        yield start_one


@pytest.fixture
def demand(stack: Stack, ledger: Ledger) -> Callable[..., Verdict]:
    """Settles the run of senders that have ended: all that they sent must be stored, each once."""

    def check(*services: Service) -> Verdict:
        for service in services:
            print(*(f"{service.kind.name}: {line[:300].rstrip()}" for line in service.said), sep="\n")
            ledger.accept(service.messages())
        verdict = settle(stack.database_url, ledger, stack.unsettled)
        verdict.demand()
        return verdict

    return check


def stored_of(stack: Stack, node: str) -> list[dict[str, Any]]:
    """The records of a node as history returns them, oldest first."""
    return walk(stack.page_url, {"node": node, "limit": 1_000})[::-1]


def time_us(record: dict[str, Any]) -> int:
    """Of a record of history."""
    moment = datetime.fromisoformat(record["time"])
    return int(moment.replace(microsecond=0).timestamp()) * 1_000_000 + moment.microsecond
