"""What services log with OpenTelemetry's SDKs is stored, each record once and as it was logged."""

import socket
from collections.abc import Callable
from itertools import pairwise

import pytest
from harness.history import historical
from harness.sse import open_viewer
from harness.stack import Stack
from harness.verdict import Verdict
from harness.waiting import wait_for

from .conftest import Start, stored_of, time_us
from .senders import JS_GRPC, JS_JSON, JS_PROTOBUF, PINO, PINO_GRPC, PYTHON_GRPC, PYTHON_HTTP, WINSTON, Kind

Demand = Callable[..., Verdict]
RECORDS = 1_500
SDK_LEVELS = {("TRACE", 1), ("DEBUG", 5), ("INFO", 9), ("WARN", 13), ("ERROR", 17), ("FATAL", 21)}
WINSTON_LEVELS = {("silly", 1), ("debug", 5), ("verbose", 6), ("http", 7), ("info", 9), ("warn", 13), ("error", 17)}


def levels_of(kind: Kind) -> set[tuple[str, int]]:
    """The levels under which a library's records are stored."""
    if kind is WINSTON:
        return WINSTON_LEVELS
    if kind.name.startswith("pino"):
        return {(level.lower(), severity) for level, severity in SDK_LEVELS}
    # Python's WARNING and CRITICAL are sent as WARN and FATAL.
    return SDK_LEVELS - {("TRACE", 1)} if kind.name.startswith("python") else SDK_LEVELS


def test_each_record_is_stored_as_it_was_logged(stack: Stack, start: Start, demand: Demand, kind: Kind) -> None:
    service = start(kind, "--records", str(RECORDS), "--burst", "100", "--pause-ms", "30", "--trace")
    service.wait_end()
    assert len(service.sent) == RECORDS
    demand(service)
    stored = stored_of(stack, service.node)
    assert [record["message"] for record in stored] == [record.message for record in service.sent]
    for sent, record in zip(service.sent, stored, strict=True):
        attributes = record["attributes"]
        expected = (sent.level, sent.severity, sent.time_us, sent.trace_id, sent.span_id, sent.attributes["n"])
        assert sent.trace_id
        assert expected == (
            record["level"],
            record["severity"],
            time_us(record),
            attributes["trace_id"],
            attributes["span_id"],
            attributes["n"],
        )
        assert record["node"] == service.node
        # The node is it.
        assert "service.name" not in attributes
    assert {(record["level"], record["severity"]) for record in stored} == levels_of(kind)


@pytest.mark.parametrize("kind", [JS_PROTOBUF, JS_JSON, WINSTON, PINO], ids=lambda kind: kind.name)
def test_records_of_one_time_keep_their_order(stack: Stack, start: Start, demand: Demand, kind: Kind) -> None:
    service = start(kind, "--records", "400")
    service.wait_end()
    demand(service)
    stored = stored_of(stack, service.node)
    shared = sum(first["time"] == second["time"] for first, second in pairwise(stored))
    assert shared > 100, f"only {shared} records share a time with the one before: nothing is proven"
    assert [record["message"] for record in stored] == [record.message for record in service.sent]
    assert [int(record["sequence"]) for record in stored] == sorted(int(record["sequence"]) for record in stored)


# What ends well without a call of shutdown: at exit by themselves, or by a handler of SIGTERM.
ENDS = [
    *((kind, "return") for kind in (PYTHON_GRPC, PYTHON_HTTP, PINO, PINO_GRPC)),
    (PYTHON_GRPC, "exit"),
    (PINO, "exit"),
    *((kind, "sigterm-handled") for kind in (PYTHON_GRPC, PYTHON_HTTP, JS_GRPC, JS_JSON, WINSTON, PINO)),
]


@pytest.mark.parametrize(("kind", "end"), ENDS, ids=[f"{kind.name} {end}" for kind, end in ENDS])
def test_nothing_is_lost_at_the_end(stack: Stack, start: Start, demand: Demand, kind: Kind, end: str) -> None:
    service = start(kind, "--records", "20", "--end", end)
    service.wait_end()
    assert len(service.sent) == 20
    demand(service)
    # Logged outside of a span.
    assert not any("trace_id" in record["attributes"] for record in stored_of(stack, service.node))


# Records of 40 kB: 20 MB in a call of the SDKs' default size, which is more than a message of the broker may have. As JSON a
# quarter as much is taken.
@pytest.mark.parametrize(
    ("kind", "records"),
    [(PYTHON_GRPC, 512), (PYTHON_HTTP, 512), (JS_GRPC, 512), (JS_PROTOBUF, 512), (JS_JSON, 180)],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_large_call(stack: Stack, start: Start, demand: Demand, kind: Kind, records: int) -> None:
    service = start(kind, "--records", str(records), "--burst", str(records), "--kind", "large")
    service.wait_end()
    demand(service)
    assert {len(record["attributes"]["large"]) for record in stored_of(stack, service.node)} == {40_000}


@pytest.mark.parametrize("kind", [PYTHON_GRPC, PYTHON_HTTP, JS_GRPC, JS_PROTOBUF, JS_JSON], ids=lambda kind: kind.name)
def test_compressed(start: Start, demand: Demand, kind: Kind) -> None:
    service = start(kind, "--records", "20", environment={"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"})
    service.wait_end()
    demand(service)


@pytest.mark.parametrize("kind", [PYTHON_GRPC, JS_JSON], ids=lambda kind: kind.name)
def test_a_viewer_sees_what_is_stored(stack: Stack, start: Start, demand: Demand, kind: Kind) -> None:
    with open_viewer(stack.page_url) as viewer:
        service = start(kind, "--records", "20", "--trace")
        service.wait_end()
        demand(service)
        viewer.wait_shown(service.messages(), service.node)
        assert viewer.records(service.node) == stored_of(stack, service.node)


# The transport finds out by itself what host it is on, unless it is told not to.
@pytest.mark.parametrize("detectors", ["all", "none"])
def test_pino_without_a_service_name(stack: Stack, start: Start, detectors: str) -> None:
    environment = {"OTEL_NODE_RESOURCE_DETECTORS": detectors}
    service = start(PINO, "--records", "20", "--no-service-name", environment=environment)
    service.wait_end()
    found = wait_for(
        "20 records in /historical-logs",
        lambda: historical(stack.page_url, {"message": service.node, "limit": 100}),
        lambda seen: len(seen) >= 20,
    )
    assert [record["message"] for record in found[::-1]] == [record.message for record in service.sent]
    assert {record["node"] for record in found} == {socket.gethostname() if detectors == "all" else "unknown_service"}
