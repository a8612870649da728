"""Careless senders at the gateway, each with calls that are valid as far as they go: the memory stays within its share, and
the well-behaved notice nothing."""

import gzip
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
from harness import wire
from harness.http2 import Http2, framed
from harness.memory import Within
from harness.neighbours import MakeNeighbours
from harness.senders import channel, make_batch
from harness.stack import Stack
from harness.waiting import wait_for

MIB = 1024 * 1024
EXPORT = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
CHECK = "/grpc.health.v1.Health/Check"
WAIT_S = 60
# What arrives of a message that stops shortly before its end.
MOST_OF_A_BATCH = framed(bytes(4_000_000))[:-1_000]
READY = "logstream_gateway_ready"


def test_compressed_messages_are_bounded_as_they_are_unpacked(
    stack: Stack, neighbours: MakeNeighbours, within_memory: Within
) -> None:
    with within_memory("gateway"), neighbours(), channel(stack.gateway) as careless:
        push = careless.unary_unary(wire.PUSH)
        for size, calls, status in (
            (40 * MIB, 10, grpc.StatusCode.RESOURCE_EXHAUSTED),
            (30 * MIB, 20, grpc.StatusCode.INVALID_ARGUMENT),
            (4 * MIB, 60, grpc.StatusCode.INVALID_ARGUMENT),
        ):
            made = [push.future(bytes(size), timeout=WAIT_S, compression=grpc.Compression.Gzip) for _ in range(calls)]
            assert {call.code() for call in made if call.exception(WAIT_S)} == {status}


def test_many_messages_that_unpack_to_large_ones(stack: Stack, neighbours: MakeNeighbours, within_memory: Within) -> None:
    """As small as they come, so that all of them have arrived before the first is unpacked."""
    bomb = framed(gzip.compress(bytes(30 * MIB), 9), compressed=True)

    def send(_: int) -> Counter[str]:
        with Http2(stack.gateway) as rude:
            calls = [rude.call(path, ("grpc-encoding", "gzip")) for path in (wire.PUSH, EXPORT) * 20]
            for call in calls:
                rude.send(call, bomb, within_s=WAIT_S, end=True)
            until = time.monotonic() + WAIT_S
            while len(rude.statuses) < len(calls) and not rude.closed and time.monotonic() < until:
                rude.receive(0.1)
            return Counter(status for status, _ in rude.statuses.values())

    with within_memory("gateway"), neighbours(), ThreadPoolExecutor(4) as threads:
        statuses = sum(threads.map(send, range(4)), Counter[str]())
    print(f"statuses: {dict(statuses)}")
    # INVALID_ARGUMENT, or UNAVAILABLE where memory was short.
    assert statuses["3"]
    assert set(statuses) <= {"3", "14"}


def test_half_sent_messages_share_what_there_is(stack: Stack, neighbours: MakeNeighbours, within_memory: Within) -> None:
    def stop_half_way(_: int) -> int:
        with Http2(stack.gateway) as rude:
            return send_to_all(rude, [rude.call(wire.PUSH) for _ in range(60)], 5)

    with within_memory("gateway"), neighbours(), ThreadPoolExecutor(4) as threads:
        sent = sum(threads.map(stop_half_way, range(4)))
    # Of 960 MB, what there was room for at a time.
    assert sent < 600_000_000


def test_half_sent_batches_of_streams_end_when_memory_is_short(
    stack: Stack, neighbours: MakeNeighbours, within_memory: Within
) -> None:
    def stop_half_way(_: int) -> int:
        with Http2(stack.gateway) as rude:
            send_to_all(rude, [rude.call(wire.PUSH_STREAM) for _ in range(60)], 5)
            return len(rude.statuses)

    with within_memory("gateway"), neighbours(), ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(stop_half_way, range(4)))


def test_ten_thousand_calls_without_a_message(stack: Stack, neighbours: MakeNeighbours, within_memory: Within) -> None:
    with within_memory("gateway"), neighbours() as near, Http2(stack.gateway) as rude, channel(stack.gateway) as polite:
        for number in range(10_000):
            rude.call((wire.PUSH, wire.SEND_LOG, wire.PUSH_STREAM)[number % 3])
            if number % 100 == 0:
                rude.receive(0.001)
        near.wait_for_more("while they are open")
        assert polite.unary_unary(CHECK)(b"", timeout=WAIT_S) == b"\x08\x01"
        assert stack.metrics("gateway")[READY] == 1


def test_large_batches_of_a_crowd(stack: Stack, neighbours: MakeNeighbours, within_memory: Within) -> None:
    """Twenty connections, each with eight batches of nearly the size allowed at once."""
    batch = make_batch("crowd", ["x" * 60_000] * 60)

    def push(_: int) -> int:
        with channel(stack.gateway) as connection:
            calls = [connection.unary_unary(wire.PUSH).future(batch.raw, timeout=WAIT_S) for _ in range(8)]
            errors = [error for call in calls if (error := call.exception(WAIT_S))]
        assert {error.code() for error in errors} <= {grpc.StatusCode.UNAVAILABLE}, errors
        return len(calls) - len(errors)

    with within_memory("gateway"), neighbours(), ThreadPoolExecutor(20) as threads:
        assert sum(threads.map(push, range(20)))


def test_silent_streams_leave_room(stack: Stack, neighbours: MakeNeighbours, within_memory: Within) -> None:
    over = threading.Event()

    def silent() -> Iterator[bytes]:
        over.wait(WAIT_S)
        yield from ()

    with within_memory("gateway"), neighbours():
        connections = [channel(stack.gateway) for _ in range(11)]
        opened = [one.stream_stream(wire.PUSH_STREAM)(silent(), timeout=WAIT_S) for one in connections for _ in range(100)]
        try:
            with channel(stack.gateway) as polite:
                wait_for("a stream beside 1,100 silent ones", answered(polite), lambda seen: seen == 1)
        finally:
            over.set()
            for stream in opened:
                stream.cancel()
            for connection in connections:
                connection.close()


def answered(polite: grpc.Channel) -> Callable[[], int]:
    """Sends one batch by a stream, and counts its answers."""

    def send() -> int:
        batch = make_batch("polite", ["a"])
        try:
            return len(list(polite.stream_stream(wire.PUSH_STREAM)(iter([batch.raw]), timeout=WAIT_S)))
        except grpc.RpcError:
            return 0

    return send


def send_to_all(rude: Http2, streams: list[int], within_s: float) -> int:
    """Sends most of a batch on each stream as far as the gateway lets it, in turn; answers how many bytes."""
    sent = dict.fromkeys(streams, 0)
    until = time.monotonic() + within_s
    while time.monotonic() < until and not rude.closed:
        for stream in streams:
            sent[stream] += rude.send(stream, MOST_OF_A_BATCH[sent[stream] : sent[stream] + 65_536])
        rude.receive(0.01)
    return sum(sent.values())
