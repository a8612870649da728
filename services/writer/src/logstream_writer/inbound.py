"""From messages to what one flush stores: batches with their rows, and what can't be stored as such. Pure."""

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from logstream_contract.batch_id import BATCH_ID_BYTES
from logstream_contract.batches import ATTRIBUTES_TAG, Undecodable, parse_batch, unframe
from logstream_contract.pb.logs_pb2 import LogBatch
from logstream_contract.rows import Origin, Rows, rows_of_batch

from logstream_writer.delivery import Delivery

DIGEST_BYTES = 16
CHUNK_US = 86_400 * 1_000_000
# Each chunk a transaction writes to costs locks; a batch of records strewn wider than this is not stored as rows.
MAX_CHUNKS = 64

Key = tuple[str, uuid.UUID]


@dataclass(slots=True)
class InboundBatch:
    """A batch that is to be stored; rows have the number 0 until the inbox gave one."""

    project: str
    batch_id: uuid.UUID
    raw: bytes
    digest: bytes
    received_unix_nano: int
    floor_unix_nano: int
    redelivered: bool
    rows: Rows

    @property
    def key(self) -> Key:
        return self.project, self.batch_id


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What is kept in place of rows. reason: undecodable, conflict, spread, refused or parked."""

    project: str
    reason: str
    detail: str
    body: bytes
    received_unix_nano: int | None
    batch_id: uuid.UUID | None = None
    sequence: int | None = None

    @property
    def digest(self) -> bytes:
        """Names this entry, so that a redelivery does not add it again."""
        named = f"{self.project}\0{self.reason}\0{self.batch_id}\0{self.sequence}\0".encode()
        return hashlib.blake2b(named + self.body, digest_size=DIGEST_BYTES).digest()


@dataclass(slots=True)
class Inbound:
    batches: list[InboundBatch] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    duplicates: int = 0  # of batches within these deliveries


def decode(deliveries: Iterable[Delivery], retention_nanos: int) -> Inbound:
    """Decodes the batches of all deliveries, each batch id once."""
    inbound = Inbound()
    seen: dict[Key, InboundBatch] = {}
    for delivery in deliveries:
        received = delivery.received_unix_nano
        if received is None:
            inbound.dead_letters.append(_undecodable(delivery, delivery.body, "no header `received`"))
            continue
        try:
            raws = unframe(delivery.body)
        except Undecodable as error:
            inbound.dead_letters.append(_undecodable(delivery, delivery.body, str(error)))
            continue
        for raw in raws:
            try:
                batch = _decode_batch(raw, delivery, received, received - retention_nanos)
            except Undecodable as error:
                inbound.dead_letters.append(_undecodable(delivery, raw, str(error)))
                continue
            earlier = seen.setdefault(batch.key, batch)
            if earlier is not batch:
                earlier.redelivered |= batch.redelivered
                if earlier.digest == batch.digest:
                    inbound.duplicates += 1
                else:
                    inbound.dead_letters.append(conflict(batch))
            elif _chunks(batch.rows) > MAX_CHUNKS:
                inbound.dead_letters.append(_spread(batch))
            else:
                inbound.batches.append(batch)
    return inbound


def park(delivery: Delivery) -> DeadLetter:
    """The whole message, as it came."""
    detail = f"delivered {delivery.suspicion} times before without being stored"
    return DeadLetter(delivery.project, "parked", detail, delivery.body, delivery.received_unix_nano)


def conflict(batch: InboundBatch) -> DeadLetter:
    """A batch whose id is taken by other bytes."""
    detail = f"batch_id {batch.batch_id} is stored already with other bytes"
    return DeadLetter(batch.project, "conflict", detail, batch.raw, batch.received_unix_nano, batch.batch_id)


def refused(batch: InboundBatch, index: int, detail: str) -> DeadLetter:
    """One record that the database refused, as a batch of its own that keeps id and node."""
    whole = parse_batch(batch.raw)
    alone = LogBatch(batch_id=whole.batch_id, node=whole.node, records=[whole.records[index]])
    return DeadLetter(
        batch.project,
        "refused",
        detail,
        alone.SerializeToString(),
        batch.received_unix_nano,
        batch.batch_id,
        batch.rows.sequence(index),
    )


def _decode_batch(raw: bytes, delivery: Delivery, received: int, floor: int) -> InboundBatch:
    batch = parse_batch(raw)
    if len(batch.batch_id) != BATCH_ID_BYTES:
        raise Undecodable(f"batch_id: {len(batch.batch_id)} bytes, expected {BATCH_ID_BYTES}")
    if not batch.records:
        raise Undecodable("a batch without records")
    return InboundBatch(
        delivery.project,
        uuid.UUID(bytes=batch.batch_id),
        raw,
        hashlib.blake2b(raw, digest_size=DIGEST_BYTES).digest(),
        received,
        floor,
        delivery.redelivered,
        rows_of_batch(batch, Origin(0, received, floor), has_attributes=ATTRIBUTES_TAG in raw),
    )


def _undecodable(delivery: Delivery, body: bytes, detail: str) -> DeadLetter:
    return DeadLetter(delivery.project, "undecodable", detail, body, delivery.received_unix_nano)


def _spread(batch: InboundBatch) -> DeadLetter:
    detail = f"its records lie in {_chunks(batch.rows)} days, expected at most {MAX_CHUNKS}"
    return DeadLetter(batch.project, "spread", detail, batch.raw, batch.received_unix_nano, batch.batch_id)


def _chunks(rows: Rows) -> int:
    if (max(rows.times_us) - min(rows.times_us)) // CHUNK_US < MAX_CHUNKS - 1:
        return 1
    return len({time // CHUNK_US for time in rows.times_us})
