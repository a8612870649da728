"""Exports that are made to become large, or to take long."""

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from logstream_contract.otlp.json_requests import request_of_json
from logstream_contract.otlp.requests import OtlpBatch, OtlpOptions, batches_of
from logstream_contract.units import MIB
from logstream_contract.wire.batches import Limits, Rejected, RejectionReason
from logstream_contract.wire.pb.logs_pb2 import LogBatch
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord


def batches(request: bytes, options: OtlpOptions | None = None) -> list[OtlpBatch]:
    return list(batches_of(request, Limits(), options or OtlpOptions(), lambda: bytes(16)))


@contextmanager
def at_most(limit_bytes: int) -> Iterator[None]:
    """Of what Python allocates; protobuf's own memory is not seen."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit_bytes
    finally:
        tracemalloc.stop()


def repeated(path: str, part: bytes, times: int) -> bytes:
    """A request with this part so many times in the message at this path of field numbers."""
    inner = part * times
    for field in reversed(path):
        size = bytearray()
        left = len(inner)
        while left > 127:
            size.append(left & 127 | 128)
            left >>= 7
        inner = bytes([int(field) << 3 | 2]) + bytes(size) + bytes([left]) + inner
    return inner


@pytest.mark.parametrize(
    ("path", "part"),
    [("", b"\x0a\x00"), ("1", b"\x12\x00"), ("12", b"\x12\x00"), ("122", b"\x32\x00"), ("12256", b"\x0a\x00")],
)
def test_values_of_no_bytes_are_bounded_before_they_are_read(path: str, part: bytes) -> None:
    with at_most(64 * MIB), pytest.raises(Rejected, match="too many values") as refused:
        batches(repeated(path, part, 10_000_000))
    assert refused.value.reason == RejectionReason.REQUEST_BYTES


def test_texts_of_many_lines_and_digits_are_no_values() -> None:
    line = "2026-11-30 12:22:32 2 of 2222 rows\n" * 1000
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    records.extend([LogRecord(body=AnyValue(string_value=line))] * 250)
    raw = request.SerializeToString()
    assert len(raw) > 8_000_000
    assert sum(batch.records for batch in batches(raw)) == 250


@pytest.mark.parametrize("value", [b"{}", b"[]"])
def test_values_of_json_are_bounded_before_they_are_read(value: bytes) -> None:
    body = b'{"resourceLogs":[%s]}' % b",".join([value] * 1_000_000)
    with at_most(MIB), pytest.raises(Rejected, match="objects and arrays") as refused:
        request_of_json(body)
    assert refused.value.reason == RejectionReason.REQUEST_BYTES


@pytest.mark.parametrize("path", ["", "1", "12"])
def test_parts_are_bounded(path: str) -> None:
    part = b"\x0a\x00" if not path else b"\x12\x00"
    with pytest.raises(Rejected, match="expected at most 250000; send fewer in a request") as refused:
        batches(repeated(path, part, 250_001))
    assert refused.value.reason == RejectionReason.REQUEST_BYTES


@pytest.mark.parametrize("where", ["resource", "scope"])
def test_what_records_share_is_bounded_as_often_as_they_have_it(where: str) -> None:
    request = ExportLogsServiceRequest()
    logs = request.resource_logs.add()
    scoped = logs.scope_logs.add()
    shared = logs.resource if where == "resource" else scoped.scope
    shared.attributes.append(KeyValue(key="k", value=AnyValue(string_value="x" * 1_000)))
    scoped.log_records.extend([LogRecord(observed_time_unix_nano=1)] * 1_000)
    raw = request.SerializeToString()
    with at_most(MIB), pytest.raises(Rejected, match="attributes of resources and scopes") as refused:
        batches(raw, OtlpOptions(shared_bytes=900_000))
    assert refused.value.reason == RejectionReason.REQUEST_BYTES
    assert sum(batch.records for batch in batches(raw, OtlpOptions(shared_bytes=1_100_000))) == 1_000


def nested(value: AnyValue) -> AnyValue:
    return AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="k", value=value)]))


@pytest.mark.parametrize(
    "value",
    [
        nested(AnyValue(string_value="\x01" * 8_000_000)),
        nested(nested(AnyValue(bytes_value=bytes(8_000_000)))),
        AnyValue(bytes_value=bytes(8_000_000)),
        AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="k" * 100 + str(number)) for number in range(50_000)])),
    ],
)
def test_a_value_is_made_text_as_far_as_a_limit_may_let_it_through(value: AnyValue) -> None:
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.append(LogRecord(body=value))
    raw = request.SerializeToString()
    with at_most(40 * MIB):
        (batch,) = batches(raw)
    message = LogBatch.FromString(batch.raw).records[0].message
    assert len(message) == 128 * 1024


MAKE: dict[str, Callable[[str], AnyValue]] = {
    "text": lambda text: AnyValue(string_value=text),
    "map": lambda text: nested(AnyValue(string_value=text)),
}


@pytest.mark.parametrize("kind", MAKE)
def test_a_value_up_to_the_limit_is_whole(kind: str) -> None:
    text = "é" * 32 * 1024
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.append(LogRecord(body=MAKE[kind](text)))
    (batch,) = batches(request.SerializeToString())
    assert text in LogBatch.FromString(batch.raw).records[0].message
