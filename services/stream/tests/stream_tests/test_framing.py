"""Bytes on the wire, and how records are gathered into frames."""

import json
from datetime import datetime

from logstream_contract.rows import Origin, Rows, rows_of
from logstream_stream.chunk import FRAME_RECORDS, Chunk, Frame, Spot
from logstream_stream.framing import NativeFraming, SeedFraming, gap_data, retry
from logstream_stream.place import Place
from logstream_stream.sequencer import Gap

from .batches import START_NS, raw_batch

MINUTE_NS = 60 * 10**9


def rows(number: int, messages: list[str], time_ns: int = START_NS) -> Rows:
    return rows_of(raw_batch(messages, time_ns=time_ns), Origin(number, START_NS, 0))


def frames_of(chunk: Chunk, number: int, messages: list[str], spot: Spot) -> list[Frame]:
    found = rows(number, messages)
    return list(chunk.add(found, range(len(found)), spot))


def test_a_logs_event_to_the_byte() -> None:
    framing = NativeFraming()
    record = framing.record(rows(1, ["a\nb"]), 0)
    assert framing.logs([record], Place("e", 2, 3, 4)) == (
        b"id: e:2:3:4\nevent: logs\n"
        b'data: [{"sequence":"65536","time":"2024-08-06T18:51:32.000000Z","severity":9,"level":"info","node":"orders",'
        b'"message":"a\\nb","attributes":{}}]\n\n'
    )
    assert framing.logs([], None).startswith(b"event: logs\n")


def test_the_seeds_events_to_the_byte() -> None:
    framing = SeedFraming()
    record = framing.record(rows(1, ["a"]), 0)
    one = (
        b'data: {"sequence_number":"65536","timestamp":"2024-08-06T18:51:32.000Z","node":"orders","level":"info",'
        b'"message":"a"}\n\n'
    )
    assert framing.logs([record, record], Place("e", 2, 3, 4)) == one + one
    assert framing.dropped(3, 0, 1, "slow").startswith(b': dropped {"records":3')
    assert framing.gap(Gap(0, 1, "r")).startswith(b": gap {")
    assert framing.status({"broker": "down"}) == framing.counts({}, None) == b""


def test_retry_is_a_field_of_its_own() -> None:
    assert retry(2000) == b"retry: 2000\n\n"


def test_a_gap_covers_clocks_that_are_ten_minutes_off() -> None:
    data = gap_data(Gap(START_NS, START_NS + MINUTE_NS, "why"))
    assert data == {
        "from": "2024-08-06T18:41:32.000000Z",
        "to": "2024-08-06T19:02:32.000000Z",
        "reason": "why",
        "received_from": "2024-08-06T18:51:32.000000Z",
        "received_to": "2024-08-06T18:52:32.000000Z",
    }
    assert gap_data(Gap(None, START_NS, "why"))["from"] is None
    assert gap_data(Gap(0, 2**63, "why"))["from"] == "1970-01-01T00:00:00.000000Z"
    assert datetime.fromisoformat(gap_data(Gap(0, 2**70, "why"))["to"] or "").year == 9999


def test_the_end_of_a_dropped_range_is_past_the_last_record() -> None:
    data = json.loads(NativeFraming().dropped(2, 1_000_000, 2_000_000, "slow").split(b"data: ")[1])
    assert data == {
        "records": 2,
        "reason": "slow",
        "from": "1970-01-01T00:00:01.000000Z",
        "to": "1970-01-01T00:00:02.000001Z",
    }


def test_a_large_batch_becomes_frames_with_places_inside_it() -> None:
    chunk = Chunk(NativeFraming())
    frames = frames_of(chunk, 1, ["m"] * 450, Spot("e", 7, 9)) + list(chunk.flush())
    assert [frame.records for frame in frames] == [FRAME_RECORDS, FRAME_RECORDS, 50]
    ids = [frame.body.split(b"\n")[0] for frame in frames]
    assert ids == [b"id: e:7:199:9", b"id: e:7:399:9", b"id: e:7:65535:9"]


def test_small_batches_share_a_frame_with_the_place_of_the_last() -> None:
    chunk = Chunk(NativeFraming())
    assert frames_of(chunk, 1, ["a"], Spot("e", 7, 9)) == []
    assert frames_of(chunk, 2, ["b", "c"], Spot("e", 8, 9)) == []
    (frame,) = chunk.flush()
    assert frame.records == 3
    assert frame.body.startswith(b"id: e:8:65535:9\n")
    assert list(chunk.flush()) == []


def test_numbered_and_unnumbered_never_share_a_frame() -> None:
    chunk = Chunk(NativeFraming())
    frames = frames_of(chunk, 1, ["a"], Spot("e", 7, 9))
    frames += frames_of(chunk, 2, ["b"], Spot("e", 0, 9))
    frames += frames_of(chunk, 3, ["c"], Spot("e", 8, 9))
    frames += chunk.flush()
    assert [(frame.records, frame.numbered) for frame in frames] == [(1, True), (1, False), (1, True)]
    assert not frames[1].body.startswith(b"id:")


def test_long_messages_end_a_frame() -> None:
    chunk = Chunk(NativeFraming())
    frames = frames_of(chunk, 1, ["x" * 60_000] * 10, Spot("e", 7, 9)) + list(chunk.flush())
    assert [frame.records for frame in frames] == [5, 5]


def test_a_frame_knows_the_times_of_its_records() -> None:
    chunk = Chunk(NativeFraming())
    for offset_s in (2, 1, 3):
        found = rows(offset_s, ["m"], START_NS + offset_s * 10**9)
        assert list(chunk.add(found, [0], Spot("e", 1, 1))) == []
    (frame,) = chunk.flush()
    assert (frame.from_us, frame.to_us) == (START_NS // 1000 + 1_000_000, START_NS // 1000 + 3_000_000)
