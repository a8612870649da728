"""Checking, framing and reading back the bytes of batches."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from logstream_contract.batches import Limits, Rejected, Undecodable, check_batch, check_node, parse_batch
from logstream_contract.pb.logs_pb2 import LogBatch, LogRecord

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


TAGS_OF_ATTRIBUTES = [b"\x2a", b"\xaa\x00", b"\xaa\x80\x00", b"\xaa\x80\x80\x80\x00"]


def delimited(tag: bytes, content: bytes) -> bytes:
    assert len(content) < 128
    return tag + bytes([len(content)]) + content


@st.composite
def encoded_records(draw: st.DrawFn) -> bytes:
    """Records as no sender of ours writes them: tags longer than needed, keys twice, values first, nothing in an entry."""
    entry = st.one_of(
        st.just(b""),
        st.builds(
            lambda key, value, turned: b"".join(
                [delimited(b"\x0a", key), delimited(b"\x12", value)][:: -1 if turned else 1]
            ),
            st.sampled_from([b"a", b"b", b"*", b"d", b""]),
            st.sampled_from([b"", b"*" * 9]),
            st.booleans(),
        ),
    )
    attribute = st.builds(delimited, st.sampled_from(TAGS_OF_ATTRIBUTES), entry)
    message = st.builds(delimited, st.just(b"\x22"), st.sampled_from([b"*", b"\xc2\xaa", b"m" * 42]))
    times = st.binary(min_size=8, max_size=8).map(lambda time: b"\x09" + time)
    parts = draw(st.lists(st.one_of(attribute, attribute, message, times), max_size=6))
    return b"".join(parts)


@given(st.lists(encoded_records(), min_size=1, max_size=3), st.integers(0, 4))
@example([delimited(TAGS_OF_ATTRIBUTES[1], b"")], 0)
def test_the_limit_on_attributes_holds_for_every_encoding(records: list[bytes], limit: int) -> None:
    raw = batch(records=[]) + b"".join(b"\x1a" + len(record).to_bytes(1) + record for record in records if len(record) < 128)
    counts = [len(record.attributes) for record in parse_batch(raw).records]
    limits = Limits(batch_records=3, batch_bytes=500, record_attributes=limit)
    if not counts or max(counts) <= limit:
        expected = None if counts else "records: 0 in the batch, expected 1 to 3"
    else:
        expected = f"records[{counts.index(max(counts))}].attributes: {max(counts)}, expected at most {limit}"
    try:
        check_batch(raw, limits)
        found = None
    except Rejected as error:
        found = str(error)
    assert found == expected


def test_the_longest_node_is_taken() -> None:
    check_node("é" * 127 + "x")


def test_bytes_that_are_no_message_are_undecodable() -> None:
    with pytest.raises(Undecodable, match="LogBatch"):
        parse_batch(b"\x0a\xff")
