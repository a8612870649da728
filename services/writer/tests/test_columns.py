"""The block says the same of a batch as logstream_contract.rows.rows, or says nothing of it."""

import json
import struct
import tracemalloc
from collections import Counter
from typing import Any

import orjson
import pytest
from google.protobuf.message import DecodeError
from harness import fuzzing, odd_batches
from hypothesis import example, given
from hypothesis import strategies as st
from logstream_contract.rows.columns import Block, Source, read_block
from logstream_contract.rows.rows import Origin, rows_of
from logstream_contract.wire.batches import Limits, Rejected, Undecodable, check_batch, split_batch
from logstream_contract.wire.packing import Packer
from logstream_contract.wire.pb.logs_pb2 import SEVERITY_FATAL, SEVERITY_INFO, LogBatch, LogRecord
from logstream_writer.delivery import Delivery
from logstream_writer.inbound import decode, refused
from logstream_writer.store.copy_format import encode, encode_block
from logstream_writer.store.counts import CountKey, add_block_counts, add_counts

RECEIVED = 1_700_000_000_000_000_000
ORIGIN = Origin(0, RECEIVED, RECEIVED - 10**15)

texts = st.text(max_size=300) | st.text(alphabet='ab\0\1\4\5é"\\\n\x1b\x7f', max_size=20)
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
# Alike in length, beginning and end, and one attribute after the other, as no map holds them.
alike = st.sampled_from(["k", "l", "beginning, one, of the end", "beginning, two, of the end"])
with_attributes = st.lists(st.tuples(alike, st.text(max_size=3) | st.just("v" * 130)), max_size=4).map(
    lambda pairs: b"".join(LogRecord(attributes={key: value}).SerializeToString() for key, value in pairs)
)
encoded_records = records.map(LogRecord.SerializeToString) | encoded | with_attributes | st.binary(max_size=40)


def batch_of(node: str, parts: list[bytes]) -> bytes:
    head = LogBatch(batch_id=bytes(16), node=node).SerializeToString()
    return head + b"".join(b"\x1a" + varint(len(part)) + part for part in parts)


def varint(number: int) -> bytes:
    low, high = number & 0x7F, number >> 7
    return bytes([low]) if not high else bytes([low | 0x80]) + varint(high)


def record_with(attributes: dict[str, str]) -> bytes:
    """With the attributes in this order."""
    return b"".join(LogRecord(attributes={key: value}).SerializeToString() for key, value in attributes.items())


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


@pytest.mark.fuzz
@fuzzing.examples(400)
@given(odd_batches.batches(RECEIVED))
def test_whatever_is_accepted_is_copied_as_its_rows_beside_others(raw: bytes) -> None:
    try:
        check_batch(raw, Limits())
    except Rejected:
        return
    others = [LogBatch(batch_id=bytes([n]) * 16, node="o", records=[LogRecord(message="m")]) for n in (250, 251)]
    raws = [others[0].SerializeToString(), raw, others[1].SerializeToString()]
    delivery = Delivery(
        tag=1,
        channel_number=1,
        body=b"".join(map(Packer(1).frame, raws)),
        received_unix_nano=RECEIVED,
        records=1,
        project="default",
    )
    inbound = decode([delivery], 30 * 86_400 * 10**9)
    letters = [letter.reason for letter in inbound.dead_letters]
    # Compressed batches come behind the others.
    stored = {batch.batch_id: batch for batch in inbound.batches}
    assert len(stored) + len(letters) == 3
    assert letters in ([], ["spread"])
    numbers: list[int | None] = [None] * len(inbound.block.counts)
    stored_rows, expected = [], []
    counts, counts_expected = Counter[CountKey](), Counter[CountKey]()
    for number, batch in enumerate(stored.values(), 1):
        batch.number = number
        rows = batch.rows()
        expected += copied(encode(rows))
        add_counts(counts_expected, rows)
        assert batch.mended == rows.mended
        assert (batch.records, batch.from_us, batch.to_us) == (len(rows), min(rows.times_us), max(rows.times_us))
        if batch.block_index is None:
            stored_rows += copied(encode(rows))
            add_counts(counts, rows)
        else:
            assert not batch.mended
            numbers[batch.block_index] = number
        # What the database refuses, it is given again as a batch of its own.
        for index in {0, batch.records - 1}:
            alone = rows_of(refused(batch, index, "").body, Origin(0, batch.received_unix_nano, batch.floor_unix_nano))
            assert (alone.messages, alone.attributes) == ([rows.messages[index]], [rows.attributes[index]])
    add_block_counts(counts, inbound.block, [number is not None for number in numbers])
    assert counts == counts_expected
    assert sorted(stored_rows + copied(b"".join(encode_block(inbound.block, numbers)))) == sorted(expected)
    for *_, level, node, _time, _severity, message in expected:
        assert b"\0" not in level + node + message


@given(st.lists(encoded_records, min_size=1, max_size=3))
@example([b"\x22"])
@example([b"\x1a"])
@example([b"\x09\0\0"])
@example([b"\x2a\x04\x0a\0\x12"])
def test_a_batch_that_is_no_message_is_not_plain(parts: list[bytes]) -> None:
    raw = batch_of("orders", parts)
    try:
        rows_of(raw, ORIGIN)
    except Undecodable:
        assert block_of(raw).plain == [False]


