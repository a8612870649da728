"""Every reason that the gateway can count is there from the start."""

import ast
from pathlib import Path

import logstream_contract
import logstream_gateway
import pytest
from logstream_gateway.metrics import METHODS, REJECTED, UNAVAILABLE, Metrics
from prometheus_client import CollectorRegistry

SOURCES = [
    path for package in (logstream_gateway, logstream_contract) for path in Path(str(package.__file__)).parent.rglob("*.py")
]


def reasons_given(error: str) -> set[str]:
    """The first arguments of all calls of this error's class."""
    calls = [node for path in SOURCES for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    first = [call.args[0] for call in calls if call.args and isinstance(call.func, ast.Name) and call.func.id == error]
    return {argument.value for argument in first if isinstance(argument, ast.Constant) and isinstance(argument.value, str)}


def test_every_reason_of_a_refusal_is_declared() -> None:
    assert reasons_given("Rejected") == set(REJECTED)
    # The other three are chosen by Publisher.late and in what it says about the connection.
    assert set(UNAVAILABLE) >= reasons_given("Unavailable") >= {"queue_full", "unroutable", "inflight_full", "stopping"}


@pytest.mark.parametrize(
    ("name", "reasons"),
    [("logstream_gateway_rejected_calls_total", REJECTED), ("logstream_gateway_unavailable_calls_total", UNAVAILABLE)],
)
def test_counters_begin_at_0(name: str, reasons: tuple[str, ...]) -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    for method in METHODS:
        for reason in reasons:
            assert registry.get_sample_value(name, {"method": method, "reason": reason}) == 0
