"""A broker that is full, blocked, unavailable or without the queue."""

import time
from collections.abc import Callable

import grpc
import pika
import pytest
from harness.fault_proxy import FaultProxy
from logstream_contract.wire import topology
from pika.adapters.blocking_connection import BlockingChannel

from .gateway_process import WAIT_S, Gateway, batch, fetch, gateway, refused, retry_delay_ms


def test_a_full_queue_is_reported_and_nothing_is_accepted(
    rabbitmq_url: str, broker: BlockingChannel, running: Gateway
) -> None:
    broker.queue_delete(topology.WRITE_QUEUE)
    # What an operator's policy would set, here as an argument; the gateway's own declaration then conflicts, as a queue of
    # an earlier release would, so the queue is filled through the connection that is open already.
    broker.queue_declare(topology.WRITE_QUEUE, durable=True, arguments={**topology.WRITE_QUEUE_ARGUMENTS, "x-max-length": 1})
    errors = []
    for number in range(20):
        try:
            running.push(batch(f"{number}"))
        except grpc.RpcError as error:
            errors.append(error)
    assert errors
    assert {error.code() for error in errors} == {grpc.StatusCode.UNAVAILABLE}
    assert "full" in errors[-1].details()
    assert retry_delay_ms(errors[-1]) == 500
    broker.queue_delete(topology.WRITE_QUEUE)


def test_a_deleted_queue_is_noticed_and_declared_again(running: Gateway, broker: BlockingChannel) -> None:
    broker.queue_delete(topology.WRITE_QUEUE)
    error = refused(lambda: running.push(batch("nowhere to go")))
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    until = time.monotonic() + WAIT_S
    raw = batch("again")
    while True:
        try:
            running.push(raw)
            break
        except grpc.RpcError:
            assert time.monotonic() < until
    assert fetch(broker)[1] == [raw]


@pytest.mark.parametrize(
    "call",
    [
        lambda lonely: lonely.push(batch("a"), timeout_s=1.5),
        lambda lonely: lonely.send_log("a", "a", timeout_s=1.5),
        lambda lonely: next(lonely.stream([batch("a")], timeout_s=1.5)),
    ],
    ids=["Push", "SendLog", "PushStream"],
)
def test_without_a_broker_callers_get_an_error_before_their_deadline(call: Callable[[Gateway], object]) -> None:
    with gateway("amqp://u:p@127.0.0.1:1/") as lonely:
        error = refused(lambda: call(lonely))
        assert error.code() == grpc.StatusCode.UNAVAILABLE
        assert "no connection to the broker" in error.details()
        assert retry_delay_ms(error) == 500


def test_a_blocked_broker_is_reported_and_a_late_unblocking_still_takes_the_batch(
    rabbitmq_url: str, broker: BlockingChannel
) -> None:
    parameters = pika.URLParameters(rabbitmq_url)
    address = f"{parameters.host}:{parameters.port}"
    with (
        FaultProxy(parameters.host, parameters.port) as proxy,
        gateway(rabbitmq_url.replace(address, f"127.0.0.1:{proxy.port}")) as behind,
    ):
        raw = batch("first")
        behind.push(raw)
        assert fetch(broker)[1] == [raw]
        proxy.inject(pika.frame.Method(0, pika.spec.Connection.Blocked("low on memory")).marshal())
        until = time.monotonic() + WAIT_S
        while True:
            call = behind.push_later(batch("held"), timeout_s=0.6)
            if call.exception() and "blocked" in call.details():
                break
            assert time.monotonic() < until, "the gateway takes batches although the broker is blocked"
        assert call.code() == grpc.StatusCode.UNAVAILABLE
        waiting = behind.push_later(raw)
        proxy.inject(pika.frame.Method(0, pika.spec.Connection.Unblocked()).marshal())
        assert waiting.result(WAIT_S).accepted == 1


def test_bytes_held_are_bounded_until_the_broker_has_answered(rabbitmq_url: str) -> None:
    parameters = pika.URLParameters(rabbitmq_url)
    with FaultProxy(parameters.host, parameters.port) as proxy:
        url = rabbitmq_url.replace(f"{parameters.host}:{parameters.port}", f"127.0.0.1:{proxy.port}")
        with gateway(url, LOGSTREAM_GATEWAY_INFLIGHT_BYTES=str(1024 * 1024)) as behind:
            behind.push(batch("connected"))
            proxy.hold()
            big = [batch("x" * 60_000, "y" * 60_000, "z" * 60_000, "w" * 60_000) for _ in range(6)]
            calls = [behind.push_later(raw, timeout_s=1.0) for raw in big]
            details = [refused(call.result).details() for call in calls]
            assert sum("LOGSTREAM_GATEWAY_INFLIGHT_BYTES=1048576" in text for text in details) == 2
            # The callers have left, the bytes are still held.
            assert "LOGSTREAM_GATEWAY_INFLIGHT_BYTES" in refused(lambda: behind.push(big[0], timeout_s=1.0)).details()
            proxy.release()
            until = time.monotonic() + WAIT_S
            while True:
                try:
                    assert behind.push(big[0]).accepted == 4
                    break
                except grpc.RpcError:
                    assert time.monotonic() < until
