"""A dead letter, and what its bytes contain. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from logstream_contract.rows.rows import SEQUENCE_INDEX_BITS, Origin, Rows, rows_of
from logstream_contract.wire.batch_id import BATCH_ID_BYTES
from logstream_contract.wire.batches import Undecodable, frame_parts, split_batch
from logstream_contract.wire.packing import Packer, unframe
from logstream_contract.wire.pb.transport_pb2 import LogBatches

from logstream_writer.dead_letter_reasons import MESSAGE_REASONS, DeadLetterReason
from logstream_writer.delivery import undelivered
from logstream_writer.failures import described
from logstream_writer.inbound import MAX_CHUNKS, Inbound, decode

_NANOS_A_MICRO: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A row of dead_letters. Times are microseconds since the Unix epoch. received_us: when the gateway received it; None if
    it did not come from a gateway."""

    id: int
    digest: bytes
    project: str
    reason: str  # a DeadLetterReason, unless a later release put it there
    detail: str
    batch_id: UUID | None
    sequence: int | None
    received_us: int | None
    created_us: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters: these ids; or all, limited to a reason and an age if these are given."""

    ids: Sequence[int] | None = None
    reason: str | None = None
    since_s: float | None = None

    def parameters(self) -> dict[str, Any]:
        return {"ids": None if self.ids is None else list(self.ids), "reason": self.reason, "since_s": self.since_s}


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxEntry:
    """What the inbox knows about the batch of a dead letter. refused: indexes of records that are not stored."""

    number: int
    records: int
    received_us: int
    refused: Sequence[int]
    digest: bytes


@dataclass(frozen=True, slots=True)
class Contents:
    """A summary of a dead letter's bytes. problem: why they can't be read."""

    nodes: Sequence[str] = ()
    records: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class BatchRows:
    """A batch of a dead letter with its first rows, as they would be stored."""

    batch_id: str
    rows: Rows


def split_sequence(sequence: int) -> tuple[int, int]:
    """The number of the batch, and the index of the record in it."""
    return sequence >> SEQUENCE_INDEX_BITS, sequence & (1 << SEQUENCE_INDEX_BITS) - 1


def contents(reason: str, body: bytes) -> Contents:
    """Reads no more than necessary: records stay encoded. Raises nothing, whatever the bytes are."""
    try:
        batches = [split_batch(raw) for raw in raw_batches(reason, body)]
    except Undecodable as error:
        return Contents(problem=str(error))
    except Exception as error:  # noqa: BLE001 a dead letter can always be listed
        return Contents(problem=described(error))
    nodes = dict.fromkeys(batch.node for batch in batches)
    return Contents(list(nodes), sum(len(batch.records) for batch in batches))


def raw_batches(reason: str, body: bytes) -> Iterable[bytes]:
    """The encoded LogBatches of a dead letter. Raises Undecodable, at the latest while they are iterated."""
    if reason == DeadLetterReason.UNDECODABLE:
        raise Undecodable("not a batch")
    if reason in MESSAGE_REASONS:
        return [carried.raw() for carried in unframe(body)]
    return [body]


def first_rows(letter: DeadLetter, retention_nanos: int, most: int) -> list[BatchRows]:
    """At most this many records of a dead letter, as a replay would store them. Raises Undecodable."""
    received = (letter.received_us or letter.created_us) * _NANOS_A_MICRO
    batches = []
    for raw in raw_batches(letter.reason, letter.body):
        if not most:
            break
        batch = split_batch(raw)
        del batch.records[most:]
        rows = rows_of(batch.SerializeToString(), Origin(0, received, received - retention_nanos))
        most -= len(rows)
        batches.append(BatchRows(_written(batch.batch_id), rows))
    return batches


def read(letter: DeadLetter, retention_nanos: int, max_chunks: int = MAX_CHUNKS) -> Inbound:
    """What a flush would store if the dead letter were delivered now. Raises Undecodable if there is no batch in it."""
    if letter.received_us is None:
        raise Undecodable("the header `received` is missing, so the message did not come from a gateway")
    problem = ""
    for body in _messages(letter):
        delivery = undelivered(body, letter.received_us * _NANOS_A_MICRO, letter.project)
        inbound = decode([delivery], retention_nanos, max_chunks)
        unreadable = [
            dead_letter
            for dead_letter in inbound.dead_letters
            if dead_letter.reason in (DeadLetterReason.UNDECODABLE, DeadLetterReason.FAILED)
        ]
        problem = problem or "; ".join(dead_letter.detail for dead_letter in unreadable[:1])
        readable = inbound.batches or len(inbound.dead_letters) > len(unreadable)
        # Of a parked message the good batches are stored, as of any other message.
        if readable and not (unreadable and letter.reason == DeadLetterReason.UNDECODABLE):
            return inbound
    raise Undecodable(problem or "the message has no batches")


def _messages(letter: DeadLetter) -> Iterable[bytes]:
    """The dead letter as messages of the queue: a message as it is, a batch framed. Undecodable bytes may be either."""
    if letter.reason in (*MESSAGE_REASONS, DeadLetterReason.UNDECODABLE):
        yield letter.body
    if letter.reason not in MESSAGE_REASONS:
        yield Packer(0).frame(letter.body)
    if letter.reason == DeadLetterReason.UNDECODABLE:
        yield b"".join(frame_parts(LogBatches.PACKED_BATCHES_FIELD_NUMBER, [letter.body]))


def _written(batch_id: bytes) -> str:
    # Bytes of another length are no id. They are shown as they are.
    return str(UUID(bytes=batch_id)) if len(batch_id) == BATCH_ID_BYTES else batch_id.hex()
