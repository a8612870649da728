"""What a replay of a dead letter stores, depending on its reason and on what the operator allows. Pure."""

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
    """What the operator allows. as_new: store under another id and sequence if the original ones are not available. times:
    the ones that a spread batch is stored under."""

    retention_nanos: int
    as_new: bool = False
    times: Times | None = None


class NotReplayable(Exception):
    """The dead letter is not replayed. The text says why, and what to do."""


class UnknownDeadLetter(NotReplayable):
    """There is no such dead letter."""

    def __init__(self) -> None:
        super().__init__("there is no such dead letter; it may have been replayed or deleted")


@dataclass(frozen=True, slots=True)
class PlannedRecord:
    """A refused record. Its row belongs to a stored batch, at this index."""

    rows: Rows
    index: int


@dataclass(frozen=True, slots=True)
class PlannedBatches:
    """Batches to be flushed. parts: flushed instead if the dead letter's own batch is not in the inbox."""

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
                    f"batch_id {letter.batch_id} is stored with other bytes; --as-new stores this batch under another id"
                )
            return as_new(letter, choices)
        if letter.reason == DeadLetterReason.SPREAD:
            return _spread(letter, choices)
        return PlannedBatches(read(letter, choices.retention_nanos))
    except Undecodable as error:
        raise NotReplayable(f"it can't be decoded: {error}") from error


def as_new(letter: DeadLetter, choices: Choices) -> PlannedBatches:
    """The dead letter's batch under an id derived from its bytes: the same bytes always get the same id. Raises
    Undecodable."""
    inbound = read(letter, choices.retention_nanos, maxsize)
    for batch in inbound.batches:
        batch.batch_id = derived_id(letter)
    return PlannedBatches(inbound)


def derived_id(letter: DeadLetter, part: int = 0) -> uuid.UUID:
    """The id of what a replay of this dead letter stores. Source: RFC 9562, section 5.8 (UUIDv8)."""
    named = hashlib.blake2b(b"replayed\0%d\0" % part + letter.digest, digest_size=_UUID_BYTES).digest()
    value = int.from_bytes(named, "big") & ~(0xF << 76 | 0b11 << 62)
    return uuid.UUID(int=value | 8 << 76 | 0b10 << 62)


def _refused_record(letter: DeadLetter, choices: Choices) -> PlannedRecord:
    if letter.sequence is None or letter.received_us is None:
        raise NotReplayable("it has no sequence or no receive time; every refused record has both")
    received = letter.received_us * _NANOS_A_MICRO
    number, index = split_sequence(letter.sequence)
    rows = rows_of(letter.body, Origin(number, received, received - choices.retention_nanos))
    if len(rows) != 1:
        raise NotReplayable(f"it contains {len(rows)} records, expected only the refused one")
    return PlannedRecord(rows, index)


def _spread(letter: DeadLetter, choices: Choices) -> PlannedBatches:
    if choices.times is None:
        raise NotReplayable(
            f"{letter.detail}; --times own stores them under their own times, --times received under the receive time"
        )
    if choices.times == "received":
        # With this retention all earlier times are too old, and are replaced by the receive time.
        return PlannedBatches(read(letter, 0))
    inbound = read(letter, choices.retention_nanos, maxsize)
    return (
        PlannedBatches(inbound, _by_day(letter, inbound.batches[0], choices)) if inbound.batches else PlannedBatches(inbound)
    )


def _by_day(letter: DeadLetter, whole: InboundBatch, choices: Choices) -> Inbound:
    """One batch per day: searches would look through the whole time span of a single one again and again. The first batch
    keeps the id and the digest, so that the original batch is known if it comes again."""
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
        # From the dead letter, not from the encoded part: the encoding may change.
        part_batch.digest = _digest(letter.digest, part) if part else whole.digest
    return inbound


def _digest(name: bytes, part: int) -> bytes:
    return hashlib.blake2b(name + b"\0%d" % part, digest_size=DIGEST_BYTES).digest()