@pytest.mark.parametrize("size", range(1, 30))
def test_a_record_that_was_cut_is_odd(size: int) -> None:
    record = LogRecord(time_unix_nano=RECEIVED, severity=SEVERITY_INFO, level="info", message="m", attributes={"k": "v"})
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
            attributes={"k": "v" * 200, "k" * 255: "", "logstream": "", "blogstream.": ""},
        ),
        LogRecord(message="m", attributes={f"key {i}": f'"quoted" \\ {i}\n' for i in range(64)}),
        LogRecord(attributes={"beginning, one, of the end": "\x1b[0m", "beginning, two, of the end": "é" * 100}),
    ],
)
def test_ordinary_records_are_plain(record: LogRecord) -> None:
    raw = batch_of("orders", [LogRecord(level="info", message="first").SerializeToString(), record.SerializeToString()])
    assert block_of(raw).plain == [True]


@pytest.mark.parametrize("key", ["k", "a key of more than sixteen bytes", "é"])
def test_a_record_that_repeats_a_key_is_odd(key: str) -> None:
    """Its members would show the key twice, where the last value counts."""
    once, other = (LogRecord(attributes={name: "v"}).SerializeToString() for name in (key, "other"))
    assert block_of(batch_of("orders", [once + other, once])).plain == [True]
    for record in (once + once, once + other + once, other + once + once):
        assert block_of(batch_of("orders", [once, record])).plain == [False]


@pytest.mark.parametrize("text", [chr(code) for code in range(0x21)] + ['"', "\\", "\x7f", "\u2028", "한"])
def test_attributes_are_what_orjson_writes(text: str) -> None:
    attributes = {f"key {text}": f"{text}value", "other": f"{text}{text}" * 60, f"{text}{text}" * 40: ""}
    raw = batch_of("orders", [LogRecord(attributes={"k": "v"}).SerializeToString(), b"", record_with(attributes)])
    block = block_of(raw)
    if ord(text) < 5:
        assert block.plain == [False]
    else:
        assert block.plain == [True]
        assert block.attributes == [b'"k":"v"', b"", orjson.dumps(attributes)[1:-1]]


@pytest.mark.parametrize("entry", [b"\x0a\x01\xff\x12\x01v", b"\x0a\x01k\x12\x01\xff", b"\x0a\x01\xc3\x12\x01\xa9"])
def test_an_attribute_that_is_no_text_is_odd(entry: bytes) -> None:
    assert block_of(batch_of("orders", [record_with({"k": "é"}), b"\x2a\x06" + entry])).plain == [False]
    assert block_of(batch_of("orders", [b"\x2a\x06" + entry, record_with({"k": "é"})])).plain == [False]


@pytest.mark.parametrize(
    "attributes",
    [
        {"": "v"},
        {"k" * 256: "v"},
        {"logstream.": "v"},
        {"logstream.nuls_replaced": "1"},
        {f"key {index}": "v" for index in range(65)},
        {f"key {index:02}": "v" * 16_000 for index in range(17)},
    ],
    ids=["empty", "long", "ours", "ours and longer", "too many", "too many bytes"],
)
def test_attributes_that_have_to_be_mended_are_odd(attributes: dict[str, str]) -> None:
    fine = batch_of("orders", [LogRecord(message="logstream.", attributes={"k": "logstream."}).SerializeToString()])
    odd = batch_of("orders", [record_with({"k": "v"}), record_with({"a": "v", **attributes})])
    assert block_of(fine, odd, fine).plain == [True, False, True]


def test_attributes_within_the_limits_are_plain() -> None:
    many = record_with({f"key {index}": "v" for index in range(64)})
    large = record_with({f"{index:02}": "v" * 16_000 for index in range(16)})
    assert block_of(batch_of("orders", [many, large])).plain == [True]


def test_a_record_with_a_timestamp_as_text_is_odd() -> None:
    assert block_of(batch_of("orders", [LogRecord(original_timestamp="x").SerializeToString()])).plain == [False]


def test_a_node_that_has_to_be_mended_is_odd() -> None:
    record = LogRecord(message="m").SerializeToString()
    assert block_of(batch_of("é" * 127, [record]), batch_of("é" * 128, [record]), batch_of("\0", [record])).plain == [
        True,
        False,
        False,
    ]


def test_a_level_for_each_record_makes_no_larger_a_block_than_a_few() -> None:
    def parts(levels: int) -> bytes:
        records = [LogRecord(level=f"{number % levels:04x}").SerializeToString() for number in range(10_000)]
        return batch_of("orders", records)

    def peak_bytes(raw: bytes) -> int:
        tracemalloc.reset_peak()
        block_of(raw)
        return tracemalloc.get_traced_memory()[1]

    few, many = parts(10), parts(10_000)
    block = block_of(many)
    assert block.plain == [True]
    assert [block.level_kinds[kind] for kind in block.kinds] == [(0, f"{number:04x}") for number in range(10_000)]
    tracemalloc.start()
    try:
        assert peak_bytes(many) < 3 * peak_bytes(few)
    finally:
        tracemalloc.stop()


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
