"""Viewers who read nothing, and viewers whose filters are expensive: neither may take memory or time from the others."""

import random
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import numpy as np
from harness import wire
from harness.memory import Within
from harness.neighbours import MakeNeighbours
from harness.senders import channel, make_batch
from harness.sse import Viewer
from harness.stack import Stack
from harness.waiting import wait_for

SILENT_VIEWERS = 24
# A batch may have 4 MiB, and a message 64 KiB.
LARGE_RECORDS, LARGE_BYTES = 62, 64_000
# More than 5,000 records, the most of a first screen. Packed they take less than the recent window holds.
LARGE_BATCHES = 82

FILTERS = 60
WORDS = 20
BATCHES, RECORDS = 40, 1_000

PATIENCE_S = 180

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@contextmanager
def reading_nothing(url: str) -> Iterator[socket.socket]:
    """A viewer that asks and takes nothing of the answer."""
    parts = urlsplit(url)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect((parts.hostname, parts.port))
        client.sendall(f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        yield client


def push_large(stack: Stack, seed: int, batches: int = LARGE_BATCHES) -> None:
    chance = random.Random(seed)
    with channel(stack.gateway) as sender:
        push = sender.unary_unary(wire.PUSH)
        for number in range(batches):
            # Some of them are hardly compressed, and of the others JSON needs more bytes than the sender did.
            texts = [
                '"\\\n' * (LARGE_BYTES // 3) if number % 4 else chance.randbytes(LARGE_BYTES // 2).hex()
                for _ in range(LARGE_RECORDS)
            ]
            push(make_batch(f"large-{number % 3}", texts).raw, timeout=60)


def test_viewers_that_read_nothing(stack: Stack, neighbours: MakeNeighbours, within_memory: Within, seed: int) -> None:
    def viewers() -> float:
        return stack.metrics("stream")["logstream_stream_viewers"]

    with Viewer(f"{stack.page_url}/stream?recent=0&node=behind-them") as viewer, channel(stack.gateway) as sender:
        push_large(stack, seed)
        sender.unary_unary(wire.PUSH)(make_batch("behind-them", ["all of them are live"]).raw, timeout=60)
        viewer.wait("the end of large batches", lambda seen: bool(seen.records()))
    with neighbours() as beside, within_memory("stream"), ExitStack() as silent:
        before = viewers()
        service = stack.admin_url("stream")
        for number in range(SILENT_VIEWERS):
            # Some of them look for what is hardly there, through all of the window.
            query = "&q=x" if number % 3 == 2 else f"&node=large-{number % 3}" if number % 3 else ""
            silent.enter_context(reading_nothing(f"{service}/stream?recent=5000{query}"))
        wait_for("all of them to be there", viewers, lambda seen: seen - before == SILENT_VIEWERS)
        beside.wait_for_more("while nobody reads")
        # Less than the window holds: what is pushed out of it in one go can only be a gap.
        push_large(stack, seed + 1, LARGE_BATCHES // 5)
        # By the service or the kernel, after 30 s; those with a filter take longer to find what they don't read.
        wait_for("some to be closed", viewers, lambda seen: seen - before <= SILENT_VIEWERS * 2 // 3, timeout_s=PATIENCE_S)


def test_expensive_filters(stack: Stack, neighbours: MakeNeighbours, seed: int) -> None:
    chance = random.Random(seed)
    node = f"expensive-{chance.getrandbits(40):x}"
    times_us: list[int] = []

    def watch() -> Viewer:
        words = "%20".join(f"-{chance.getrandbits(64):x}" for _ in range(WORDS))
        return Viewer(f"{stack.page_url}/stream?recent=0&max_rate=100&node={node}&q={words}")

    with neighbours(), ExitStack() as watching, channel(stack.gateway) as sender:
        viewers = [watching.enter_context(watch()) for _ in range(FILTERS)]
        for viewer in viewers:
            viewer.wait("live", lambda seen: bool(seen.named("live")))
        push = sender.unary_unary(wire.PUSH)
        for number in range(BATCHES):
            first_us = time.time_ns() // 1_000
            found_us = [max(first_us, times_us[-1] + 1 if times_us else 0) + index for index in range(RECORDS)]
            texts = [f"{number} {index} {'request handled ' * 12}" for index in range(RECORDS)]
            push(make_batch(node, texts, [at_us * 1_000 for at_us in found_us]).raw, timeout=60)
            times_us += found_us
        for viewer in viewers:
            viewer.wait("all to be shown or told of", lambda seen: untold(seen, times_us) == 0)
        assert all(viewer.records() for viewer in viewers), "each filter has its turn"
    reasons = Counter(event.json()["reason"] for viewer in viewers for event in viewer.named("dropped"))
    assert reasons["cost"] > 0, f"all of it was looked through: {reasons}"
    assert not any(viewer.named("gap") for viewer in viewers)
    assert stack.metrics("stream")['logstream_stream_dropped_records_total{reason="cost"}'] > 0


def untold(viewer: Viewer, times_us: list[int]) -> int:
    """How many of the records with these times, all of which match, the viewer was neither shown nor told of."""
    every = np.array(times_us)
    told = np.isin(every, [micros(record["time"]) for record in viewer.records()])
    for event in viewer.named("dropped"):
        span = event.json()
        told |= (every >= micros(span["from"])) & (every < micros(span["to"]))
    return int(np.count_nonzero(~told))


def micros(moment: str) -> int:
    return (datetime.fromisoformat(moment) - EPOCH) // timedelta(microseconds=1)
