"""gRPC's own services."""

import time

import grpc
import pytest
from grpc_health.v1 import health_pb2
from harness.http2 import Http2, framed

from .gateway_process import WAIT_S, Gateway, refused


@pytest.mark.parametrize(
    "path",
    [
        "/grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ],
)
def test_what_health_and_reflection_cannot_read_is_an_invalid_argument(running: Gateway, path: str) -> None:
    answers = running.channel.stream_stream(path)(iter([b"\xff"]), timeout=WAIT_S)
    error = refused(lambda: next(answers))
    text = "the message is not the request type of this method"
    assert (error.code(), error.details()) == (grpc.StatusCode.INVALID_ARGUMENT, text)


@pytest.mark.parametrize(
    "path",
    [
        "/grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ],
)
def test_few_messages_of_health_and_reflection_are_received_at_a_time(running: Gateway, path: str) -> None:
    check = running.channel.unary_unary(
        "/grpc.health.v1.Health/Check", response_deserializer=health_pb2.HealthCheckResponse.FromString
    )
    with Http2(running.address) as rude:
        for _ in range(40):
            rude.send(rude.call(path), framed(bytes(1000))[:500], within_s=WAIT_S)
        until = time.monotonic() + WAIT_S
        while len(rude.statuses) < 24:
            rude.receive(0.1)
            assert time.monotonic() < until
        assert set(rude.statuses.values()) == {("14", "the message did not arrive in time")}
        assert check(b"", timeout=WAIT_S).status == health_pb2.HealthCheckResponse.SERVING
