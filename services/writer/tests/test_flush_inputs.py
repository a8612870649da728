"""What a flush is made of, before any database sees it: gatherings, decoded batches, COPY bytes, counts."""

import hashlib
import struct
import tracemalloc
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from logstream_contract.rows.columns import Block, Source, read_block
from logstream_contract.rows.rows import Origin, rows_of
from logstream_contract.wire.batches import split_batch
from logstream_contract.wire.packing import Carried, Packer, unframe, unpacked_bytes
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord, Severity
from logstream_writer import inbound
from logstream_writer.delivery import Delivery
from logstream_writer.gathering import PARKED_AFTER, Gathering, split
from logstream_writer.inbound import MAX_CHUNKS, decode, park, refused
from logstream_writer.store.copy_format import encode, encode_block
from logstream_writer.store.counts import CountKey, add_counts

RECEIVED = 1_700_000_000_000_000_000
DAY = 86_400 * 1_000_000_000


def raw(batch_id: int, *messages: str, node: str = "orders") -> bytes:
    records = [LogRecord(message=message, level="info") for message in messages]
    return LogBatch(batch_id=uuid.UUID(int=batch_id).bytes, node=node, records=records).SerializeToString()


def delivery(*raws: bytes, again: bool = False, received: int | None = RECEIVED, body: bytes | None = None) -> Delivery:
    framed = b"".join(Packer(1).frame(encoded) for encoded in raws) if body is None else body
    return Delivery(
        tag=1, channel_number=1, body=framed, received_unix_nano=received, records=1, project="default", redelivered=again
    )


def test_suspected_messages_are_flushed_one_by_one_after_all_others() -> None:
    encoded = [delivery(body=b"%d" % number, again=True) for number in range(7)]
    suspected = {encoded[1].name: 2, encoded[2].name: 0, encoded[4].name: PARKED_AFTER, encoded[5].name: 1}
    gatherings = split(encoded, suspected)
    assert gatherings == [
        Gathering([encoded[0], encoded[3], encoded[6]]),
        Gathering([encoded[4]], PARKED_AFTER),
        Gathering([encoded[2]], 0),
        Gathering([encoded[5]], 1),
        Gathering([encoded[1]], 2),
    ]
    assert [gathering.parked for gathering in gatherings] == [False, True, False, False, False]
    assert split(encoded, {}) == [Gathering(encoded)]
    assert split(encoded[1:2], suspected) == [Gathering(encoded[1:2], 2)]


def test_a_message_has_the_same_name_whenever_it_comes() -> None:
    message = delivery(raw(1, "a" * 5_000))
    assert message.name == replace(message, tag=7, channel_number=3, redelivered=True).name
    others = [replace(message, received_unix_nano=RECEIVED + 1), replace(message, body=message.body[:-1] + b"!")]
    assert message.name not in [other.name for other in others]


def test_batches_of_all_deliveries_are_decoded_once_each() -> None:
    encoded, two = raw(1, "a", "b"), raw(2, "c")
    decoded = decode([delivery(encoded, two), delivery(encoded, again=True)], DAY)
    assert [(batch.batch_id.int, batch.rows().messages) for batch in decoded.batches] == [(1, ["a", "b"]), (2, ["c"])]
    assert decoded.batches[0].digest == hashlib.blake2b(encoded, digest_size=16).digest()
    assert [batch.redelivered for batch in decoded.batches] == [True, False]
    assert (decoded.duplicates, decoded.dead_letters) == (1, [])


def test_a_known_id_with_other_bytes_is_a_conflict() -> None:
    decoded = decode([delivery(raw(1, "a"), raw(1, "other"))], DAY)
    assert [batch.rows().messages for batch in decoded.batches] == [["a"]]
    (letter,) = decoded.dead_letters
    assert (letter.reason, letter.body) == ("conflict", raw(1, "other"))


