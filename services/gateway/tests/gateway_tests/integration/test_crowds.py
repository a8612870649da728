"""Many calls, streams and connections at a time, and their ages."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import grpc
import pytest
from grpc_health.v1 import health_pb2
from harness.http2 import Http2
from logstream_contract.wire import topology
from logstream_contract.wire.pb.logs_pb2 import LogBatch
from pika.adapters.blocking_connection import BlockingChannel

from .gateway_process import WAIT_S, Gateway, batch, gateway, refused, retry_delay_ms


def test_a_client_that_keeps_to_the_limit_of_calls_is_never_refused(running: Gateway, broker: BlockingChannel) -> None:
    calls = [running.push_later(batch(f"{number}")) for number in range(2000)]
    assert [call.result(WAIT_S).accepted for call in calls] == [1] * 2000
    broker.queue_purge(topology.WRITE_QUEUE)


def test_headers_without_end_leave_room_for_others_and_for_health(running: Gateway, broker: BlockingChannel) -> None:
    check = running.channel.unary_unary(
        "/grpc.health.v1.Health/Check", response_deserializer=health_pb2.HealthCheckResponse.FromString
    )
    with Http2(running.address) as rude:
        for number in range(10_000):
            rude.call("/logstream.v1.LogIngest/Push")
            if number % 100 == 0:
                rude.receive(0.001)
        assert running.push(batch("a")).accepted == 1
        assert running.send_log("a", "b")
        assert next(running.stream([batch("c")])).accepted == 1
        assert check(b"", timeout=WAIT_S).status == health_pb2.HealthCheckResponse.SERVING
        until = time.monotonic() + WAIT_S
        while len(rude.resets) < 9_000:
            rude.receive(0.1)
            assert time.monotonic() < until


def test_a_full_gateway_says_that_it_is_not_ready_and_health_is_answered(rabbitmq_url: str, broker: BlockingChannel) -> None:
    settings = {"LOGSTREAM_GATEWAY_CONCURRENT_CALLS": "3", "LOGSTREAM_GATEWAY_RECEIVE_TIMEOUT_S": "3600"}
    with gateway(rabbitmq_url, None, **settings) as small, Http2(small.address) as rude:
        check = small.channel.unary_unary(
            "/grpc.health.v1.Health/Check", response_deserializer=health_pb2.HealthCheckResponse.FromString
        )
        assert small.push(batch("a")).accepted == 1
        until = time.monotonic() + WAIT_S
        while check(b"", timeout=WAIT_S).status != health_pb2.HealthCheckResponse.SERVING:
            assert time.monotonic() < until
        for _ in range(3):
            rude.call("/logstream.v1.LogIngest/Push")
        while check(b"", timeout=WAIT_S).status == health_pb2.HealthCheckResponse.SERVING:
            with suppress(grpc.RpcError):
                small.push(batch("b"))
            rude.receive(0.1)
            assert time.monotonic() < until
        error = refused(lambda: small.push(batch("c")))
        assert "LOGSTREAM_GATEWAY_CONCURRENT_CALLS=3" in error.details()
        assert retry_delay_ms(error) == 500


def test_a_silent_stream_and_an_old_one_end_after_their_results(rabbitmq_url: str, broker: BlockingChannel) -> None:
    with gateway(rabbitmq_url, LOGSTREAM_GATEWAY_STREAM_IDLE_S="1", LOGSTREAM_GATEWAY_STREAM_AGE_S="3") as strict:
        over = threading.Event()

        def silent_after_one() -> Iterator[bytes]:
            yield batch("a")
            over.wait(WAIT_S)

        answers = strict._stream(silent_after_one(), timeout=WAIT_S)
        assert next(answers).accepted == 1
        error = refused(lambda: next(answers))
        over.set()
        assert (error.code(), error.details()[:16]) == (grpc.StatusCode.UNAVAILABLE, "no batch for 1 s")
        assert retry_delay_ms(error) == 500

        sent: list[bytes] = []

        ended = threading.Event()

        def busy() -> Iterator[bytes]:
            while not ended.is_set():
                sent.append(batch(f"{len(sent)}"))
                yield sent[-1]
                time.sleep(0.01)

        answers = strict._stream(busy(), timeout=WAIT_S)
        answered: list[bytes] = []
        with pytest.raises(grpc.RpcError) as caught:
            answered.extend(answer.batch_id for answer in answers)
        ended.set()
        assert "maximum age" in caught.value.details()
        # In order and without a gap, so the client knows which to send again.
        assert answered == [LogBatch.FromString(raw).batch_id for raw in sent[: len(answered)]]
        assert answered


def test_no_call_fails_when_connections_reach_their_age(rabbitmq_url: str, broker: BlockingChannel) -> None:
    with gateway(rabbitmq_url, LOGSTREAM_GATEWAY_CONNECTION_AGE_S="1") as aging:
        ports: set[int] = set()
        until = time.monotonic() + WAIT_S
        while len(ports) < 4:
            waiting = [aging.push_later(batch(f"{number}")) for number in range(20)]
            assert [call.result(WAIT_S).accepted for call in waiting] == [1] * 20
            assert aging.send_log("a", "b")
            ports |= aging.local_ports()
            assert time.monotonic() < until
