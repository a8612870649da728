"""Rows are a function of the bytes and their origin alone; what can't be stored as sent is mended and noted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logstream_contract.rows.records import record_of_row, seed_record_of_row
from logstream_contract.rows.rows import REASON_OF_MARK, Origin, Rows, rows_of
from logstream_contract.wire.batches import Undecodable
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord

SECOND = 1_000_000_000
RECEIVED = 1_700_000_000 * SECOND
FLOOR = RECEIVED - 86_400 * SECOND
ORIGIN = Origin(number=7, received_unix_nano=RECEIVED, floor_unix_nano=FLOOR)


def rows(*records: LogRecord, node: str = "orders", origin: Origin = ORIGIN) -> Rows:
    return rows_of(LogBatch(batch_id=bytes(16), node=node, records=records).SerializeToString(), origin)


def only(**fields: object) -> tuple[int, int, str, str, dict[str, str] | None]:
    result = rows(LogRecord(**fields))  # type: ignore[arg-type]
    return result.times_us[0], result.severities[0], result.levels[0], result.messages[0], result.attributes[0]


def test_a_plain_record() -> None:
    time = RECEIVED - 5 * SECOND + 123_456_789
    row = only(time_unix_nano=time, level="warn", message="hello", attributes={"k": "v"})
    assert row == (time // 1000, 13, "warn", "hello", {"k": "v"})


def test_the_sequence_is_the_number_and_the_index() -> None:
    result = rows(LogRecord(), LogRecord())
    assert [result.sequence(0), result.sequence(1)] == [7 << 16, 7 << 16 | 1]


def test_no_attributes_are_none() -> None:
    assert only(message="a * in the text is no attribute")[4] is None


def test_attributes_are_found_whatever_the_encoding_of_their_tag() -> None:
    # Field 5 as a varint of one byte more than needed.
    encoded = b"\xaa\x00\x06\x0a\x01k\x12\x01v"
    raw = b"\x12\x06orders\x1a" + bytes([len(encoded)]) + encoded
    assert rows_of(raw, ORIGIN).attributes == [{"k": "v"}]


def test_a_missing_time_is_the_receive_time_without_a_note() -> None:
    assert only()[0] == RECEIVED // 1000
    assert only()[4] is None


@pytest.mark.parametrize("time", [FLOOR - 1, RECEIVED + 600 * SECOND + 1, 1, 2**64 - 1])
def test_a_time_out_of_range_becomes_the_receive_time_with_a_note(time: int) -> None:
    row = only(time_unix_nano=time)
    assert row[0] == RECEIVED // 1000
    assert row[4] == {"logstream.original_time_unix_nano": str(time)}


@pytest.mark.parametrize("time", [FLOOR, RECEIVED + 600 * SECOND])
def test_times_at_the_bounds_are_kept(time: int) -> None:
    assert only(time_unix_nano=time)[0] == time // 1000


@pytest.mark.parametrize(
    ("severity", "level", "expected"),
    [
        (0, "ERROR", (17, "ERROR")),
        (0, "whatever", (0, "whatever")),
        (0, "", (0, "")),
        (14, "", (14, "warn")),
        (21, "info", (21, "info")),
        (99, "debug", (5, "debug")),
        (-1, "debug", (5, "debug")),
    ],
)
def test_severity_and_level_complete_each_other(severity: int, level: str, expected: tuple[int, str]) -> None:
    assert only(severity=severity, level=level)[1:3] == expected


def test_a_long_message_is_cut_between_characters_with_its_length_noted() -> None:
    message = "x" + "é" * 40_000
    row = only(message=message)
    assert row[3] == "x" + "é" * 32_767
    assert row[4] == {"logstream.message_bytes": "80001"}


def test_a_long_level_is_cut() -> None:
    row = only(level="l" * 300)
    assert row[2] == "l" * 255
    assert row[4] == {"logstream.level_bytes": "300"}


def test_nuls_become_replacement_characters_everywhere_and_are_counted() -> None:
    result = rows(LogRecord(level="a\0", message="b\0c\0", attributes={"k\0": "v\0"}), LogRecord(message="ok"), node="n\0")
    assert result.node == "n\N{REPLACEMENT CHARACTER}"
    assert result.levels[0] == "a\N{REPLACEMENT CHARACTER}"
    assert result.messages == ["b\N{REPLACEMENT CHARACTER}c\N{REPLACEMENT CHARACTER}", "ok"]
    assert result.attributes[0] == {
        "k\N{REPLACEMENT CHARACTER}": "v\N{REPLACEMENT CHARACTER}",
        "logstream.nuls_replaced": "5",
    }
    assert result.attributes[1] is None


def encoded(record: bytes) -> bytes:
    """A batch of an ordinary record and this one."""
    ordinary = LogRecord(message="ordinary", attributes={"k": "v"}).SerializeToString()
    parts = [b"\x1a" + varint(len(part)) + part for part in (ordinary, record)]
    return LogBatch(batch_id=bytes(16), node="orders").SerializeToString() + b"".join(parts)


def varint(number: int) -> bytes:
    low, high = number & 0x7F, number >> 7
    return bytes([low]) if not high else bytes([low | 0x80]) + varint(high)


def attribute(key: bytes, value: bytes) -> bytes:
    entry = b"\x0a" + varint(len(key)) + key + b"\x12" + varint(len(value)) + value
    return b"\x2a" + varint(len(entry)) + entry


def test_bytes_that_are_no_utf8_are_replaced_and_the_rest_of_the_batch_is_left_alone() -> None:
    record = (
        b"\x1a\x01\xff\x22\x05a\xed\xa0\x80b" + attribute(b"\xc3", b"v\xfe") + attribute("é\ufffd".encode(), b"\xf0\x9f")
    )
    result = rows_of(encoded(record), ORIGIN)
    assert result.levels == ["", "\ufffd"]
    assert result.messages == ["ordinary", "a\ufffd\ufffd\ufffdb"]
    assert result.attributes == [
        {"k": "v"},
        {"\ufffd": "v\ufffd", "é\ufffd": "\ufffd", "logstream.invalid_utf8_replaced": "7"},
    ]
    assert result.mended == {"invalid_utf8": 1}


def test_of_keys_that_are_alike_once_replaced_the_one_that_was_written_so_is_kept() -> None:
    record = attribute(b"\xff", b"no text") + attribute("\ufffd".encode(), b"text") + attribute(b"\xfe", b"no text")
    assert rows_of(encoded(record), ORIGIN).attributes[1] == {"\ufffd": "text", "logstream.attributes_dropped": "2"}
    record = attribute(b"\xff", b"last") + attribute(b"\xfe", b"first")
    assert rows_of(encoded(record), ORIGIN).attributes[1] == {
        "\ufffd": "first",
        "logstream.attributes_dropped": "1",
        "logstream.invalid_utf8_replaced": "1",
    }


def test_an_attribute_with_unknown_fields_is_an_attribute() -> None:
    entry = b"\x0a\x01k\x12\x01v"
    for odd in (b"\x18\x01" + entry, entry + b"\x1a\x00", b"\x23\x24" + entry):
        assert rows_of(encoded(b"\x2a" + varint(len(odd)) + odd), ORIGIN).attributes == [{"k": "v"}] * 2


def test_a_node_that_is_no_utf8_makes_the_batch_undecodable() -> None:
    with pytest.raises(Undecodable):
        rows_of(b"\x12\x01\xff" + encoded(b""), ORIGIN)


def test_what_a_sender_puts_under_logstream_is_renamed_and_never_read() -> None:
    row = only(
        message="a\0",
        time_unix_nano=1,
        attributes={
            "logstream.nuls_replaced": "no number\0",
            "logstream.original_time_unix_nano": "none",
            "logstream.": "",
            "logstream": "mine",
        },
    )
    assert row[4] == {
        "sender.logstream.nuls_replaced": "no number\ufffd",
        "sender.logstream.original_time_unix_nano": "none",
        "sender.logstream.": "",
        "logstream": "mine",
        "logstream.attributes_renamed": "3",
        "logstream.nuls_replaced": "2",
        "logstream.original_time_unix_nano": "1",
    }


def test_a_renamed_key_takes_no_others_place() -> None:
    sent = {"logstream.x": "renamed", "sender.logstream.x": "own"}
    assert only(attributes=sent)[4] == {"sender.logstream.x": "own", "logstream.attributes_dropped": "1"}


def test_an_empty_key_gets_a_name() -> None:
    assert only(attributes={"": "v"})[4] == {"sender.unnamed": "v", "logstream.attributes_renamed": "1"}


def test_long_keys_and_values_are_cut_between_characters() -> None:
    row = only(attributes={"é" * 128: "v", "k": "x" + "é" * 32_768})[4]
    assert row == {"é" * 127: "v", "k": "x" + "é" * 32_767, "logstream.attributes_cut": "2"}
    # Alike once they are cut: the first in order stays.
    assert only(attributes={"k" * 256: "1", "k" * 257: "2"})[4] == {
        "k" * 255: "1",
        "logstream.attributes_cut": "1",
        "logstream.attributes_dropped": "1",
    }
    assert only(attributes={"logstream." + "k" * 245: "v"})[4] == {
        "sender.logstream." + "k" * 238: "v",
        "logstream.attributes_cut": "1",
        "logstream.attributes_renamed": "1",
    }
    fits = {"k" * 255: "v" * 65_536}
    assert only(attributes=fits)[4] == fits


def test_of_too_many_attributes_the_first_in_order_are_kept() -> None:
    sent = {f"key {index:02}": "v" for index in range(66)}
    kept = {key: sent[key] for key in sorted(sent)[:64]}
    assert only(attributes=dict(reversed(sent.items())))[4] == {**kept, "logstream.attributes_dropped": "2"}
    assert only(attributes=kept)[4] == kept
    # What is told of a record has no part in its limits.
    assert len(only(attributes=kept, message="\0")[4] or {}) == 65


def test_attributes_past_256_kib_are_left_out() -> None:
    sent = {f"{index}": "é" * 32_767 for index in range(5)}
    assert only(attributes=sent)[4] == {
        **{f"{index}": "é" * 32_767 for index in range(4)},
        "logstream.attributes_dropped": "1",
    }
    # Of 4 bytes there is still room for one.
    assert set(only(attributes={**sent, "5": "1234", "6": "123"})[4] or {}) == {*"01236", "logstream.attributes_dropped"}


def test_a_timestamp_that_could_not_be_read_is_kept() -> None:
    result = rows(LogRecord(original_timestamp="yesterday\0" + "x" * 300), LogRecord())
    assert result.attributes == [
        {"logstream.original_timestamp": "yesterday\ufffd" + "x" * 246, "logstream.nuls_replaced": "1"},
        None,
    ]
    assert result.mended == {"time_replaced": 1, "nul": 1}


def test_a_text_of_nuls_is_cut_to_the_limit_too() -> None:
    result = rows(LogRecord(level="\0" * 200, message="\0" * 30_000), node="\0" * 255)
    assert (result.node, result.levels[0], result.messages[0]) == ("\ufffd" * 85, "\ufffd" * 85, "\ufffd" * 21_845)
    assert result.attributes[0] == {
        "logstream.level_bytes": "600",
        "logstream.message_bytes": "90000",
        "logstream.nuls_replaced": "30200",
    }


def test_each_mended_record_is_counted_once_for_each_reason() -> None:
    result = rows(
        LogRecord(message="fine", attributes={"k": "v"}),
        LogRecord(message="\0" * 3, level="\0", time_unix_nano=1, original_timestamp="x"),
        LogRecord(level="l" * 256, attributes={"": "", "k" * 256: "", **{f"{index}": "" for index in range(64)}}),
        LogRecord(message="m" * 65_537, attributes={"k\0": "", "logstream.x": ""}),
    )
    assert result.mended == {
        "nul": 2,
        "time_replaced": 1,
        "level_cut": 1,
        "attribute_renamed": 2,
        "attributes_dropped": 1,
        "message_cut": 1,
    }
    assert set(result.mended) | {"attribute_cut", "invalid_utf8"} == set(REASON_OF_MARK.values())


def test_of_a_hundred_thousand_attributes_the_first_are_kept() -> None:
    sent = {f"{index:x}": "" for index in range(100_000)}
    assert only(attributes=sent)[4] == {
        **dict.fromkeys(sorted(sent)[:64], ""),
        "logstream.attributes_dropped": str(100_000 - 64),
    }


def test_bytes_that_are_no_batch_are_undecodable() -> None:
    with pytest.raises(Undecodable):
        rows_of(b"\x0a\xff", ORIGIN)


def test_an_empty_batch_has_no_rows() -> None:
    assert len(rows()) == 0


@given(
    st.lists(
        st.builds(
            LogRecord,
            time_unix_nano=st.integers(0, 2**64 - 1) | st.integers(FLOOR, RECEIVED),
            severity=st.integers(-(2**31), 2**31 - 1),
            level=st.text(max_size=300),
            message=st.text(max_size=50) | st.just("é" * 40_000),
            attributes=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_every_decodable_batch_gives_storable_rows_the_same_each_time(records: list[LogRecord]) -> None:
    result = rows(*records)
    assert result == rows(*records)
    assert len(result) == len(records)
    for index in range(len(result)):
        assert result.times_us[index] * 1000 + 999 >= FLOOR
        assert result.times_us[index] * 1000 <= RECEIVED + 600 * SECOND
        assert 0 <= result.severities[index] <= 24
        assert len(result.levels[index]) <= 255
        assert len(result.messages[index].encode()) <= 65_536
        attributes = result.attributes[index] or {}
        texts = [result.levels[index], result.messages[index], *attributes, *attributes.values()]
        assert not any("\0" in text for text in texts)


def test_json_shapes() -> None:
    result = rows(LogRecord(time_unix_nano=RECEIVED + 7_000, level="info", message="m", attributes={"k": "v"}))
    assert record_of_row(result, 0) == {
        "sequence": "458752",
        "time": "2023-11-14T22:13:20.000007Z",
        "severity": 9,
        "level": "info",
        "node": "orders",
        "message": "m",
        "attributes": {"k": "v"},
    }
    assert seed_record_of_row(result, 0) == {
        "sequence_number": "458752",
        "timestamp": "2023-11-14T22:13:20.000Z",
        "node": "orders",
        "level": "info",
        "message": "m",
    }