def test_what_cannot_be_decoded_is_kept_and_the_rest_is_stored() -> None:
    empty = LogBatch(batch_id=bytes(16), node="n").SerializeToString()
    decoded = decode(
        [delivery(b"\x0a\xff", raw(1, "a"), empty), delivery(body=b"junk"), delivery(raw(2, "b"), received=None)], DAY
    )
    assert [batch.batch_id.int for batch in decoded.batches] == [1]
    assert [(letter.reason, letter.body) for letter in decoded.dead_letters] == [
        ("undecodable", b"\x0a\xff"),
        ("undecodable", empty),
        ("undecodable", b"junk"),
        ("undecodable", Packer(1).frame(raw(2, "b"))),
    ]


class Unforeseen(Exception):
    """Its text is none that a database takes."""

    def __str__(self) -> str:
        return "\0 and \ud800 " + "long " * 1_000


def test_whatever_goes_wrong_with_one_batch_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def picky(data: bytes, *rest: Any) -> Any:
        if b"poison" in data:
            raise Unforeseen
        return real[step](data, *rest)

    # NUL, so that its rows are made one by one.
    poison, good = raw(2, "poison \0"), raw(1, "a\0")
    real: dict[str, Any] = {"rows_of": rows_of, "split_batch": split_batch}
    for step in real:
        with monkeypatch.context() as patch:
            patch.setattr(inbound, step, picky)
            decoded = decode([delivery(good, poison, raw(3, "b")), delivery(raw(4, "c"))], DAY)
        assert [batch.batch_id.int for batch in decoded.batches] == [1, 3, 4]
        (letter,) = decoded.dead_letters
        assert (letter.reason, letter.body) == ("failed", Packer(0).frame(poison))
        assert letter.detail.startswith("Unforeseen: \N{REPLACEMENT CHARACTER} and ? long")
        assert len(letter.detail) == 1_000


def test_a_message_that_can_not_be_taken_apart_is_kept_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def picky(body: bytes) -> Sequence[Carried]:
        if body == b"poison":
            raise Unforeseen
        return unframe(body)

    monkeypatch.setattr(inbound, "unframe", picky)
    decoded = decode([delivery(raw(1, "a")), delivery(body=b"poison")], DAY)
    assert [batch.batch_id.int for batch in decoded.batches] == [1]
    assert [(letter.reason, letter.body) for letter in decoded.dead_letters] == [("failed", b"poison")]


def test_a_batch_that_breaks_the_reading_of_columns_is_read_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def picky(sources: Sequence[Source]) -> Block:
        if any(b"poison" in record for source in sources for record in source.records):
            raise Unforeseen
        return read_block(sources)

    monkeypatch.setattr(inbound, "read_block", picky)
    messages = ["a", "b", "poison", "c", "d", "e", "poison, too"]
    decoded = decode([delivery(*[raw(number, message) for number, message in enumerate(messages)])], DAY)
    assert decoded.dead_letters == []
    assert [batch.rows().messages for batch in decoded.batches] == [[message] for message in messages]
    assert [batch.block_index for batch in decoded.batches] == [0, 1, None, 2, 3, 4, None]
    assert decoded.block.messages == [b"a", b"b", b"c", b"d", b"e"]
    assert (decoded.column_error or "").startswith("Unforeseen")


def test_no_memory_is_nobody_s_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def starved(*_: object) -> None:
        raise MemoryError

    for step in ("rows_of", "unframe", "split_batch", "read_block"):
        with monkeypatch.context() as patch:
            patch.setattr(inbound, step, starved)
            with pytest.raises(MemoryError):
                decode([delivery(raw(1, "\0"))], DAY)


def test_a_batch_strewn_over_too_many_days_is_not_stored_as_rows() -> None:
    def strewn(days: int) -> bytes:
        records = [LogRecord(time_unix_nano=RECEIVED - day * DAY) for day in range(days)]
        return LogBatch(batch_id=uuid.UUID(int=days).bytes, node="n", records=records).SerializeToString()

    decoded = decode([delivery(strewn(MAX_CHUNKS), strewn(MAX_CHUNKS + 1))], 400 * DAY)
    assert [batch.records for batch in decoded.batches] == [MAX_CHUNKS]
    assert [letter.reason for letter in decoded.dead_letters] == ["spread"]


