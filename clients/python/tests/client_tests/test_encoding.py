"""Records to bytes."""

import time

import pytest
from logstream_client.batch_id import new_batch_id
from logstream_client.encoding import RECORDS_BYTES, check_node, encode_batch, encode_record
from logstream_client.pb.logs_pb2 import LogBatch, LogRecord


def decode(*records: bytes) -> list[LogRecord]:
    return list(LogBatch.FromString(encode_batch("orders", records)).records)


def test_batch_id_is_a_uuidv7_of_now() -> None:
    before_ms = time.time_ns() // 1_000_000
    made = new_batch_id()
    after_ms = time.time_ns() // 1_000_000
    assert len(made) == 16
    assert before_ms <= int.from_bytes(made[:6], "big") <= after_ms
    assert made[6] >> 4 == 7
    assert made[8] >> 6 == 0b10
    assert len({new_batch_id() for _ in range(1000)}) == 1000


def test_batch_holds_its_records_in_order_under_a_new_id() -> None:
    records = [encode_record(index, 9, "info", f"message {index}", {"index": str(index)}) for index in range(3)]
    first = LogBatch.FromString(encode_batch("orders", records))
    second = LogBatch.FromString(encode_batch("orders", records))
    assert first.node == "orders"
    assert len(first.batch_id) == 16
    assert first.batch_id != second.batch_id
    assert [(record.time_unix_nano, record.message) for record in first.records] == [
        (0, "message 0"),
        (1, "message 1"),
        (2, "message 2"),
    ]
    assert dict(first.records[2].attributes) == {"index": "2"}
    assert (first.records[0].severity, first.records[0].level) == (9, "info")


def test_full_batch_stays_below_the_gateways_limit() -> None:
    batch = encode_batch("n" * 255, [b"\x1a" * RECORDS_BYTES])
    assert len(batch) < 4 * 1024 * 1024


def test_long_message_is_cut_at_a_character_and_its_length_kept() -> None:
    [record] = decode(encode_record(0, 9, "info", "x" + "ä" * 40_000))
    assert record.message == "x" + "ä" * 32_767
    assert record.attributes["sender.message_bytes"] == "80001"


def test_message_of_exactly_64_kib_is_left_alone() -> None:
    [record] = decode(encode_record(0, 9, "info", "x" * 65_536))
    assert len(record.message) == 65_536
    assert not record.attributes


def test_of_too_many_attributes_the_first_stay_and_the_rest_is_counted() -> None:
    attributes = {f"a{index}": "v" for index in range(70)}
    [record] = decode(encode_record(0, 9, "info", "x" * 70_000, attributes))
    assert len(record.attributes) == 64
    assert record.attributes["a61"] == "v"
    assert "a62" not in record.attributes
    assert record.attributes["sender.attributes_dropped"] == "8"
    assert record.attributes["sender.message_bytes"] == "70000"


def test_lone_surrogates_become_question_marks() -> None:
    [record] = decode(encode_record(0, 9, "info", "caf\udce9", {"path\udce9": "\udce9"}))
    assert record.message == "caf?"
    assert dict(record.attributes) == {"path?": "?"}


@pytest.mark.parametrize("severity", [-1, 25])
def test_unknown_severity_is_left_to_the_level(severity: int) -> None:
    [record] = decode(encode_record(0, severity, "odd", "m"))
    assert record.severity == 0


@pytest.mark.parametrize("node", ["", "n" * 256, "ä" * 128])
def test_node_out_of_bounds_is_named(node: str) -> None:
    with pytest.raises(ValueError, match=rf"node: {len(node.encode())} bytes, expected 1 to 255"):
        check_node(node)
