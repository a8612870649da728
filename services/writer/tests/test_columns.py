"""The block says the same of a batch as logstream_contract.rows, or says nothing of it."""

import json
import struct
from collections import Counter
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from logstream_contract.batches import Undecodable, split_batch
from logstream_contract.columns import Block, Source, read_block
from logstream_contract.pb.logs_pb2 import SEVERITY_FATAL, SEVERITY_INFO, LogBatch, LogRecord
from logstream_contract.rows import Origin, rows_of
from logstream_writer.store.copy_format import encode, encode_block
from logstream_writer.store.counts import CountKey, add_block_counts, add_counts

RECEIVED = 1_700_000_000_000_000_000
ORIGIN = Origin(0, RECEIVED, RECEIVED - 10**15)

texts = st.text(max_size=300) | st.text(alphabet='ab\0é"\\\n\x7f', max_size=20)
levels = st.sampled_from(["info", "warn", "ERROR", "critical", "emergency", "", "x\0", "\0", "é", "verbose "]) | texts
times = st.integers(RECEIVED - 10**14, RECEIVED + 10**11) | st.sampled_from([0, 1, 2**63, 2**64 - 1, RECEIVED + 10**13])
records = st.builds(
    LogRecord,
    time_unix_nano=times,
    severity=st.integers(0, 24) | st.sampled_from([25, 127, 128, -1]),
    level=levels,
    message=texts | st.just("long " * 4_000),
    attributes=st.dictionaries(texts, texts, max_size=3),
)
# What an encoder of its own kind may write: fields twice, out of order, unknown ones, or no message at all.
oddities = st.sampled_from(
    [b"", b"\x22\x02hi", b"\x09" + bytes(8), b"\x30\x01", b"\x10\x09", b"\x2a\x00", b"\x2a\x04\x12\x02ab"]
)
encoded = st.builds(lambda record, before, after: before + record.SerializeToString() + after, records, oddities, oddities)
encoded_records = records.map(LogRecord.SerializeToString) | encoded | st.binary(max_size=40)


def batch_of(node: str, parts: list[bytes]) -> bytes:
    head = LogBatch(batch_id=bytes(16), node=node).SerializeToString()
    return head + b"".join(b"\x1a" + varint(len(part)) + part for part in parts)


def varint(number: int) -> bytes:
    low, high = number & 0x7F, number >> 7
    return bytes([low]) if not high else bytes([low | 0x80]) + varint(high)


def block_of(*raws: bytes) -> Block:
    split = [split_batch(raw) for raw in raws]
    return read_block([Source(batch.node, batch.records, ORIGIN) for batch in split])


def copied(raw: bytes) -> list[tuple[Any, ...]]:
    """The rows of COPY data, each as (sequence, the other columns), in the order of their sequences."""
    rows, at = [], 0
    while at < len(raw):
        (count,) = struct.unpack_from(">h", raw, at)
        at += 2
        fields: list[bytes | None] = []
        for _ in range(count):
            (size,) = struct.unpack_from(">i", raw, at)
            at += 4
            fields.append(None if size < 0 else raw[at : at + size])
            at += max(size, 0)
        attributes, level, node, time, sequence, severity, message = fields
        assert sequence is not None
        loaded = None if attributes is None else json.loads(attributes[1:])
        rows.append((int.from_bytes(sequence, "big"), loaded, level, node, time, severity, message))
    return sorted(rows)


@given(
    st.lists(
        st.tuples(st.sampled_from(["orders", "é", "a\0b"]), st.lists(encoded_records, min_size=1, max_size=5)), max_size=4
    )
)
def test_the_rows_of_plain_batches_are_those_of_the_contract(given_batches: list[tuple[str, list[bytes]]]) -> None:
    raws = [batch_of(node, parts) for node, parts in given_batches]
    block = block_of(*raws)
    numbers = [number + 7 if plain else None for number, plain in enumerate(block.plain)]
    expected: list[tuple[Any, ...]] = []
    counts, counts_expected = Counter[CountKey](), Counter[CountKey]()
    for index, (raw, number) in enumerate(zip(raws, numbers, strict=True)):
        if number is not None:
            rows = rows_of(raw, Origin(number, ORIGIN.received_unix_nano, ORIGIN.floor_unix_nano))
            expected += copied(encode(rows))
            add_counts(counts_expected, rows)
            assert (block.from_us[index], block.to_us[index]) == (min(rows.times_us), max(rows.times_us))
    assert copied(b"".join(encode_block(block, numbers))) == expected
    add_block_counts(counts, block, block.plain)
    assert counts == counts_expected


@given(st.lists(encoded_records, min_size=1, max_size=3))
def test_a_batch_that_is_no_message_is_not_plain(parts: list[bytes]) -> None:
    raw = batch_of("orders", parts)
    try:
        rows_of(raw, ORIGIN)
    except Undecodable:
        assert block_of(raw).plain == [False]


@pytest.mark.parametrize("size", range(1, 30))
def test_a_record_that_was_cut_is_odd(size: int) -> None:
    record = LogRecord(time_unix_nano=RECEIVED, severity=9, level="info", message="m", attributes={"k": "v"})
    whole = record.SerializeToString()
    cut = whole[:size]
    try:
        LogRecord.FromString(cut)
        expected = True
    except DecodeError:
        expected = False
    # The last record of all has nothing behind it that could be taken for a part of it.
    assert block_of(batch_of("orders", [whole, cut])).plain == [expected]
    assert block_of(batch_of("orders", [cut, whole])).plain == [expected]


@pytest.mark.parametrize(
    "record",
    [
        LogRecord(severity=SEVERITY_INFO, message="m"),
        LogRecord(time_unix_nano=RECEIVED, level="error", message="m" * 16_000),
        LogRecord(
            time_unix_nano=RECEIVED,
            severity=SEVERITY_FATAL,
            level="critical",
            message="한글 é",
            attributes={"k": "v" * 200, "": ""},
        ),
        LogRecord(message="m", attributes={f"key {i}": f'"quoted" \\ {i}\n' for i in range(64)}),
    ],
)
def test_ordinary_records_are_plain(record: LogRecord) -> None:
    raw = batch_of("orders", [LogRecord(level="info", message="first").SerializeToString(), record.SerializeToString()])
    assert block_of(raw).plain == [True]


def test_rows_are_copied_in_the_order_of_their_times() -> None:
    def raw(*ages: int) -> bytes:
        parts = [LogRecord(time_unix_nano=RECEIVED - age * 1_000, message=str(age)).SerializeToString() for age in ages]
        return batch_of("orders", parts)

    block = block_of(raw(5, 3, 1), raw(4, 2), raw(9))
    out = b"".join(encode_block(block, [1, 2, None]))
    positions = [out.index(b"\0\0\0\1" + age) for age in (b"5", b"4", b"3", b"2", b"1")]
    assert positions == sorted(positions)
    assert b"\0\0\0\x019" not in out


def test_one_odd_record_makes_its_batch_odd_and_no_other() -> None:
    fine = batch_of("orders", [LogRecord(message="a").SerializeToString()] * 3)
    odd = batch_of("orders", [LogRecord(message="a").SerializeToString(), LogRecord(message="a\0").SerializeToString()])
    assert block_of(fine, odd, fine).plain == [True, False, True]
