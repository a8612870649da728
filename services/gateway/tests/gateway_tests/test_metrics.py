"""Every reason that the gateway can count is there from the start, and every reason that is declared is given."""

import ast
from enum import StrEnum
from pathlib import Path

import logstream_contract
import logstream_gateway
import pytest
from logstream_contract.wire.batches import RejectionReason
from logstream_gateway.metrics import METHODS, FailureReason, Metrics
from logstream_gateway.unavailable import StreamEndReason, UnavailableReason
from prometheus_client import CollectorRegistry

SOURCES = [
    path for package in (logstream_gateway, logstream_contract) for path in Path(str(package.__file__)).parent.rglob("*.py")
]


@pytest.mark.parametrize("reasons", [RejectionReason, UnavailableReason, StreamEndReason, FailureReason])
def test_every_declared_reason_is_given_somewhere(reasons: type[StrEnum]) -> None:
    nodes = [node for path in SOURCES for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)]
    given = {node.attr for node in nodes if isinstance(node.value, ast.Name) and node.value.id == reasons.__name__}
    assert given == set(reasons.__members__)


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("logstream_gateway_rejected_calls_total", RejectionReason),
        ("logstream_gateway_unavailable_calls_total", UnavailableReason),
        ("logstream_gateway_failed_calls_total", FailureReason),
    ],
)
def test_counters_begin_at_0(name: str, reasons: type[StrEnum]) -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    for method in METHODS:
        for reason in reasons:
            assert registry.get_sample_value(name, {"method": method, "reason": reason.value}) == 0


def test_the_ends_of_streams_are_counted_from_0() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    for reason in StreamEndReason:
        assert registry.get_sample_value("logstream_gateway_ended_streams_total", {"reason": reason.value}) == 0
