"""Exports of OpenTelemetry, over gRPC and over HTTP."""

import gzip
import json
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import grpc
import pytest
import requests
from google.rpc import error_details_pb2, status_pb2
from logstream_contract.wire.pb.logs_pb2 import LogBatch
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from pika.adapters.blocking_connection import BlockingChannel

from .gateway_process import WAIT_S, Gateway, fetch, free_port, gateway, refused, retry_delay_ms

METHOD = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
PROTOBUF = "application/x-protobuf"
JSON = "application/json"
MIB = 1024 * 1024


def text(value: str) -> AnyValue:
    return AnyValue(string_value=value)


def export(*messages: str, services: tuple[str, ...] = ("checkout",), when_ns: int | None = None) -> bytes:
    now = time.time_ns() if when_ns is None else when_ns
    request = ExportLogsServiceRequest()
    for service in services:
        logs = request.resource_logs.add()
        logs.resource.attributes.append(KeyValue(key="service.name", value=text(service)))
        records = [LogRecord(time_unix_nano=now + index, body=text(message)) for index, message in enumerate(messages)]
        logs.scope_logs.add().log_records.extend(records)
    return request.SerializeToString()


class Otlp:
    """A gateway, and calls of OpenTelemetry's to it."""

    def __init__(self, running: Gateway, http_port: int) -> None:
        self.gateway = running
        self.port = http_port
        self.url = f"http://127.0.0.1:{http_port}/v1/logs"
        self._export = running.channel.unary_unary(METHOD)

    def grpc(self, raw: bytes, **options: Any) -> ExportLogsServiceResponse:
        return ExportLogsServiceResponse.FromString(self._export(raw, timeout=WAIT_S, **options))

    def http(self, raw: Any, content_type: str = PROTOBUF, **headers: str) -> requests.Response:
        named = {"Content-Type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return requests.post(self.url, data=raw, headers=named, timeout=WAIT_S)


@contextmanager
def otlp_gateway(rabbitmq_url: str, **settings: str) -> Iterator[Otlp]:
    port = free_port()
    with gateway(rabbitmq_url, None, LOGSTREAM_GATEWAY_OTLP_LISTEN=f"127.0.0.1:{port}", **settings) as running:
        yield Otlp(running, port)


@pytest.fixture(scope="module")
def otlp(rabbitmq_url: str) -> Iterator[Otlp]:
    with otlp_gateway(rabbitmq_url) as running:
        yield running


def batches(broker: BlockingChannel) -> list[LogBatch]:
    return list(map(LogBatch.FromString, fetch(broker)[1]))


def test_an_export_over_grpc_is_published_before_it_is_answered(otlp: Otlp, broker: BlockingChannel) -> None:
    assert otlp.grpc(export("a", "b")) == ExportLogsServiceResponse()
    headers, raws = fetch(broker)
    (batch,) = map(LogBatch.FromString, raws)
    assert (headers["records"], batch.node, batch.otlp) == (2, "checkout", True)
    assert [record.message for record in batch.records] == ["a", "b"]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("chunked", [False, True])
def test_an_export_over_http_is_published_before_it_is_answered(
    otlp: Otlp, broker: BlockingChannel, packed: bool, chunked: bool
) -> None:
    raw = export("a" * 100_000, "b")
    body = gzip.compress(raw) if packed else raw
    encoding = {"Content_Encoding": "gzip"} if packed else {}
    answer = otlp.http(iter([body[:1000], body[1000:]]) if chunked else body, **encoding)
    assert (answer.status_code, answer.headers["Content-Type"], answer.content) == (200, PROTOBUF, b"")
    (batch,) = batches(broker)
    assert [record.message[:1] for record in batch.records] == ["a", "b"]


def test_json_is_answered_in_json(otlp: Otlp, broker: BlockingChannel) -> None:
    body = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "ü"}, "traceId": "01" * 16}]}]}]}
    answer = otlp.http(json.dumps(body), "application/json; charset=utf-8")
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0], answer.json()) == (200, JSON, {})
    (batch,) = batches(broker)
    assert (batch.node, batch.records[0].message) == ("unknown_service", "ü")
    assert batch.records[0].attributes["trace_id"] == "01" * 16


def test_a_request_that_comes_again_has_the_same_ids_by_either_way(otlp: Otlp, broker: BlockingChannel) -> None:
    raw = export("a", services=("a", "b"))
    otlp.grpc(raw)
    otlp.http(raw)
    first, second = batches(broker), batches(broker)
    assert [batch.node for batch in first] == ["a", "b"]
    assert first == second


def test_an_empty_request_is_a_success(otlp: Otlp) -> None:
    assert otlp.grpc(b"") == ExportLogsServiceResponse()
    assert otlp.http(b"").status_code == 200
    assert otlp.http("{}", JSON).json() == {}


def test_a_large_request_becomes_several_messages_and_has_one_answer(otlp: Otlp, broker: BlockingChannel) -> None:
    raw = export(*(f"{number:06}{'x' * 50_000}" for number in range(400)))
    assert len(raw) > 20_000_000
    otlp.grpc(raw)
    found: list[str] = []
    while len(found) < 400:
        _, raws = fetch(broker)
        assert sum(map(len, raws)) < 10 * MIB
        found += [record.message[:6] for raw in raws for record in LogBatch.FromString(raw).records]
    assert found == [f"{number:06}" for number in range(400)]
    assert otlp.http(gzip.compress(raw), Content_Encoding="gzip").status_code == 200


def test_one_odd_record_takes_no_other_along(otlp: Otlp, broker: BlockingChannel) -> None:
    raw = export("fine", "odd?").replace(b"odd?", b"odd\xff")
    otlp.grpc(raw)
    (batch,) = (LogBatch.FromString(raw.replace(b"odd\xff", b"odd!")) for raw in fetch(broker)[1])
    assert [record.message for record in batch.records] == ["fine", "odd!"]


