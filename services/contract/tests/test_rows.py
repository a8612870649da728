"""Rows are a function of the bytes and their origin alone; what can't be stored as sent is mended and noted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logstream_contract.batches import Undecodable
from logstream_contract.pb.logs_pb2 import LogBatch, LogRecord
from logstream_contract.records import record_of_row, seed_record_of_row
from logstream_contract.rows import Origin, Rows, rows_of

SECOND = 1_000_000_000
RECEIVED = 1_700_000_000 * SECOND
FLOOR = RECEIVED - 86_400 * SECOND
ORIGIN = Origin(number=7, received_unix_nano=RECEIVED, floor_unix_nano=FLOOR)


def rows(*records: LogRecord, node: str = "orders", origin: Origin = ORIGIN) -> Rows:
    return rows_of(LogBatch(batch_id=bytes(16), node=node, records=records).SerializeToString(), origin)


def only(**fields: object) -> tuple[int, int, str, str, dict[str, str] | None]:
    found = rows(LogRecord(**fields))  # type: ignore[arg-type]
    return found.times_us[0], found.severities[0], found.levels[0], found.messages[0], found.attributes[0]


def test_a_plain_record() -> None:
    time = RECEIVED - 5 * SECOND + 123_456_789
    found = only(time_unix_nano=time, level="warn", message="hello", attributes={"k": "v"})
    assert found == (time // 1000, 13, "warn", "hello", {"k": "v"})


def test_the_sequence_is_the_number_and_the_index() -> None:
    found = rows(LogRecord(), LogRecord())
    assert [found.sequence(0), found.sequence(1)] == [7 << 16, 7 << 16 | 1]


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
    found = only(time_unix_nano=time)
    assert found[0] == RECEIVED // 1000
    assert found[4] == {"logstream.original_time_unix_nano": str(time)}


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
    found = only(message=message)
    assert found[3] == "x" + "é" * 32_767
    assert found[4] == {"logstream.message_bytes": "80001"}


def test_a_long_level_is_cut() -> None:
    found = only(level="l" * 300)
    assert found[2] == "l" * 255
    assert found[4] == {"logstream.level_bytes": "300"}


def test_nuls_become_replacement_characters_everywhere_and_are_counted() -> None:
    found = rows(LogRecord(level="a\0", message="b\0c\0", attributes={"k\0": "v\0"}), LogRecord(message="ok"), node="n\0")
    assert found.node == "n\N{REPLACEMENT CHARACTER}"
    assert found.levels[0] == "a\N{REPLACEMENT CHARACTER}"
    assert found.messages == ["b\N{REPLACEMENT CHARACTER}c\N{REPLACEMENT CHARACTER}", "ok"]
    assert found.attributes[0] == {
        "k\N{REPLACEMENT CHARACTER}": "v\N{REPLACEMENT CHARACTER}",
        "logstream.nuls_replaced": "5",
    }
    assert found.attributes[1] is None


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
    found = rows(*records)
    assert found == rows(*records)
    assert len(found) == len(records)
    for index in range(len(found)):
        assert found.times_us[index] * 1000 + 999 >= FLOOR
        assert found.times_us[index] * 1000 <= RECEIVED + 600 * SECOND
        assert 0 <= found.severities[index] <= 24
        assert len(found.levels[index]) <= 255
        assert len(found.messages[index].encode()) <= 3 * 65_536
        attributes = found.attributes[index] or {}
        texts = [found.levels[index], found.messages[index], *attributes, *attributes.values()]
        assert not any("\0" in text for text in texts)


def test_json_shapes() -> None:
    found = rows(LogRecord(time_unix_nano=RECEIVED + 7_000, level="info", message="m", attributes={"k": "v"}))
    assert record_of_row(found, 0) == {
        "sequence": "458752",
        "time": "2023-11-14T22:13:20.000007Z",
        "severity": 9,
        "level": "info",
        "node": "orders",
        "message": "m",
        "attributes": {"k": "v"},
    }
    assert seed_record_of_row(found, 0) == {
        "sequence_number": "458752",
        "timestamp": "2023-11-14T22:13:20.000Z",
        "node": "orders",
        "level": "info",
        "message": "m",
    }
