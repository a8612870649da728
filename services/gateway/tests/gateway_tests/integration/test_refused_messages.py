"""Messages that are unreadable, too large or late."""

import time
from pathlib import Path

import grpc
import pytest
from harness.http2 import Http2, framed
from pika.adapters.blocking_connection import BlockingChannel

from .gateway_process import WAIT_S, Gateway, batch, fetch, gateway, refused


def test_unreadable_and_oversized_messages_are_invalid_arguments(running: Gateway) -> None:
    assert refused(lambda: running.push(b"\xff")).code() == grpc.StatusCode.INVALID_ARGUMENT
    error = refused(lambda: running.push(b"x" * 4_400_000))
    assert (error.code(), error.details()) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "batch: 4400000 bytes, expected at most 4194304",
    )
    error = refused(lambda: running.send_log("a", "x" * 4_400_000))
    assert (error.code(), error.details()[:8]) == (grpc.StatusCode.INVALID_ARGUMENT, "request:")
    error = refused(lambda: running.push(b"x" * 30_000_000))
    assert (error.code(), error.details()) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "batch: 30000000 bytes, expected at most 4194304",
    )
    error = refused(lambda: running.push(b"x" * 34_000_000))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in error.details()
    error = refused(lambda: running.send_log("", "no node"))
    assert (error.code(), error.details()[:12]) == (grpc.StatusCode.INVALID_ARGUMENT, "node: empty,")


@pytest.mark.parametrize("algorithm", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_compressed_batches_are_taken_and_what_they_unpack_to_is_bounded(
    running: Gateway, broker: BlockingChannel, algorithm: grpc.Compression
) -> None:
    raw = batch("a" * 60_000)
    assert running._push(raw, timeout=WAIT_S, compression=algorithm).accepted == 1
    assert fetch(broker)[1] == [raw]
    error = refused(lambda: running._push(bytes(40 * 1024 * 1024), timeout=WAIT_S, compression=algorithm))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in error.details()


@pytest.mark.parametrize("method", ["Push", "PushStream"])
def test_messages_that_cannot_be_unpacked_do_not_fill_the_log(
    rabbitmq_url: str, broker: BlockingChannel, tmp_path: Path, method: str
) -> None:
    path = tmp_path / "log"
    with path.open("wb") as log, gateway(rabbitmq_url, log) as logging, Http2(logging.address) as rude:
        started = time.monotonic()
        for number in range(100):
            call = rude.call(f"/logstream.v1.LogIngest/{method}", ("grpc-encoding", "gzip"))
            rude.send(call, framed(b"no gzip", compressed=True), within_s=WAIT_S, end=True)
            while len(rude.statuses) <= number:
                rude.receive(0.1)
                assert time.monotonic() < started + WAIT_S
        assert logging.push(batch("a")).accepted == 1
        lasted_s = time.monotonic() - started
    assert {status for status, _ in rude.statuses.values()} == {"13"}
    assert path.read_text().count("raised in core") <= lasted_s + 2


def test_a_message_that_does_not_arrive_gets_an_error_and_others_are_served(
    rabbitmq_url: str, broker: BlockingChannel
) -> None:
    with gateway(rabbitmq_url, LOGSTREAM_GATEWAY_RECEIVE_TIMEOUT_S="1") as strict, Http2(strict.address) as rude:
        without = rude.call("/logstream.v1.LogIngest/Push")
        half = rude.call("/LoggerService.Logger/SendLog")
        rude.send(half, framed(b"x" * 1000)[:500], within_s=WAIT_S)
        until = time.monotonic() + WAIT_S
        while len(rude.statuses) < 2 and time.monotonic() < until:
            assert strict.push(batch("a")).accepted == 1
            rude.receive(0.1)
        assert rude.statuses == dict.fromkeys((without, half), ("14", "the message did not arrive within 1 s"))
