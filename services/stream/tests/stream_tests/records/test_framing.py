"""Bytes on the wire, and how records are gathered into frames."""

import json
from dataclasses import dataclass, field
from datetime import datetime

import orjson
from hypothesis import given
from hypothesis import strategies as st
from logstream_contract.rows.records import record_of_row
from logstream_contract.rows.rows import Origin, Rows, rows_of
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord
from logstream_stream.order.event_id import ALL, EventId
from logstream_stream.order.live_position import LivePosition
from logstream_stream.order.outcomes import Gap
from logstream_stream.records.chunk import FRAME_RECORDS, FRAME_TEXT_BYTES, Chunk, Frame
from logstream_stream.records.columns import columns_of_rows
from logstream_stream.records.framing import HEARTBEAT, NativeFraming, SeedFraming, gap_data, retry, with_id

from ..batches import START_NS, raw_batch
from ..world import events

MINUTE_NS = 60 * 10**9


def rows(number: int, messages: list[str], time_ns: int = START_NS) -> Rows:
    return rows_of(raw_batch(messages, time_ns=time_ns), Origin(number, START_NS, 0))


def frames_of(chunk: Chunk, number: int, messages: list[str], live_position: LivePosition) -> list[Frame]:
    found = rows(number, messages)
    return list(chunk.add(NativeFraming().render(columns_of_rows(found)), 0, live_position))


def test_a_logs_event_to_the_byte() -> None:
    framing = NativeFraming()
    pieces = framing.render(columns_of_rows(rows(1, ["a\nb"]))).pieces
    assert framing.logs(pieces, EventId(epoch="e", position=2, index=3, received_ms=4)) == (
        b"id: e:2:3:4\nevent: logs\n"
        b'data: [{"sequence":"65536","time":"2024-08-06T18:51:32.000000Z","severity":9,"level":"info","node":"orders",'
        b'"message":"a\\nb","attributes":{}}]\n\n'
    )
    assert framing.logs(pieces, None).startswith(b"event: logs\n")


def test_the_seeds_events_to_the_byte() -> None:
    framing = SeedFraming()
    pieces = framing.render(columns_of_rows(rows(1, ["a"]))).pieces
    one = (
        b'data: {"sequence_number":"65536","timestamp":"2024-08-06T18:51:32.000Z","node":"orders","level":"info",'
        b'"message":"a"}\n\n'
    )
    assert (
        framing.logs(pieces + pieces, EventId(epoch="e", position=2, index=3, received_ms=4)) == one + b"id: e:2:3:4\n" + one
    )
    assert framing.logs(pieces + pieces, None) == one + one
    assert framing.dropped(records=3, from_us=0, to_us=1, reason="slow").startswith(b': dropped {"records":3')
    assert framing.gap(Gap(0, 1, "r"), "").startswith(b": gap {")
    assert framing.status({"broker": "down"}) == framing.counts({}, None) == b""


def test_retry_is_a_line_and_no_block() -> None:
    assert retry(2000) == b"retry: 2000\n"


def test_each_record_is_a_line_and_all_of_them_one_array() -> None:
    framing = NativeFraming()
    body = framing.logs(framing.render(columns_of_rows(rows(1, ["a", "b\n", "c"]))).pieces, None)
    lines = body.removesuffix(b"\n\n").split(b"\n")
    assert lines[0] == b"event: logs"
    assert [line[:8] for line in lines[1:]] == [b"data: [{", b"data: ,{", b"data: ,{"]
    data = b"\n".join(line.removeprefix(b"data: ") for line in lines[1:])
    assert [record["message"] for record in json.loads(data)] == ["a", "b\n", "c"]


def test_no_line_is_longer_than_a_client_reads() -> None:
    # As much as a record may have, of what JSON writes with six characters.
    attributes = {f'{key}\1\\"': "\1" * 64 * 1024 for key in range(4)} | {"few": "x"}
    record = LogRecord(time_unix_nano=START_NS, message="\2" * 64 * 1024, attributes=attributes)
    small = LogRecord(time_unix_nano=START_NS, message="m", attributes={"k": "v"})
    raw = LogBatch(batch_id=bytes(16), node="n", records=[small, record, small]).SerializeToString()
    found = rows_of(raw, Origin(1, START_NS, 0))
    chunk = Chunk(NativeFraming())
    frames = [*chunk.add(NativeFraming().render(columns_of_rows(found)), 0, LivePosition("e", 1, 9)), *chunk.flush()]
    body = b"".join(frame.body for frame in frames)
    assert max(map(len, body.split(b"\n"))) < 512 * 1024
    shown = [record for _, records, _ in events(body) for record in records]
    assert shown == [json.loads(orjson.dumps(record_of_row(found, index))) for index in range(3)]


