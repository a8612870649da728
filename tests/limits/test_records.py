"""Records that nobody should send: each is stored and shown, and stops nobody."""

import time
from typing import Any

import grpc
import psycopg
import pytest
from harness import fuzzing, odd_batches, wire
from harness.history import walk
from harness.ledger import Ledger
from harness.neighbours import MakeNeighbours
from harness.odd_batches import ATTRIBUTES, BATCH_ID, KEY, MESSAGE, NODE, RECORDS, VALUE, delimited
from harness.senders import channel, new_batch_id
from harness.sse import Viewer
from harness.stack import Stack
from harness.waiting import wait_for

BATCHES = 150


class Careless:
    """Pushes bytes as batches of a node of its own."""

    def __init__(self, stack: Stack, node: str) -> None:
        self.node = node
        self._stack = stack
        self._channel = channel(stack.gateway)
        self._push = self._channel.unary_unary(wire.PUSH, response_deserializer=wire.compiled().PushResult.FromString)
        self.viewer = Viewer(f"{stack.page_url}/stream?node={self.node}&recent=0")
        self.viewer.wait("the head of the stream", lambda seen: bool(seen.events))
        self.accepted = 0

    def close(self) -> None:
        self.viewer.close()
        self._channel.close()

    def push(self, raw: bytes) -> bool:
        """Whether it was accepted. Of what is repeated in a batch the last one counts: here id and node."""
        named = delimited(BATCH_ID, new_batch_id()) + delimited(NODE, self.node.encode())
        try:
            self.accepted += self._push(raw + named, timeout=30).accepted
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.INVALID_ARGUMENT:
                raise
            return False
        return True

    def push_record(self, record: bytes) -> None:
        assert self.push(delimited(RECORDS, record))

    def demand_stored_and_shown(self) -> list[dict[str, Any]]:
        """All of it, and nothing else. Returns the records as history has them, oldest first."""
        wait_for("all accepted records to be stored", self._stored, lambda stored: stored >= self.accepted)
        self.viewer.wait("all of them to be shown", lambda seen: len(seen.records(self.node)) >= self.accepted)
        stored = walk(self._stack.page_url, {"node": self.node, "limit": 500})
        assert self._stored() == len(stored) == self.accepted
        shown = self.viewer.records(self.node)
        assert not self.viewer.named("gap")
        assert {record["sequence"]: record for record in shown} == {record["sequence"]: record for record in stored}
        assert len(shown) == len(stored)
        return sorted(stored, key=lambda record: int(record["sequence"]))

    def _stored(self) -> int:
        with psycopg.connect(self._stack.database_url) as connection:
            row = connection.execute("select count(*) from logs where node = %s", [self.node]).fetchone()
            return int(row[0]) if row else 0


@pytest.fixture
def careless(stack: Stack) -> Any:
    # No ledger of the neighbours: what they are judged by.
    opened = Careless(stack, Ledger("records").node("careless"))
    yield opened
    opened.close()


def attribute(key: bytes, value: bytes) -> bytes:
    return delimited(ATTRIBUTES, delimited(KEY, key) + delimited(VALUE, value))


def test_a_record_that_speaks_as_logstream_itself_stops_nobody(careless: Careless, neighbours: MakeNeighbours) -> None:
    with neighbours() as near:
        for mark in (b"nuls_replaced", b"message_bytes", b"original_time_unix_nano", b"attributes_dropped"):
            careless.push_record(delimited(MESSAGE, b"\0") + attribute(b"logstream." + mark, b"no number\0"))
            near.wait_for_more("after such a record", 100)
        stored = careless.demand_stored_and_shown()
    assert stored[0]["attributes"] == {
        "sender.logstream.nuls_replaced": "no number\ufffd",
        "logstream.attributes_renamed": "1",
        "logstream.nuls_replaced": "2",
    }


def test_texts_that_are_none_and_too_many_attributes_refuse_no_batch(stack: Stack, careless: Careless) -> None:
    before = mended(stack)
    careless.push(
        b"".join(
            delimited(RECORDS, record)
            for record in (
                delimited(MESSAGE, b"fine") + attribute(b"k", b"v"),
                delimited(MESSAGE, b"half \xc3") + attribute(b"\xff", b"v"),
                b"".join(attribute(b"%03d" % number, b"v") for number in range(100)),
                attribute(b"", b"v" * 70_000),
            )
        )
    )
    fine, half, many, large = careless.demand_stored_and_shown()
    assert (fine["message"], fine["attributes"]) == ("fine", {"k": "v"})
    assert (half["message"], half["attributes"]) == ("half \ufffd", {"\ufffd": "v", "logstream.invalid_utf8_replaced": "2"})
    assert many["attributes"] == {**{f"{number:03}": "v" for number in range(64)}, "logstream.attributes_dropped": "36"}
    assert large["attributes"] == {
        "sender.unnamed": "v" * 65_536,
        "logstream.attributes_cut": "1",
        "logstream.attributes_renamed": "1",
    }
    # Counted once they are stored, which is a moment before.
    once = {"invalid_utf8": 1.0, "attributes_dropped": 1.0, "attribute_cut": 1.0, "attribute_renamed": 1.0}
    wait_for(
        "the mended records to be counted",
        lambda: {reason: count - before[reason] for reason, count in mended(stack).items()},
        lambda counted: counted == {**dict.fromkeys(before, 0.0), **once},
    )


def mended(stack: Stack) -> dict[str, float]:
    """How many records the writer has mended, by reason."""
    found = stack.metrics("writer")
    name = "logstream_writer_mended_records_total{reason="
    return {key.removeprefix(name).strip('"}'): value for key, value in found.items() if key.startswith(name)}


@pytest.mark.fuzz
def test_whatever_is_accepted_is_stored_and_shown(careless: Careless, neighbours: MakeNeighbours, seed: int) -> None:
    with neighbours():
        tried = fuzzing.sample(odd_batches.batches(time.time_ns()), BATCHES)
        accepted = sum(map(careless.push, tried))
        print(f"{accepted} of {len(tried)} batches accepted, {careless.accepted} records, seed {seed}")
        assert accepted > BATCHES / 4
        careless.demand_stored_and_shown()
