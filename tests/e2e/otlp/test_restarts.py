"""The gateway is killed in mid-load. What was accepted is stored once, and a sender that retries loses nothing; what the
others lose is told."""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from harness.ledger import Ledger
from harness.stack import Stack
from harness.verdict import Verdict, count_stored, settle
from harness.waiting import wait_for

from .senders import (
    JS_GRPC,
    JS_JSON,
    JS_PROTOBUF,
    PINO,
    PYTHON_GRPC,
    PYTHON_HTTP,
    WINSTON,
    Endpoints,
    Kind,
    Service,
    started,
)

KINDS = (PYTHON_GRPC, PYTHON_HTTP, JS_GRPC, JS_PROTOBUF, JS_JSON, WINSTON, PINO)
# 100 a second, for longer than the gateway takes to come back, and few enough for the SDKs' queues meanwhile.
RECORDS, BURST, PAUSE_MS = 2_000, 10, 100
# The SDKs try again for at least so long by default: Python's last of four tries comes after 7 s, more or less a fifth.
RETRIED_S = 5


def wait_stored(stack: Stack, service: Service) -> None:
    wait_for(f"records of {service.kind.name}", lambda: count_stored(stack.database_url, [service.node]))


@dataclass(frozen=True)
class Outage:
    away_s: float
    verdicts: dict[Kind, Verdict]


@pytest.fixture(scope="module")
def outage(stack: Stack, endpoints: Endpoints) -> Iterator[Outage]:
    ledgers = {kind: Ledger("restart") for kind in KINDS}
    arguments = ["--records", f"{RECORDS}", "--burst", f"{BURST}", "--pause-ms", f"{PAUSE_MS}"]
    with ExitStack() as running:
        services = [
            running.enter_context(started(kind, endpoints, ledgers[kind].node("service"), arguments, {})) for kind in KINDS
        ]
        for service in services:
            wait_stored(stack, service)
        killed = time.monotonic()
        stack.kill("gateway", signal.SIGKILL)
        stack.wait_ready("gateway")
        away_s = time.monotonic() - killed
        for service in services:
            assert len(service.sent) < RECORDS, f"{service.kind.name} had ended before: nothing is proven"
        verdicts = {}
        for service in services:
            service.wait_end()
            ledger = ledgers[service.kind]
            ledger.leave_unanswered(service.messages())
            if service.kind.retries:
                ledger.accept(service.messages())
            verdicts[service.kind] = settle(stack.database_url, ledger, stack.unsettled)
        print(f"the gateway was away for {away_s:.1f} s")
        yield Outage(away_s, verdicts)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_nothing_is_stored_twice(outage: Outage, kind: Kind) -> None:
    verdict = outage.verdicts[kind]
    assert verdict.stored
    assert not verdict.duplicated
    assert not verdict.strangers


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.retries], ids=lambda kind: kind.name)
def test_a_sender_that_retries_loses_nothing(outage: Outage, kind: Kind) -> None:
    if outage.away_s > RETRIED_S:
        pytest.skip(f"the gateway was away for {outage.away_s:.0f} s, longer than each SDK tries again")
    outage.verdicts[kind].demand()


def test_a_sender_that_does_not_retry_loses_only_what_it_sent_meanwhile(outage: Outage) -> None:
    verdict = outage.verdicts[JS_GRPC]
    lost = verdict.unanswered - verdict.stored
    print(f"JS over gRPC lost {lost} of {verdict.unanswered} records while the gateway was away for {outage.away_s:.1f} s")
    assert verdict.stored > BURST
