"""Storage never stops for a record: odd records, large ones and many small ones beside well-behaved senders. What was
acknowledged is stored once, and the writer stays within its memory."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from harness import wire
from harness.ledger import Ledger
from harness.memory import Within
from harness.neighbours import MakeNeighbours
from harness.senders import Batch, Sender, channel, make_batch, new_batch_id
from harness.stack import Stack
from harness.verdict import settle
from harness.waiting import wait_for

BESIDE = 4_000
# All that the broker hands a writer ahead, and a little more.
LARGE_BATCHES, LARGE_RECORDS, LARGE_BYTES = 70, 62, 64_000
SEND_LOGS, CALLERS = 4_000, 16


def odd_batch(node: str, message: str, **record: Any) -> Batch:
    """One record, as no client of ours makes it."""
    messages = wire.compiled()
    made = messages.LogRecord(message=message, **record)
    raw = messages.LogBatch(batch_id=new_batch_id(), node=node, records=[made]).SerializeToString()
    return Batch(raw, (message,))


@pytest.mark.parametrize(
    "attributes",
    [
        {"logstream.nuls_replaced": "x", "nul": "\0"},
        {"logstream.nuls_replaced": "9" * 5_000, "nul": "\0"},
    ],
)
def test_one_odd_record_stops_nothing(stack: Stack, neighbours: MakeNeighbours, attributes: dict[str, str]) -> None:
    """Neither the writer, which must not even start anew, nor what is flushed with it. The record itself is stored or kept
    aside."""
    beside = Sender(stack.gateway, Ledger("beside"), "beside")
    odd = Sender(stack.gateway, Ledger("odd"), "odd")
    with neighbours():
        for number in range(BESIDE // 40):
            if number % 20 == 10:
                odd.push(odd_batch(odd.node, f"odd {number}", attributes=attributes))
            beside.push(beside.batch(40))
        settle(stack.database_url, beside.ledger, stack.unsettled).demand()
    assert odd.ledger.accepted
    with psycopg.connect(stack.database_url) as connection:
        stored = connection.execute("select count(*) from logs where node = %s", [odd.node]).fetchone()
        kept = connection.execute(
            "select count(*) from dead_letters where reason = 'failed' and position(%s::bytea in body) > 0",
            [odd.node.encode()],
        ).fetchone()
    assert (stored or (0,))[0] + (kept or (0,))[0] == len(odd.ledger.accepted)


@pytest.mark.parametrize("beginning", ["", "\0"], ids=["plain", "mended"])
def test_a_backlog_of_the_largest_batches_stays_within_memory(stack: Stack, within_memory: Within, beginning: str) -> None:
    """Without a viewer beside it: so much at once is past the recent window, and viewers are told of a gap."""
    sender = Sender(stack.gateway, Ledger("large"), "large")
    stack.stop("writer")
    for number in range(LARGE_BATCHES):
        texts = [f"{beginning}{number} {index} ".ljust(LARGE_BYTES, "x") for index in range(LARGE_RECORDS)]
        batch = make_batch(sender.node, texts)
        sender.push(Batch(batch.raw, tuple(text.replace("\0", "\N{REPLACEMENT CHARACTER}") for text in texts)))
    stack.start("writer")
    with within_memory("writer"):
        settle(stack.database_url, sender.ledger, stack.unsettled).demand()


def test_many_nodes_with_a_level_each_stay_within_memory(
    stack: Stack, neighbours: MakeNeighbours, within_memory: Within
) -> None:
    """As they come from SendLog, a batch for each node."""
    messages = wire.compiled()
    node = Ledger("each").node("caller")
    calling = channel(stack.gateway)
    send_log = calling.unary_unary(
        wire.SEND_LOG,
        request_serializer=messages.LogRequest.SerializeToString,
        response_deserializer=messages.LogResponse.FromString,
    )

    def call(number: int) -> None:
        request = messages.LogRequest(node=f"{node}-{number}", level=f"level {number}", message=f"message {number}")
        assert send_log(request, timeout=60).success

    with neighbours(may_restart=("writer",)):
        stack.stop("writer")
        with ThreadPoolExecutor(CALLERS) as callers:
            list(callers.map(call, range(SEND_LOGS)))
        calling.close()
        stack.start("writer")
        with within_memory("writer"):
            wait_for("every record", lambda: stored_of_each(stack, node), lambda stored: stored == SEND_LOGS)


def stored_of_each(stack: Stack, node: str) -> int:
    with psycopg.connect(stack.database_url) as connection:
        row = connection.execute("select count(*) from logs where node like %s", [f"{node}-%"]).fetchone()
        return int(row[0]) if row else 0