def test_an_id_is_given_to_what_has_none_but_to_no_comment() -> None:
    assert with_id(b"event: live\ndata: {}\n\n", b"e:1:2:3") == b"id: e:1:2:3\nevent: live\ndata: {}\n\n"
    assert with_id(b"event: live\ndata: {}\n\n", b"") == b"event: live\ndata: {}\n\n"
    assert with_id(HEARTBEAT, b"e:1:2:3") == HEARTBEAT
    assert not HEARTBEAT.endswith(b"\n\n")


def test_a_gap_covers_clocks_that_are_ten_minutes_off() -> None:
    data = gap_data(Gap(START_NS, START_NS + MINUTE_NS, "why"))
    assert data == {
        "from": "2024-08-06T18:41:32.000000Z",
        "to": "2024-08-06T19:02:32.000000Z",
        "reason": "why",
        "history": "/api/logs?start=2024-08-06T18:41:32.000000Z&end=2024-08-06T19:02:32.000000Z",
        "received_from": "2024-08-06T18:51:32.000000Z",
        "received_to": "2024-08-06T18:52:32.000000Z",
    }
    assert gap_data(Gap(None, START_NS, "why"))["from"] is None
    assert gap_data(Gap(0, 2**63, "why"))["from"] == "1970-01-01T00:00:00.000000Z"
    assert datetime.fromisoformat(gap_data(Gap(0, 2**70, "why"))["to"] or "").year == 9999


def test_the_end_of_a_dropped_range_is_past_the_last_record() -> None:
    data = json.loads(
        NativeFraming().dropped(records=2, from_us=1_000_000, to_us=2_000_000, reason="slow").split(b"data: ")[1]
    )
    assert data == {
        "records": 2,
        "reason": "slow",
        "from": "1970-01-01T00:00:01.000000Z",
        "to": "1970-01-01T00:00:02.000001Z",
    }


def test_a_large_batch_becomes_frames_with_ids_inside_it() -> None:
    chunk = Chunk(NativeFraming())
    frames = frames_of(chunk, 1, ["m"] * 450, LivePosition("e", 7, 9)) + list(chunk.flush())
    assert [frame.records for frame in frames] == [FRAME_RECORDS, FRAME_RECORDS, 50]
    ids = [frame.body.split(b"\n")[0] for frame in frames]
    assert ids == [b"id: e:7:199:9", b"id: e:7:399:9", b"id: e:7:65535:9"]


def test_small_batches_share_a_frame_with_the_id_of_the_last() -> None:
    chunk = Chunk(NativeFraming())
    assert frames_of(chunk, 1, ["a"], LivePosition("e", 7, 9)) == []
    assert frames_of(chunk, 2, ["b", "c"], LivePosition("e", 8, 9)) == []
    (frame,) = chunk.flush()
    assert frame.records == 3
    assert frame.body.startswith(b"id: e:8:65535:9\n")
    assert list(chunk.flush()) == []


def test_numbered_and_unnumbered_never_share_a_frame() -> None:
    chunk = Chunk(NativeFraming())
    frames = frames_of(chunk, 1, ["a"], LivePosition("e", 7, 9))
    frames += frames_of(chunk, 2, ["b"], LivePosition("e", 0, 9))
    frames += frames_of(chunk, 3, ["c"], LivePosition("e", 8, 9))
    frames += chunk.flush()
    assert [(frame.records, frame.numbered) for frame in frames] == [(1, True), (1, False), (1, True)]
    assert not frames[1].body.startswith(b"id:")


def test_long_messages_end_a_frame() -> None:
    chunk = Chunk(NativeFraming())
    frames = frames_of(chunk, 1, ["x" * 60_000] * 10, LivePosition("e", 7, 9)) + list(chunk.flush())
    assert [frame.records for frame in frames] == [5, 5]


