"""A rough sanity run: 100,000 records by three senders in batches of 1,000. The speed is printed, not judged."""

import threading
import time

from harness.ledger import Ledger
from harness.senders import Batch, Sender
from harness.stack import Stack
from harness.verdict import count_stored, settle
from harness.waiting import wait_for

SENDERS = 3
BATCHES = (34, 33, 33)
BATCH_RECORDS = 1_000


def push_all(sender: Sender, batches: list[Batch]) -> None:
    for batch in batches:
        sender.push(batch)


def test_a_hundred_thousand_records_are_committed(stack: Stack) -> None:
    ledger = Ledger("storm")
    senders = [Sender(stack.gateway, ledger, f"sender-{i}") for i in range(SENDERS)]
    made = [[sender.batch(BATCH_RECORDS) for _ in range(count)] for sender, count in zip(senders, BATCHES, strict=True)]
    threads = [threading.Thread(target=push_all, args=pair) for pair in zip(senders, made, strict=True)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    accepted_s = time.monotonic() - began
    wait_for(
        "100,000 stored records",
        lambda: count_stored(stack.database_url, ledger.nodes),
        lambda stored: stored >= 100_000,
    )
    committed_s = time.monotonic() - began
    for sender in senders:
        sender.close()
    print(f"100,000 records: all accepted after {accepted_s:.2f} s, all committed after {committed_s:.2f} s")
    assert len(ledger.accepted) == 100_000
    settle(stack.database_url, ledger, stack.unsettled).demand()
