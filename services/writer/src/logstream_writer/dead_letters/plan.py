"""What a replay of a letter is to store, by its reason and by what the operator allows. Pure."""

import hashlib
import uuid
from collections import defaultdict
from dataclasses import dataclass
from sys import maxsize
from typing import Final, Literal

from logstream_contract.rows.rows import Origin, Rows, rows_of
from logstream_contract.wire.batches import Undecodable, split_batch
from logstream_contract.wire.packing import Packer
from logstream_contract.wire.pb.transport_pb2 import RawBatch

from logstream_writer.dead_letter_reasons import DeadLetterReason
from logstream_writer.dead_letters.dead_letter import DeadLetter, read, split_sequence
from logstream_writer.delivery import undelivered
from logstream_writer.inbound import CHUNK_US, DIGEST_BYTES, Inbound, InboundBatch, decode

_NANOS_A_MICRO: Final = 1_000
_UUID_BYTES: Final = 16

Times = Literal["own", "received"]


@dataclass(frozen=True, slots=True)
class Choices:
    """What the operator allows. as_new: another id and sequence, where a letter can't have its own. times: which ones a
    spread batch is stored under."""

    retention_nanos: int
    as_new: bool = False
    times: Times | None = None


class NotReplayable(Exception):
    """The letter is not replayed; the text says why, and what to do."""


class UnknownDeadLetter(NotReplayable):
    """There is no letter to be replayed."""

    def __init__(self) -> None:
        super().__init__("there is no such letter; it may have been replayed or deleted")


@dataclass(frozen=True, slots=True)
class PlannedRecord:
    """A refused record: its row belongs to a batch that is stored, at this index."""

    rows: Rows
    index: int


@dataclass(frozen=True, slots=True)
class PlannedBatches:
    """Batches to be flushed. parts: instead, unless the letter's own batch is in the inbox."""

    inbound: Inbound
    parts: Inbound | None = None


def plan(letter: DeadLetter, choices: Choices) -> PlannedRecord | PlannedBatches:
    """Raises NotReplayable."""
    try:
        if letter.reason == DeadLetterReason.REFUSED:
            return _refused_record(letter, choices)
        if letter.reason == DeadLetterReason.CONFLICT:
            if not choices.as_new:
                raise NotReplayable(
                    f"batch_id {letter.batch_id} is stored with other bytes; --as-new stores these under another id"
                )
            return as_new(letter, choices)
        if letter.reason == DeadLetterReason.SPREAD:
            return _spread(letter, choices)
        return PlannedBatches(read(letter, choices.retention_nanos))
    except Undecodable as error:
        raise NotReplayable(f"it can't be decoded: {error}") from error


def as_new(letter: DeadLetter, choices: Choices) -> PlannedBatches:
    """The letter's batch under an id made of its bytes: the same again whenever these bytes come. Raises Undecodable."""
    inbound = read(letter, choices.retention_nanos, maxsize)
    for batch in inbound.batches:
        batch.batch_id = derived_id(letter)
    return PlannedBatches(inbound)


def derived_id(letter: DeadLetter, part: int = 0) -> uuid.UUID:
    """Names what a replay of this letter stores. Source: RFC 9562, section 5.8 (UUIDv8)."""
    named = hashlib.blake2b(b"replayed\0%d\0" % part + letter.digest, digest_size=_UUID_BYTES).digest()
    value = int.from_bytes(named, "big") & ~(0xF << 76 | 0b11 << 62)
    return uuid.UUID(int=value | 8 << 76 | 0b10 << 62)


def _refused_record(letter: DeadLetter, choices: Choices) -> PlannedRecord:
    if letter.sequence is None or letter.received_us is None:
        raise NotReplayable("it has no sequence or no time of receipt, which every refused record has")
    received = letter.received_us * _NANOS_A_MICRO
    number, index = split_sequence(letter.sequence)
    rows = rows_of(letter.body, Origin(number, received, received - choices.retention_nanos))
    if len(rows) != 1:
        raise NotReplayable(f"it holds {len(rows)} records, expected the one that was refused")
    return PlannedRecord(rows, index)


def _spread(letter: DeadLetter, choices: Choices) -> PlannedBatches:
    if choices.times is None:
        raise NotReplayable(f"{letter.detail}; --times own stores them there, --times received under the time of receipt")
    if choices.times == "received":
        # All earlier times are older than the retention then, and become the time of receipt.
        return PlannedBatches(read(letter, 0))
    inbound = read(letter, choices.retention_nanos, maxsize)
    return (
        PlannedBatches(inbound, _by_day(letter, inbound.batches[0], choices)) if inbound.batches else PlannedBatches(inbound)
    )


def _by_day(letter: DeadLetter, whole: InboundBatch, choices: Choices) -> Inbound:
    """A batch a day, since one over all of them would have its whole time searched again and again. The first one keeps the
    id and the digest, so that the batch is known if it comes again."""
    batch = split_batch(whole.raw)
    days: defaultdict[int, list[int]] = defaultdict(list)
    for index, time_us in enumerate(whole.rows().times_us):
        days[time_us // CHUNK_US].append(index)
    packer = Packer(0)
    frames = []
    for part, day in enumerate(sorted(days)):
        batch_id = derived_id(letter, part) if part else whole.batch_id
        records = [batch.records[index] for index in days[day]]
        frames.append(packer.frame(RawBatch(batch_id=batch_id.bytes, node=batch.node, records=records).SerializeToString()))
    delivery = undelivered(b"".join(frames), whole.received_unix_nano, letter.project)
    inbound = decode([delivery], choices.retention_nanos)
    for part, part_batch in enumerate(inbound.batches):
        # Of the letter, not of the encoded part: how that is encoded is no promise.
        part_batch.digest = _digest(letter.digest, part) if part else whole.digest
    return inbound


def _digest(name: bytes, part: int) -> bytes:
    return hashlib.blake2b(name + b"\0%d" % part, digest_size=DIGEST_BYTES).digest()
