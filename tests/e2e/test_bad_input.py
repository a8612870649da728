"""What can't be accepted is refused by name: gRPC statuses tell field, value and limit, REST tells all problems at
once."""

from typing import Any

import grpc
import pytest
from harness import wire
from harness.history import get
from harness.senders import channel, new_batch_id
from harness.stack import Stack

messages = wire.compiled()


@pytest.fixture(scope="module")
def gateway(stack: Stack) -> Any:
    with channel(stack.gateway) as opened:
        yield opened


def refusal(gateway: Any, method: str, raw: bytes) -> str:
    """The details of the INVALID_ARGUMENT this request must be answered with."""
    with pytest.raises(grpc.RpcError) as refused:
        gateway.unary_unary(method)(raw, timeout=30)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT, refused.value
    details: str = refused.value.details()
    return details


def batch(**fields: Any) -> bytes:
    good = {"batch_id": new_batch_id(), "node": "bad-input", "records": [messages.LogRecord(level="info", message="x")]}
    raw: bytes = messages.LogBatch(**{**good, **fields}).SerializeToString()
    return raw


def many(count: int, message: str = "") -> list[Any]:
    return [messages.LogRecord(message=message) for _ in range(count)]


CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no node": ({"node": ""}, ["node", "empty", "255"]),
    "a long node": ({"node": "n" * 256}, ["node", "256", "255"]),
    "no batch id": ({"batch_id": b""}, ["batch_id", "0 bytes", "16"]),
    "a short batch id": ({"batch_id": b"123"}, ["batch_id", "3 bytes", "16"]),
    "no records": ({"records": []}, ["records", "0", "5000"]),
    "too many records": ({"records": many(5_001)}, ["records", "5001", "5000"]),
}


@pytest.mark.parametrize("name", CASES)
def test_push_names_field_value_and_limit(gateway: Any, name: str) -> None:
    fields, words = CASES[name]
    details = refusal(gateway, wire.PUSH, batch(**fields))
    assert [word for word in words if word not in details.replace(",", "")] == [], details


def test_push_names_the_size_of_a_batch_too_large(gateway: Any) -> None:
    # gRPC itself refuses what is more than 256 KiB too large.
    raw = batch(records=many(86, "x" * 50_000))
    details = refusal(gateway, wire.PUSH, raw)
    assert str(len(raw)) in details
    assert str(4 * 1024 * 1024) in details


def test_push_names_the_bytes_that_nobody_knows(gateway: Any) -> None:
    details = refusal(gateway, wire.PUSH, batch() + b"\xa2\x06\xfd\x07" + b"u" * 1021)
    assert "1025 bytes of unknown fields" in details
    assert "1024" in details


def test_push_refuses_a_node_that_is_no_text_by_its_name(gateway: Any) -> None:
    assert refusal(gateway, wire.PUSH, batch() + b"\x12\x01\xff").startswith("node: ")


def test_push_refuses_bytes_that_are_no_batch(gateway: Any) -> None:
    assert "batch" in refusal(gateway, wire.PUSH, b"\xff\xff\xff")


def test_a_push_stream_ends_with_the_first_bad_batch(gateway: Any) -> None:
    good, bad, never = batch(), batch(node=""), batch()
    results = gateway.stream_stream(wire.PUSH_STREAM, response_deserializer=messages.PushResult.FromString)(
        iter([good, bad, never]), timeout=30
    )
    answered = []
    with pytest.raises(grpc.RpcError) as refused:
        answered.extend(results)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "node" in refused.value.details()
    assert len(answered) <= 1, "a result for a batch after the bad one"


def test_send_log_names_the_missing_node(gateway: Any) -> None:
    details = refusal(gateway, wire.SEND_LOG, messages.LogRequest(level="info", message="x").SerializeToString())
    assert "node" in details


def test_rest_names_every_bad_parameter(stack: Stack) -> None:
    bad = {"limit": "0", "start": "yesterday", "order": "sideways", "min_level": "loud", "cursor": "!!"}
    answer = get(f"{stack.page_url}/api/logs", bad)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    body = answer.json()
    assert (body["type"], body["status"]) == ("about:blank", 400)
    assert body["title"]
    assert body["detail"]
    assert {problem["name"]: problem["value"] for problem in body["problems"]} == bad
    assert all(problem["expected"] for problem in body["problems"])


def test_rest_refuses_parameters_it_does_not_know(stack: Stack) -> None:
    answer = get(f"{stack.page_url}/api/logs", {"levle": "error"})
    assert answer.status_code == 400, "a mistyped filter must not be an empty one"
    assert answer.json()["problems"][0]["name"] == "levle"


def test_historical_logs_refuses_bad_values(stack: Stack) -> None:
    answer = get(f"{stack.page_url}/historical-logs", {"limit": "many", "sequence_number": "x"})
    assert answer.status_code == 400
    assert {problem["name"] for problem in answer.json()["problems"]} == {"limit", "sequence_number"}