def test_long_messages_end_a_frame_that_earlier_batches_began() -> None:
    chunk = Chunk(NativeFraming())
    frames = [
        frame for number in (1, 2, 3) for frame in frames_of(chunk, number, ["x" * 60_000] * 3, LivePosition("e", number, 9))
    ]
    frames += chunk.flush()
    assert [frame.records for frame in frames] == [5, 4]
    assert [frame.body.split(b"\n")[0] for frame in frames] == [b"id: e:2:1:9", b"id: e:3:65535:9"]


def test_a_frame_knows_the_times_of_its_records() -> None:
    chunk = Chunk(NativeFraming())
    for offset_s in (2, 1, 3):
        found = rows(offset_s, ["m"], START_NS + offset_s * 10**9)
        assert list(chunk.add(NativeFraming().render(columns_of_rows(found)), 0, LivePosition("e", 1, 1))) == []
    (frame,) = chunk.flush()
    assert (frame.from_us, frame.to_us) == (START_NS // 1000 + 1_000_000, START_NS // 1000 + 3_000_000)


@dataclass
class OneByOne:
    """What Chunk does to whole batches, done record by record. A frame is body, records, times, numbered."""

    done: list[tuple[bytes, int, int, int, bool]] = field(default_factory=list)
    records: list[object] = field(default_factory=list)
    times_us: list[int] = field(default_factory=list)
    text: int = 0
    event_id: EventId | None = None

    def add(self, found: Rows, indexes: list[int], start: int, live_position: LivePosition) -> None:
        if self.records and (self.event_id is None) != (live_position.event_id() is None):
            self.flush()
        for index in indexes[start:]:
            self.records.append(record_of_row(found, index))
            self.times_us.append(found.times_us[index])
            attributes = found.attributes[index]
            self.text += (
                len(orjson.dumps(found.messages[index])) - 2 + (len(orjson.dumps(attributes)) - 2 if attributes else 0)
            )
            self.event_id = live_position.event_id(ALL if index == indexes[-1] else index)
            if len(self.records) == FRAME_RECORDS or self.text >= FRAME_TEXT_BYTES:
                self.flush()

    def flush(self) -> None:
        if self.records:
            event_id = b"id: %b\n" % str(self.event_id).encode() if self.event_id else b""
            lines = b"\ndata: ,".join(map(orjson.dumps, self.records))
            body = b"%bevent: logs\ndata: [%b]\n\n" % (event_id, lines)
            times_us = self.times_us
            self.done.append((body, len(self.records), min(times_us), max(times_us), self.event_id is not None))
            self.records, self.times_us, self.text = [], [], 0


@st.composite
def batches(draw: st.DrawFn) -> tuple[Rows, list[int], int, bool]:
    count = draw(st.sampled_from([1, 2, 3, 150, 199, 200, 201, 450]))
    # At the longest a frame has about its text after 100 records.
    length = draw(st.sampled_from([0, 1_000, 2 * FRAME_TEXT_BYTES // 100 if count >= 150 else 60_000]))
    chance = draw(st.randoms(use_true_random=False))
    messages = [chance.choice("xé") * chance.randint(0, length) for _ in range(count)]
    found = rows(draw(st.integers(1, 2**40)), messages)
    found.times_us = [time_us + chance.randint(-10, 10) for time_us in found.times_us]
    refused = draw(st.sets(st.integers(0, count - 1), max_size=5))
    indexes = [index for index in range(count) if index not in refused]
    return found, indexes, draw(st.integers(0, len(indexes))), draw(st.booleans())


@given(st.lists(batches(), max_size=4))
def test_frames_are_cut_as_if_records_came_one_by_one(added: list[tuple[Rows, list[int], int, bool]]) -> None:
    expected, chunk = OneByOne(), Chunk(NativeFraming())
    frames: list[Frame] = []
    for position, (found, indexes, start, numbered) in enumerate(added, 1):
        live_position = LivePosition("e", position if numbered else 0, 9)
        expected.add(found, indexes, start, live_position)
        columns = columns_of_rows(found).without(frozenset(range(len(found))).difference(indexes))
        frames += chunk.add(NativeFraming().render(columns), start, live_position)
    expected.flush()
    frames += chunk.flush()
    assert [(f.body, f.records, f.from_us, f.to_us, f.numbered) for f in frames] == expected.done