def test_dead_letters_are_named_by_what_they_are() -> None:
    message = delivery(raw(1, "a"), again=True)
    assert park(message, 3).digest == park(message, 3).digest
    assert (park(message, 3).reason, park(message, 3).body) == ("parked", message.body)
    (batch,) = decode([delivery(raw(1, "a", "b"))], DAY).batches
    batch.number = 5
    letter = refused(batch, 1, "no")
    assert LogBatch.FromString(letter.body).records[0].message == "b"
    assert (letter.sequence, letter.batch_id) == (5 << 16 | 1, uuid.UUID(int=1))
    assert letter.digest != refused(batch, 0, "no").digest


def test_as_large_as_it_is_once_unpacked() -> None:
    zeros, encoded = raw(1, "0" * 1_000_000), raw(2, "a")
    assert unpacked_bytes(Packer(0).frame(zeros)) == len(Packer(0).frame(zeros))
    both = Packer(1).frame(zeros) + Packer(1).frame(encoded)
    assert len(zeros) + len(encoded) <= unpacked_bytes(both) <= len(zeros) + len(both)
    for strange in (b"", b"\x0a", b"\x0a\xff", b"\x0a" + b"\xff" * 20, b"\x12\x03abc", b"\x12" + b"\xff" * 20, b"junk"):
        assert unpacked_bytes(strange) == len(strange)


def test_many_nodes_with_a_level_each_take_what_they_hold() -> None:
    count = 4_000
    sources = [raw(number, "m", node=f"node {number}") for number in range(count)]
    sources = [encoded.replace(b"info", b"i%03x" % number) for number, encoded in enumerate(sources)]
    decoded = decode([delivery(*sources)], DAY)
    tracemalloc.start()
    pieces = list(encode_block(decoded.block, range(count)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000, "a pair of every node and every level would be 16,000,000 of them"
    assert b"".join(pieces) == b"".join(
        encode(replace(batch.rows(), number=number)) for number, batch in enumerate(decoded.batches)
    )


def test_rows_in_binary_copy_format() -> None:
    record = LogRecord(time_unix_nano=RECEIVED, level="warn", message="é", attributes={"k": "v"})
    rows = rows_of(
        LogBatch(node="n", records=[record, LogRecord(message="plain")]).SerializeToString(), Origin(3, RECEIVED, 0)
    )
    time = struct.pack(">iq", 8, RECEIVED // 1000 - 946_684_800_000_000)
    first = (
        b"\0\x07" + b"\0\0\0\x0a\x01" + b'{"k":"v"}' + b"\0\0\0\x04warn" + b"\0\0\0\x01n"
        + time + struct.pack(">iqih", 8, 3 << 16, 2, 13) + b"\0\0\0\x02\xc3\xa9"
    )  # fmt: skip
    second = (
        b"\0\x07" + b"\xff\xff\xff\xff" + b"\0\0\0\0" + b"\0\0\0\x01n"
        + time + struct.pack(">iqih", 8, 3 << 16 | 1, 2, 0) + b"\0\0\0\x05plain"
    )  # fmt: skip
    assert encode(rows) == first + second
    assert encode(rows, [1]) == second


def test_counts_by_minute_node_level_and_severity() -> None:
    minute = RECEIVED // 1000 // 60_000_000 * 60_000_000
    counts: Counter[CountKey] = Counter()
    records = [LogRecord(level="info"), LogRecord(level="warn"), LogRecord(level="info", severity=Severity.SEVERITY_WARN)]
    same = rows_of(LogBatch(node="a", records=records).SerializeToString(), Origin(1, RECEIVED, 0))
    add_counts(counts, same)
    records[0].time_unix_nano = RECEIVED - 60_000_000_000
    apart = rows_of(LogBatch(node="b", records=records).SerializeToString(), Origin(1, RECEIVED, 0))
    add_counts(counts, apart, without=[2])
    assert {key: count for key, count in counts.items() if count} == {
        (minute, "a", "info", 9): 1,
        (minute, "a", "info", 13): 1,
        (minute, "a", "warn", 13): 1,
        (minute - 60_000_000, "b", "info", 9): 1,
        (minute, "b", "warn", 13): 1,
    }
