"""What the scenario `otlp` sends by different ways is the same, and what is made of its runs."""

import http.server
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from bench import otlp, report
from bench.batches import MARK, Kind, StampedBatch
from bench.exports import StampedExport
from bench.producer import Order, Phase, Producer, Protocol
from bench.transports import partly_refused
from harness import wire
from logstream_contract.otlp.requests import OtlpOptions, batches_of
from logstream_contract.wire.batches import Limits
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

NOW_NS = 1_790_000_000_000_000_000
KIND = Kind(records=40, apart_ns=5_000, of_sdk=True)


def test_a_request_is_what_an_sdk_sends_and_new_each_time_it_is_stamped() -> None:
    export = StampedExport("bench-x", KIND, seed=7)
    stamped = [export.stamp(number, NOW_NS + number)[1] for number in (12, 13)]
    for number, raw in zip((12, 13), stamped, strict=True):
        [of_resource] = ExportLogsServiceRequest.FromString(raw).resource_logs
        [of_scope] = of_resource.scope_logs
        assert (len(of_resource.resource.attributes), of_scope.scope.name) == (5, "shop.orders")
        times = [NOW_NS + number - (KIND.records - 1 - index) * KIND.apart_ns for index in range(KIND.records)]
        assert [record.time_unix_nano for record in of_scope.log_records] == times
        assert [record.observed_time_unix_nano for record in of_scope.log_records] == times
        for index, record in enumerate(of_scope.log_records):
            assert record.body.string_value.endswith(MARK.format(batch=number, index=index))
            kinds = sorted(str(pair.value.WhichOneof("value")) for pair in record.attributes)
            assert kinds == ["int_value", "string_value", "string_value", "string_value"]
            assert (len(record.trace_id), len(record.span_id)) == (16, 8)


def test_push_carries_what_becomes_of_a_request() -> None:
    """By the rules of the gateway; the ledger of a run holds their rows against each other, too."""
    limits = Limits(batch_records=10_000, batch_bytes=4 * 2**20)
    _, export = StampedExport("bench-x", KIND, seed=7).stamp(3, NOW_NS)
    _, push = StampedBatch("bench-x", KIND, seed=7).stamp(3, NOW_NS)
    [made] = batches_of(export, limits, OtlpOptions(), lambda: bytes(16))
    found, wanted = (wire.compiled().LogBatch.FromString(raw) for raw in (made.raw, push))
    assert found.node == wanted.node
    assert [wire_record(record) for record in found.records] == [wire_record(record) for record in wanted.records]
    assert len(wanted.records[0].attributes) == 12


def wire_record(record: Any) -> tuple[Any, ...]:
    return record.time_unix_nano, record.severity, record.level, record.message, dict(record.attributes)


def test_requests_have_the_usual_sizes_or_all_of_them_one() -> None:
    assert [part.name for part in otlp.parts(None)] == [
        "Push, 512",
        "OTLP/gRPC, 512",
        "OTLP/gRPC, 5,000",
        "OTLP/HTTP, 512",
        "OTLP/HTTP, 5,000",
    ]
    assert [part.name for part in otlp.parts(64)] == ["Push, 64", "OTLP/gRPC, 64", "OTLP/HTTP, 64"]


def test_parts_take_turns_there_and_back() -> None:
    parts = otlp.parts(64)[:2]
    found = [(number, part.protocol.value) for number, part in otlp.turns(parts, 3)]
    there = ["Push", "OTLP/gRPC"]
    assert found == [*((1, one) for one in there), *((2, one) for one in there[::-1]), *((3, one) for one in there)]


def test_means_are_held_against_push() -> None:
    push, grpc = otlp.parts(100)[:2]

    def of(total: float, lost: int) -> dict[str, Any]:
        return {
            "name": "x",
            "lost": lost,
            "ack_p99_ms": total * 10,
            "live_p50_ms": None,
            "cpu_s_per_million": {"total": total},
        }

    found = list(otlp.summaries([(push, of(9.0, 0)), (grpc, of(12.0, 1)), (grpc, of(13.0, 1)), (push, of(11.0, 0))]))
    assert [(run["name"], run["cpu_s_per_million"]["total"], run[otlp.RATIO]) for run in found] == [
        ("mean of Push, 100", 10.0, 1.0),
        ("mean of OTLP/gRPC, 100", 12.5, 1.25),
    ]
    assert (found[1]["lost"], found[1]["ack_p99_ms"], found[1]["live_p50_ms"]) == (2, 125.0, None)


def test_the_report_shows_the_ratio_where_there_is_one() -> None:
    run = dict.fromkeys([key for _, key in report._COLUMNS]) | {"name": "a", "lost": 0, "duplicated": 0}
    costs = {"cpu_s_per_million": {"total": 1.0}}
    assert "of Push" not in report.table([run | costs])
    assert report.table([run | costs, run | costs | {otlp.RATIO: 1.25}]).splitlines()[-1].split() == ["a", "1", "1.25"]


def test_a_partial_success_is_none() -> None:
    assert partly_refused(b"") == ""
    warning = ExportLogsPartialSuccess(error_message="hm")
    assert partly_refused(ExportLogsServiceResponse(partial_success=warning).SerializeToString()) == ""
    refused = ExportLogsPartialSuccess(rejected_log_records=3, error_message="too large")
    assert partly_refused(ExportLogsServiceResponse(partial_success=refused).SerializeToString()) == "3 rejected: too large"


class _Gateway(http.server.BaseHTTPRequestHandler):
    """Unavailable for the first request, then takes all."""

    protocol_version = "HTTP/1.1"
    bodies: list[bytes]

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(503 if len(self.bodies) == 1 else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def gateway() -> Iterator[http.server.ThreadingHTTPServer]:
    _Gateway.bodies = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Gateway) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_over_http_the_same_bytes_are_sent_again(gateway: http.server.ThreadingHTTPServer) -> None:
    order = Order(
        f"http://127.0.0.1:{gateway.server_address[1]}",
        "bench-x",
        1,
        [Phase(400, 0.1)],
        kind=Kind(10, of_sdk=True),
        protocol=Protocol.OTLP_HTTP,
    )
    account = Producer(order, [0, 0, 0, 0, time.time_ns(), 0]).run()
    assert len(account.answered_ns) == 4
    assert all(account.answered_ns)
    assert (account.retries, account.statuses, account.refused) == (1, {"503": 1}, [])
    assert len(_Gateway.bodies) == 5
    assert len(set(_Gateway.bodies)) == 4
