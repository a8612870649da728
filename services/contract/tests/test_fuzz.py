"""Whatever bytes come: they are refused by name, or they are rows, the same rows whichever way they are read."""

import json
from collections import Counter

import numpy as np
import orjson
import pytest
from google.protobuf.message import DecodeError
from harness import fuzzing, odd_batches
from hypothesis import given
from logstream_contract.rows import rows
from logstream_contract.rows.columns import Source, read_block
from logstream_contract.rows.records import record_of_row, seed_record_of_row
from logstream_contract.rows.rows import REASON_OF_MARK, Origin, Rows, rows_of
from logstream_contract.wire.batches import Limits, Rejected, Undecodable, check_batch, split_batch
from logstream_contract.wire.packing import Packer, unframe
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord

NOW = 1_700_000_000_000_000_000
ORIGIN = Origin(7, NOW, NOW - 30 * 86_400 * 10**9)
FINE = LogBatch(batch_id=bytes(16), node="fine", records=[LogRecord(message="m", attributes={"k": "v"})]).SerializeToString()
REFUSALS = {"undecodable", "node", "batch_id", "batch_records", "batch_bytes", "unknown_fields"}

pytestmark = pytest.mark.fuzz


def accepted(raw: bytes) -> bool:
    reason = None
    try:
        check_batch(raw, Limits())
    except Rejected as error:
        reason = error.reason
    assert reason in {None, *REFUSALS}
    return reason is None


def sizes(attributes: dict[str, str]) -> list[tuple[int, int]]:
    return [(len(key.encode()), len(value.encode())) for key, value in attributes.items()]


def demand_limits(result: Rows) -> None:
    assert 1 <= len(result.node.encode()) <= 255
    assert all(0 <= severity <= 24 for severity in result.severities)
    assert all(len(level.encode()) <= 255 for level in result.levels)
    assert all(len(message.encode()) <= 65_536 for message in result.messages)
    for time_us in result.times_us:
        assert ORIGIN.floor_unix_nano // 1_000 <= time_us <= (NOW + 600 * 10**9) // 1_000
    for attributes in result.attributes:
        if attributes is None:
            continue
        assert attributes
        ours = {key for key in attributes if key.startswith("logstream.")}
        assert ours <= set(REASON_OF_MARK), "a key of ours that is not ours"
        senders = sizes({key: value for key, value in attributes.items() if key not in ours})
        assert len(senders) <= 64
        assert all(1 <= key <= 255 and value <= 65_536 for key, value in senders)
        assert sum(map(sum, senders)) <= 256 * 1024
        numbers = ours - {rows.ORIGINAL_TIMESTAMP}
        assert all(int(attributes[mark]) > 0 for mark in numbers)


def demand_counts(rows: Rows) -> None:
    """What is counted is what the marks say."""
    marks = [{REASON_OF_MARK[key] for key in attributes or () if key in REASON_OF_MARK} for attributes in rows.attributes]
    assert rows.mended == Counter(reason for of_one in marks for reason in of_one)


def demand_json(rows: Rows) -> None:
    for index in range(len(rows)):
        record = record_of_row(rows, index)
        encoded = orjson.dumps(record)
        assert json.loads(encoded) == record
        assert b"\\u0000" not in encoded.replace(b"\\\\", b"")
        assert json.loads(orjson.dumps(seed_record_of_row(rows, index)))["message"] == record["message"]


@fuzzing.examples(700)
@given(odd_batches.batches(NOW))
def test_every_accepted_batch_gives_rows_within_the_limits(raw: bytes) -> None:
    if not accepted(raw):
        return
    (carried,) = unframe(Packer(1).frame(raw))
    assert carried.raw() == raw
    result = rows_of(raw, ORIGIN)
    assert len(result) == len(split_batch(raw).records) >= 1
    demand_limits(result)
    demand_counts(result)
    demand_json(result)


@fuzzing.examples(700)
@given(odd_batches.batches(NOW))
def test_columns_are_these_rows_or_nothing(raw: bytes) -> None:
    if not accepted(raw):
        return
    split = [split_batch(encoded) for encoded in (FINE, raw, FINE)]
    block = read_block([Source(batch.node, list(batch.records), ORIGIN) for batch in split])
    assert block.plain[::2] == [True, True], "a batch harms its neighbours"
    result = rows_of(raw, ORIGIN)
    if not block.plain[1]:
        return
    at = slice(int(block.firsts[1]), int(block.firsts[2]))
    assert not result.mended
    assert block.nodes[1] == result.node
    assert block.times_us[at].tolist() == result.times_us
    assert (block.from_us[1], block.to_us[1]) == (min(result.times_us), max(result.times_us))
    kinds = [block.level_kinds[kind] for kind in block.kinds[at]]
    assert kinds == list(zip(result.severities, result.levels, strict=True))
    assert [message.decode() for message in block.messages[at]] == result.messages
    members = block.attributes[at] if block.attributes else [b""] * len(result)
    assert [json.loads(b"{%b}" % member) for member in members] == [attributes or {} for attributes in result.attributes]
    assert all(np.diff(block.firsts) > 0)


class _Loose:
    """Stands for LogBatch, and decodes nothing."""

    @staticmethod
    def FromString(raw: bytes) -> LogBatch:  # noqa: N802 it is that of protobuf
        raise DecodeError("it is read loosely")


@fuzzing.examples(400)
@given(odd_batches.batches(NOW))
def test_texts_read_as_bytes_are_the_same_rows(raw: bytes) -> None:
    def read() -> Rows | str:
        try:
            return rows_of(raw, ORIGIN)
        except Undecodable:
            return "undecodable"

    strictly = read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "LogBatch", _Loose)
        assert read() == strictly


@fuzzing.examples(200)
@given(odd_batches.batches(NOW))
def test_what_is_refused_is_the_same_each_time_and_what_is_accepted_gives_the_same_rows(raw: bytes) -> None:
    assert accepted(raw) == accepted(raw)
    if accepted(raw):
        assert rows_of(raw, ORIGIN) == rows_of(raw, ORIGIN)


def test_the_bytes_that_are_tried_are_of_every_kind() -> None:
    outcomes: Counter[str] = Counter()
    for raw in fuzzing.sample(odd_batches.batches(NOW), 1_000):
        if accepted(raw):
            mended = rows_of(raw, ORIGIN).mended
            outcomes.update(["accepted", "read as columns" if plain(raw) else "read as rows", *mended])
        else:
            outcomes["refused"] += 1
    print(outcomes)
    assert set(outcomes) == {"accepted", "refused", "read as columns", "read as rows", *REASON_OF_MARK.values()}


def plain(raw: bytes) -> bool:
    batch = split_batch(raw)
    return read_block([Source(batch.node, list(batch.records), ORIGIN)]).plain[0]