def status_of(answer: requests.Response) -> tuple[int, str]:
    if answer.headers["Content-Type"].startswith(JSON):
        return answer.json()["code"], answer.json()["message"]
    status = status_pb2.Status.FromString(answer.content)
    return status.code, status.message


BOMB = gzip.compress(bytes(40 * MIB))


@pytest.mark.parametrize(
    ("body", "content_type", "headers", "status", "words"),
    [
        (b"\xff", PROTOBUF, {}, 400, "not an ExportLogsServiceRequest"),
        ("[1]", JSON, {}, 400, "request: [1], expected an object"),
        (b"no gzip", PROTOBUF, {"Content_Encoding": "gzip"}, 400, "not gzip"),
        (gzip.compress(b"")[:-3], PROTOBUF, {"Content_Encoding": "gzip"}, 400, "cut off"),
        (BOMB, PROTOBUF, {"Content_Encoding": "gzip"}, 413, "LOGSTREAM_GATEWAY_OTLP_MAX_BYTES=33554432"),
        (bytes(33 * MIB), PROTOBUF, {}, 413, "LOGSTREAM_GATEWAY_OTLP_MAX_BYTES=33554432"),
        (b"x", "text/plain", {}, 415, "text/plain"),
        (b"x", "", {}, 415, "Content-Type"),
        (zlib.compress(b"x"), PROTOBUF, {"Content_Encoding": "deflate"}, 415, "deflate"),
        (export("a"), PROTOBUF, {"Origin": "https://shop.example.com"}, 403, "LOGSTREAM_GATEWAY_OTLP_ORIGINS"),
    ],
)
def test_what_cannot_be_taken_over_http_is_told(
    otlp: Otlp, body: Any, content_type: str, headers: dict[str, str], status: int, words: str
) -> None:
    answer = otlp.http(body, content_type, **headers)
    assert answer.status_code == status
    code, message = status_of(answer)
    assert code == 3
    assert words in message
    assert otlp.http(b"").status_code == 200


def test_a_body_without_a_length_is_bounded(otlp: Otlp) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(64):
            yield bytes(MIB)

    # It may still be sending when the answer comes and the connection ends.
    with suppress(requests.ConnectionError):
        assert otlp.http(endless()).status_code == 413
    assert otlp.http(b"").status_code == 200


def test_other_paths_and_methods_have_their_statuses(otlp: Otlp) -> None:
    assert requests.get(otlp.url, timeout=WAIT_S).status_code == 405
    assert requests.post(otlp.url.replace("logs", "traces"), timeout=WAIT_S).status_code == 404


@pytest.mark.parametrize(("raw", "words"), [(b"\xff", "not an ExportLogsServiceRequest"), (bytes(32 * MIB + 9), "33554432")])
def test_what_cannot_be_taken_over_grpc_is_told(otlp: Otlp, raw: bytes, words: str) -> None:
    error = refused(lambda: otlp.grpc(raw))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert words in error.details()


def test_origins_that_are_allowed_may_send(rabbitmq_url: str, broker: BlockingChannel) -> None:
    allowed, foreign = "https://shop.example.com", "https://evil.example.com"
    with otlp_gateway(rabbitmq_url, LOGSTREAM_GATEWAY_OTLP_ORIGINS=allowed) as open_:
        asked = {"Origin": allowed, "Access-Control-Request-Method": "POST"}
        preflight = requests.options(open_.url, headers=asked, timeout=WAIT_S)
        assert preflight.status_code == 204
        assert preflight.headers["Access-Control-Allow-Origin"] == allowed
        assert "Content-Type" in preflight.headers["Access-Control-Allow-Headers"]
        answer = open_.http(export("a"), Origin=allowed)
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, allowed)
        assert requests.options(open_.url, headers={**asked, "Origin": foreign}, timeout=WAIT_S).status_code == 403
        assert open_.http(export("a"), Origin=foreign).status_code == 403


def test_without_a_broker_senders_are_told_when_to_come_again() -> None:
    with otlp_gateway(
        "amqp://u:p@127.0.0.1:1/", LOGSTREAM_GATEWAY_PUBLISH_TIMEOUT_S="0.5", LOGSTREAM_GATEWAY_RETRY_AFTER_MS="60000"
    ) as lonely:
        error = refused(lambda: lonely.grpc(export("a")))
        assert error.code() == grpc.StatusCode.UNAVAILABLE
        assert retry_delay_ms(error) == 3_000
        trailer = dict(error.trailing_metadata())["google.rpc.retryinfo-bin"]
        assert error_details_pb2.RetryInfo.FromString(trailer).retry_delay.ToMilliseconds() == 3_000
        for body, content_type in ((export("a"), PROTOBUF), ("{}", JSON)):
            answer = lonely.http(body, content_type)
            if content_type == JSON:
                assert answer.status_code == 200, "nothing to publish"
                continue
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")
            assert status_of(answer)[0] == 14


def test_a_part_that_is_not_accepted_fails_the_whole_and_a_retry_is_stored_once(
    rabbitmq_url: str, broker: BlockingChannel
) -> None:
    raw = export(*("x" * 50_000 for _ in range(150)))
    with otlp_gateway(rabbitmq_url, LOGSTREAM_GATEWAY_INFLIGHT_BYTES=str(5 * MIB)) as small:
        error = refused(lambda: small.grpc(raw))
        assert error.code() == grpc.StatusCode.UNAVAILABLE
        published = batches(broker)
    with otlp_gateway(rabbitmq_url) as large:
        large.grpc(raw)
    again = batches(broker)
    assert again[0].batch_id == published[0].batch_id
    assert again[0] == published[0]
