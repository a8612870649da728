"""Checking, framing and reading back the bytes of batches."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from logstream_contract.batches import Limits, Rejected, Undecodable, check_batch, check_node, frame, parse_batch, unframe
from logstream_contract.pb.logs_pb2 import LogBatch, LogRecord
from logstream_contract.pb.transport_pb2 import LogBatches

ID = bytes(range(16))
LIMITS = Limits(batch_records=3, batch_bytes=500, record_attributes=2)


def batch(**changes: object) -> bytes:
    fields: dict[str, object] = {"batch_id": ID, "node": "orders", "records": [LogRecord(message="m")]}
    return LogBatch(**{**fields, **changes}).SerializeToString()  # type: ignore[arg-type]


def test_a_good_batch_is_decoded() -> None:
    assert check_batch(batch(), LIMITS).records[0].message == "m"


@pytest.mark.parametrize(
    ("raw", "reason", "text"),
    [
        (b"\xff\xff", "undecodable", "not a logstream.v1.LogBatch"),
        (b"\x12\x02\xff\xfe", "undecodable", "not a logstream.v1.LogBatch"),
        (batch(batch_id=b""), "batch_id", "batch_id: 0 bytes, expected 16"),
        (batch(batch_id=b"x" * 17), "batch_id", "batch_id: 17 bytes, expected 16"),
        (batch(node=""), "node", "node: empty, expected 1 to 255"),
        (batch(node="é" * 128), "node", "node: 256 bytes, expected 1 to 255"),
        (batch(records=[]), "batch_records", "records: 0 in the batch, expected 1 to 3"),
        (batch(records=[LogRecord()] * 4), "batch_records", "records: 4 in the batch, expected 1 to 3"),
        (batch(records=[LogRecord(message="x" * 500)]), "batch_bytes", "bytes, expected at most 500"),
        (
            batch(records=[LogRecord(), LogRecord(attributes={"a": "", "b": "", "c": ""})]),
            "record_attributes",
            "records[1].attributes: 3, expected at most 2",
        ),
    ],
)
def test_a_batch_past_a_limit_is_rejected_by_name_and_value(raw: bytes, reason: str, text: str) -> None:
    with pytest.raises(Rejected) as caught:
        check_batch(raw, LIMITS)
    assert caught.value.reason == reason
    assert text in str(caught.value)


def test_the_longest_node_is_taken() -> None:
    check_node("é" * 127 + "x")


@given(st.lists(st.binary(max_size=300), max_size=5))
@example([bytes(127), bytes(128), bytes(200), bytes(20_000), bytes(4_194_304)])
def test_framed_batches_come_back_as_they_were_sent(raws: list[bytes]) -> None:
    body = b"".join(frame(raw) for raw in raws)
    assert list(unframe(body)) == raws
    assert body == LogBatches(batches=raws).SerializeToString()


def test_bytes_that_are_no_message_are_undecodable() -> None:
    with pytest.raises(Undecodable, match="LogBatches"):
        unframe(b"\x0a\xff")
    with pytest.raises(Undecodable, match="LogBatch"):
        parse_batch(b"\x0a\xff")
