"""30,000 known records go in by all three ways; SQL, REST and the live stream must each hold exactly them."""

import threading
from typing import Any

import pytest
from harness.history import pages
from harness.ledger import Ledger
from harness.senders import Sender
from harness.sse import Viewer, open_viewer
from harness.stack import Stack
from harness.verdict import demand_shown_once, settle

SENDERS = ("alpha", "beta", "gamma")
CALLS = 400
BATCHES, BATCH_RECORDS = 12, 400
STREAMED = 4  # batches a PushStream call
RECORDS = len(SENDERS) * (CALLS + 2 * BATCHES * BATCH_RECORDS)


class Sent:
    """What the three senders sent, and what a viewer who was there saw."""

    def __init__(self, ledger: Ledger, viewer: Viewer) -> None:
        self.ledger = ledger
        self.shown = viewer.records(*ledger.nodes)
        self.dropped = viewer.named("dropped")
        self.gaps = viewer.named("gap")


def send_all(sender: Sender) -> None:
    for _ in range(BATCHES):
        sender.push(sender.batch(BATCH_RECORDS))
    for _ in range(0, BATCHES, STREAMED):
        sender.push_stream([sender.batch(BATCH_RECORDS) for _ in range(STREAMED)])
    for _ in range(CALLS):
        sender.send_log()


@pytest.fixture(scope="module")
def sent(stack: Stack) -> Sent:
    ledger = Ledger("ways")
    senders = [Sender(stack.gateway, ledger, name) for name in SENDERS]
    with open_viewer(stack.page_url) as viewer:
        threads = [threading.Thread(target=send_all, args=(sender,)) for sender in senders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for sender in senders:
            sender.close()
        # In vain is not an error here: each test tells what is missing in its place.
        try:
            viewer.wait_shown(ledger.accepted, *ledger.nodes)
        except AssertionError as late:
            print(late)
        return Sent(ledger, viewer)


def test_all_are_accepted(sent: Sent) -> None:
    assert not sent.ledger.refusals
    assert len(sent.ledger.accepted) == RECORDS == 30_000


def test_sql_holds_each_once(stack: Stack, sent: Sent) -> None:
    settle(stack.database_url, sent.ledger, stack.unsettled).demand()


def test_rest_returns_each_once(stack: Stack, sent: Sent) -> None:
    settle(stack.database_url, sent.ledger, stack.unsettled)
    found: list[dict[str, Any]] = []
    for page in pages(stack.page_url, {"node": ",".join(sent.ledger.nodes), "limit": 4_000}):
        assert len(page) <= 4_000
        found += page
    demand_shown_once(found, sent.ledger)
    places = [(record["time"], int(record["sequence"])) for record in found]
    assert places == sorted(places, reverse=True), "the walk is not newest first by (time, sequence)"


def test_a_viewer_saw_each_once(sent: Sent) -> None:
    assert not sent.dropped, f"the viewer was told of dropped records: {sent.dropped[0]}"
    assert not sent.gaps, f"the viewer was told of a gap: {sent.gaps[0]}"
    demand_shown_once(sent.shown, sent.ledger)


def test_live_and_history_show_the_same(stack: Stack, sent: Sent) -> None:
    node = sent.ledger.nodes[0]
    stored = {record["message"]: record for page in pages(stack.page_url, {"node": node, "limit": 5_000}) for record in page}
    shown = {record["message"]: record for record in sent.shown if record["node"] == node}
    assert shown == stored
