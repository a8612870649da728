"""The gateway stores a call and its answer is lost: the SDK sends the same again, which is stored once."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from harness.fault_proxy import FaultProxy
from harness.ledger import Ledger
from harness.metrics import total
from harness.stack import Stack
from harness.verdict import Verdict, count_stored
from harness.waiting import wait_for

from .conftest import Start
from .senders import Endpoints, Kind

Demand = Callable[..., Verdict]
BURST = 20
DUPLICATE_BATCHES = "logstream_writer_duplicate_batches_total"


@pytest.fixture
def proxy(endpoints: Endpoints, kind: Kind) -> Iterator[FaultProxy]:
    """Between a sender of this kind and the gateway."""
    parts = urlsplit(endpoints.of(kind))
    assert parts.hostname
    assert parts.port
    with FaultProxy(parts.hostname, parts.port) as between:
        yield between


def test_a_call_whose_answer_is_lost_is_stored_once(
    stack: Stack, start: Start, ledger: Ledger, demand: Demand, kind: Kind, proxy: FaultProxy
) -> None:
    through = Endpoints(*[f"http://127.0.0.1:{proxy.port}"] * 2)
    # SDKs connect at their first call, which has nothing to do with the test.
    service = start(kind, "--records", f"{2 * BURST}", "--burst", f"{BURST}", "--step", through=through)
    before = total(stack.metrics("writer"), DUPLICATE_BATCHES)

    def wait_stored(what: str, records: int) -> None:
        wait_for(what, lambda: count_stored(stack.database_url, ledger.nodes), lambda seen: seen >= records)

    wait_stored("the first call", BURST)
    proxy.hold_answers()
    service.step()
    wait_stored("the second call", 2 * BURST)
    wait_for("the held answer", lambda: proxy.held_answer_bytes)
    proxy.drop()
    proxy.release()
    service.step()
    service.wait_end()
    # Whether it sends again or not, it was stored before.
    demand(service)
    duplicates = before + (1 if kind.retries else 0)
    # What was sent again is confirmed before the writer has looked at it.
    seen = wait_for(
        "the call that was sent again",
        lambda: total(stack.metrics("writer"), DUPLICATE_BATCHES),
        lambda seen: seen >= duplicates,
    )
    assert seen == duplicates
    assert count_stored(stack.database_url, ledger.nodes) == 2 * BURST
