"""Checking, framing and reading back the bytes of batches."""

from collections.abc import Callable

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from logstream_contract.wire.batches import Limits, Rejected, Undecodable, check_batch, check_node, split_batch
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord
from logstream_contract.wire.pb.transport_pb2 import LooseBatch

ID = bytes(range(16))
LIMITS = Limits(batch_records=3, batch_bytes=500)


def batch(**changes: object) -> bytes:
    fields: dict[str, object] = {"batch_id": ID, "node": "orders", "records": [LogRecord(message="m")]}
    return LogBatch(**{**fields, **changes}).SerializeToString()  # type: ignore[arg-type]


def test_a_good_batch_is_decoded() -> None:
    checked = check_batch(batch(), LIMITS)
    assert (checked.batch_id, checked.node, list(checked.records)) == (ID, "orders", [b"\x22\x01m"])


@pytest.mark.parametrize(
    ("raw", "reason", "text"),
    [
        (b"\xff\xff", "undecodable", "not a logstream.v1.LogBatch"),
        (batch() + b"\x1a\x02\x22\x05", "undecodable", "not a logstream.v1.LogBatch"),
        (batch() + b"\x1a\x04\x2a\x02\x0a\x05", "undecodable", "not a logstream.v1.LogBatch"),
        (batch() + b"\x12\x02\xff\xfe", "node", "node: not valid UTF-8, expected 1 to 255"),
        (batch(batch_id=b""), "batch_id", "batch_id: 0 bytes, expected 16"),
        (batch(batch_id=b"x" * 17), "batch_id", "batch_id: 17 bytes, expected 16"),
        (batch(node=""), "node", "node: empty, expected 1 to 255"),
        (batch(node="é" * 128), "node", "node: 256 bytes, expected 1 to 255"),
        (batch(records=[]), "batch_records", "records: 0 in the batch, expected 1 to 3"),
        (batch(records=[LogRecord()] * 4), "batch_records", "records: 4 in the batch, expected 1 to 3"),
        (batch(records=[LogRecord(message="x" * 500)]), "batch_bytes", "bytes, expected at most 500"),
    ],
)
def test_a_batch_past_a_limit_is_rejected_by_name_and_value(raw: bytes, reason: str, text: str) -> None:
    with pytest.raises(Rejected) as caught:
        check_batch(raw, LIMITS)
    assert caught.value.reason == reason
    assert text in str(caught.value)


def test_a_record_is_never_refused() -> None:
    many = LogRecord(attributes={f"key {index}": "v" for index in range(100)}).SerializeToString()
    texts = b"\x1a\x01\xff\x22\x02\xc3\x28\x2a\x06\x0a\x01\x80\x12\x01\xed"
    for record in (many, texts):
        raw = batch(records=[]) + delimited(b"\x1a", record)
        assert list(check_batch(raw, Limits()).records) == [record]


def delimited(tag: bytes, content: bytes) -> bytes:
    return tag + varint(len(content)) + content


def varint(number: int) -> bytes:
    low, high = number & 0x7F, number >> 7
    return bytes([low]) if not high else bytes([low | 0x80]) + varint(high)


# Of fields that nobody knows: a text, numbers of every size, a group that holds one, a known field of another type.
UNKNOWN = [
    b"\xa2\x06\x05hello",
    b"\x98\x06\x01",
    b"\x99\x06" + bytes(8),
    b"\x9d\x06" + bytes(4),
    b"\xa3\x06\x78\x01\xa4\x06",
]
ANYWHERE = [
    lambda unknown: unknown,
    lambda unknown: delimited(b"\x1a", unknown + b"\x22\x01m"),
    lambda unknown: delimited(b"\x1a", b"\x2a" + varint(len(unknown) + 3) + b"\x0a\x01k" + unknown),
]


@pytest.mark.parametrize("where", ANYWHERE, ids=["batch", "record", "attribute"])
@pytest.mark.parametrize("unknown", [*UNKNOWN, b"\x21" + bytes(8)])
@pytest.mark.parametrize("split", [False, True])
def test_unknown_fields_are_counted_wherever_they_are(where: Callable[[bytes], bytes], unknown: bytes, split: bool) -> None:
    most = 1024 // len(unknown)
    for count in (most, most + 1):
        parts = [where(unknown)] * count if split else [where(unknown * count)]
        raw = batch(records=[LogRecord(message="x" * 2_000, attributes={"k": "v" * 2_000})]) + b"".join(parts)
        if count == most:
            check_batch(raw, Limits())
        else:
            with pytest.raises(
                Rejected, match=f"^batch: {count * len(unknown)} bytes of unknown fields, expected at most 1024"
            ):
                check_batch(raw, Limits())


def test_known_fields_are_not_unknown_however_they_are_written() -> None:
    """Longer than needed, again and again, with nothing in them."""
    record = (b"\x22\x01m" + b"\xa2\x80\x00\x81\x80\x00m" + b"\x10\x80\x80\x00" + b"\x2a\x00") * 500
    check_batch(batch() + delimited(b"\x1a", record), Limits())


@given(
    st.lists(
        st.sampled_from([*UNKNOWN, b"\x22\x01m", b"\x2a\x00", b"\x1a\x02\x22\x00", b"\x1a\x01", b"\x2a", b"\x0c", b"\x0b"])
    )
)
def test_what_is_accepted_can_be_decoded(parts: list[bytes]) -> None:
    raw = batch() + b"".join(parts)
    try:
        check_batch(raw, Limits(batch_records=100))
        accepted = True
    except Rejected as error:
        accepted = error.reason != "undecodable"
    try:
        LooseBatch.FromString(raw)
        assert accepted
    except DecodeError:
        assert not accepted


def test_the_longest_node_is_taken() -> None:
    check_node("é" * 127 + "x")


def test_bytes_that_are_no_message_are_undecodable() -> None:
    with pytest.raises(Undecodable, match="LogBatch"):
        split_batch(b"\x0a\xff")
