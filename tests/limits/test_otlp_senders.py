"""Careless senders of OTLP, and of messages as large as only OTLP's may be: the memory of the gateway stays within its
share, and the well-behaved notice nothing."""

import gzip
import socket
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import grpc
import pytest
import requests
from harness import wire
from harness.memory import Within
from harness.neighbours import MakeNeighbours
from harness.senders import channel
from harness.stack import Stack
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

MIB = 1024 * 1024
EXPORT = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
PROTOBUF = "application/x-protobuf"
WAIT_S = 120
CROWD = 12


def large(size_bytes: int, record_bytes: int = 60_000) -> bytes:
    request = ExportLogsServiceRequest()
    record = LogRecord(time_unix_nano=time.time_ns(), body=AnyValue(string_value="x" * record_bytes))
    request.resource_logs.add().scope_logs.add().log_records.extend([record] * (size_bytes // (record_bytes + 50)))
    return request.SerializeToString()


def post(stack: Stack, body: bytes, **headers: str) -> int:
    named = {"Content-Type": PROTOBUF, **{name.replace("_", "-"): value for name, value in headers.items()}}
    try:
        return requests.post(f"{stack.otlp_url}/v1/logs", data=body, headers=named, timeout=WAIT_S).status_code
    except requests.ConnectionError:
        # It was still sending when it was told to come again.
        return 503


def crowd(call: Callable[[], int], calls: int = CROWD) -> Counter[int]:
    with ThreadPoolExecutor(calls) as threads:
        found = Counter(threads.map(lambda _: call(), range(calls)))
    print(f"answers: {dict(found)}")
    return found


def test_large_exports_over_grpc(stack: Stack, neighbours: MakeNeighbours, within_memory: Within) -> None:
    raw = large(30 * MIB)

    def export() -> int:
        with channel(stack.gateway) as connection:
            error = connection.unary_unary(EXPORT).future(raw, timeout=WAIT_S).exception(WAIT_S)
        return int(error.code().value[0]) if error else 0

    with within_memory("gateway"), neighbours():
        answers = crowd(export)
    assert answers[0]
    assert set(answers) <= {0, grpc.StatusCode.UNAVAILABLE.value[0]}


@pytest.mark.parametrize("packed", [False, True])
def test_large_exports_over_http(stack: Stack, neighbours: MakeNeighbours, within_memory: Within, packed: bool) -> None:
    body = large(30 * MIB)
    headers = {"Content_Encoding": "gzip"} if packed else {}
    body = gzip.compress(body, 1) if packed else body
    with within_memory("gateway"), neighbours():
        answers = crowd(lambda: post(stack, body, **headers))
    assert answers[200]
    assert set(answers) <= {200, 503}


def test_large_batches_that_only_otlp_may_have(stack: Stack, neighbours: MakeNeighbours, within_memory: Within) -> None:
    def push() -> int:
        with channel(stack.gateway) as connection:
            call = connection.unary_unary(wire.PUSH).future(bytes(30 * MIB), timeout=WAIT_S)
            return int(call.code().value[0])

    with within_memory("gateway"), neighbours():
        answers = crowd(push) + crowd(push)
    assert set(answers) <= {grpc.StatusCode.INVALID_ARGUMENT.value[0], grpc.StatusCode.UNAVAILABLE.value[0]}


def test_small_requests_that_unpack_to_large_ones(stack: Stack, neighbours: MakeNeighbours, within_memory: Within) -> None:
    body = gzip.compress(bytes(30 * MIB), 9)
    with within_memory("gateway"), neighbours():
        answers = crowd(lambda: post(stack, body, Content_Encoding="gzip"), 100)
    assert answers[400]
    assert set(answers) <= {400, 503}


@pytest.mark.parametrize("text", [b"{}", b"[]", b'{"severityText":""}', b"1"])
def test_json_of_many_values(stack: Stack, neighbours: MakeNeighbours, within_memory: Within, text: bytes) -> None:
    values = b",".join([text] * ((8 * MIB - 200) // (len(text) + 1)))
    body = gzip.compress(b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[%s]}]}]}' % values, 1)
    with within_memory("gateway"), neighbours():
        answers = crowd(lambda: post(stack, body, Content_Encoding="gzip", Content_Type="application/json"), 8)
    assert set(answers) <= {200, 400, 413, 503}


def test_bodies_that_stop_half_way(stack: Stack, neighbours: MakeNeighbours, within_memory: Within) -> None:
    host, port = stack.otlp_url.removeprefix("http://").split(":")
    head = f"POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\n"
    opened = []
    with within_memory("gateway"), neighbours() as near:
        try:
            for number in range(600):
                length = (
                    "Transfer-Encoding: chunked\r\n\r\n200000\r\n" if number % 2 else f"Content-Length: {30 * MIB}\r\n\r\n"
                )
                rude = socket.create_connection((host, int(port)), WAIT_S)
                opened.append(rude)
                rude.settimeout(0.01)
                with suppress(TimeoutError):
                    rude.sendall((head + length).encode() + bytes(2 * MIB - 1000))
            near.wait_for_more("while bodies are open")
        finally:
            for rude in opened:
                rude.close()
