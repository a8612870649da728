"""Whichever way a batch is read, what is shown of it are its rows."""

import json
from collections import Counter
from collections.abc import Iterator

import pytest
from harness import fuzzing, odd_batches
from hypothesis import given
from hypothesis import strategies as st
from logstream_contract.rows.records import record_of_row, seed_record_of_row
from logstream_contract.rows.rows import Origin, rows_of
from logstream_contract.wire.batches import Limits, Rejected, Undecodable, check_batch
from logstream_contract.wire.packing import Packer, unframe
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord
from logstream_contract.wire.pb.transport_pb2 import LiveBatch
from logstream_stream.arriving.stored import read_entry
from logstream_stream.records import columns
from logstream_stream.records.columns import read_columns
from logstream_stream.records.decoder import Decoder
from logstream_stream.records.framing import NativeFraming, SeedFraming
from logstream_stream.records.rendering import render_native, render_seed

from ..batches import START_NS

ORIGIN = Origin(7, START_NS, START_NS - 10**15)

TEXTS = st.text(max_size=20) | st.text('ab"\\\0\1\n\x1bé', max_size=6)
RECORDS = st.builds(
    LogRecord,
    time_unix_nano=st.integers(START_NS - 3 * 10**9, START_NS) | st.sampled_from([0, 1, START_NS + 10**13]),
    severity=st.integers(0, 25),
    level=st.sampled_from(["info", "warn", "", "a level of more than eight bytes"]) | TEXTS,
    message=TEXTS | st.just("long " * 20_000),
    attributes=st.dictionaries(TEXTS, TEXTS, max_size=3),
)
# Records of one kind, so that batches that are read at once are not rare, and any.
PLAIN = st.builds(
    LogRecord,
    level=st.sampled_from(["info", "warn"]),
    message=st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]), max_size=9),
    attributes=st.dictionaries(st.text("ab", min_size=1), st.text('é"\n'), max_size=2),
)
# An attribute that is there a second time, as no map holds it.
REPEATED = LogRecord(attributes={"k": "1"}).SerializeToString() + LogRecord(attributes={"k": "2"}).SerializeToString()


@st.composite
def batches(draw: st.DrawFn) -> bytes:
    found = draw(st.lists(draw(st.sampled_from([PLAIN, PLAIN, RECORDS])), min_size=1, max_size=6))
    return LogBatch(batch_id=bytes(16), node="orders", records=found * draw(st.sampled_from([1, 20]))).SerializeToString()


@pytest.fixture(params=[1, 10**9], ids=["as a block", "as rows"], autouse=True, scope="module")
def threshold(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "_BLOCK_RECORDS", request.param)
        yield


@given(batches(), st.frozensets(st.integers(0, 40), max_size=4))
def test_what_is_shown_are_the_rows(raw: bytes, refused: frozenset[int]) -> None:
    rows = rows_of(raw, ORIGIN)
    indexes = [index for index in range(len(rows)) if index not in refused]
    found = read_columns(raw, ORIGIN, refused)
    native, seed = render_native(found, b",", b"\n"), render_seed(found, b",", b"")
    assert json.loads(b"[%b]" % b"".join(native.pieces)[1:]) == [record_of_row(rows, index) for index in indexes]
    assert json.loads(b"[%b]" % b"".join(seed.pieces)[1:]) == [seed_record_of_row(rows, index) for index in indexes]
    assert list(native.indexes) == indexes
    assert native.times_us.tolist() == [rows.times_us[index] for index in indexes]
    assert found.levels() == Counter(rows.levels[index] for index in indexes)


@pytest.mark.fuzz
@fuzzing.examples(250)
@given(odd_batches.batches(START_NS))
def test_whatever_is_accepted_is_shown_as_its_rows(raw: bytes) -> None:
    try:
        check_batch(raw, Limits())
    except Rejected:
        return
    rows = rows_of(raw, ORIGIN)
    (carried,) = unframe(Packer(1).frame(raw))
    batch = LiveBatch(number=ORIGIN.number, received_unix_nano=START_NS, floor_unix_nano=ORIGIN.floor_unix_nano)
    batch = LiveBatch.FromString(batch.SerializeToString() + b"".join(carried.live_parts()))
    decoded = Decoder().decode(read_entry(batch.SerializeToString()))
    decoded.lowered()
    native, seed = decoded.rendered(NativeFraming()), decoded.rendered(SeedFraming())
    every = range(len(rows))
    lines = NativeFraming().logs(native.pieces, None).split(b"\n")
    assert {line[:6] for line in lines} == {b"event:", b"data: ", b""}
    data = b"\n".join(line[6:] for line in lines if line.startswith(b"data: "))
    assert json.loads(data) == [record_of_row(rows, index) for index in every]
    events = b"".join(seed.pieces)
    # A record is a line, whatever it says.
    assert (events.count(b"\n"), events.count(b"\r")) == (2 * len(rows), 0)
    shown = [json.loads(event.removeprefix(b"data: ")) for event in events.split(b"\n\n") if event]
    assert shown == [seed_record_of_row(rows, index) for index in every]


def test_a_key_that_a_record_repeats_is_shown_once() -> None:
    head = LogBatch(batch_id=bytes(16), node="orders").SerializeToString()
    found = read_columns(head + b"\x1a" + bytes([len(REPEATED)]) + REPEATED, ORIGIN, frozenset())
    assert b'"attributes":{"k":"2"}}' in b"".join(render_native(found, b",", b"\n").pieces)


@pytest.mark.parametrize("raw", [b"\x0a\xff", b"\x12\x01o\x1a\x02\x22\x05", b"\x12\x01\xff\x1a\x03\x22\x01m"])
def test_what_is_no_batch_is_undecodable(raw: bytes) -> None:
    with pytest.raises(Undecodable):
        read_columns(raw, ORIGIN, frozenset())


def test_a_batch_without_records_has_none() -> None:
    found = read_columns(LogBatch(batch_id=bytes(16), node="orders").SerializeToString(), ORIGIN, frozenset())
    assert (len(found), render_native(found, b",", b"\n").pieces, found.levels()) == (0, [], {})
