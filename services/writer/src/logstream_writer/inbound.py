"""From messages to what one flush stores: batches with their rows, and new dead letters. Pure."""

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from logstream_contract.rows.columns import Block, Source, read_block
from logstream_contract.rows.rows import SEQUENCE_INDEX_BITS, MendReason, Origin, Rows, rows_of
from logstream_contract.wire.batch_id import BATCH_ID_BYTES
from logstream_contract.wire.batches import Undecodable, split_batch
from logstream_contract.wire.packing import Carried, framed, unframe
from logstream_contract.wire.pb.transport_pb2 import RawBatch

from logstream_writer.dead_letter_reasons import DeadLetterReason
from logstream_writer.delivery import Delivery
from logstream_writer.failures import described

DIGEST_BYTES = 16
CHUNK_US = 86_400 * 1_000_000
# Each chunk a transaction writes to costs locks; a batch whose records are spread over more chunks is not stored as rows.
MAX_CHUNKS = 64

Key = tuple[str, uuid.UUID]


@dataclass(slots=True, kw_only=True)
class InboundBatch:
    """A batch that is to be stored. Its rows are in the block of its Inbound, at `block_index`; if that is None,
    they are made here."""

    project: str
    batch_id: uuid.UUID
    raw: bytes
    carried: Carried  # the same, as it came and goes on
    digest: bytes
    received_unix_nano: int
    floor_unix_nano: int
    redelivered: bool
    records: int
    from_us: int  # earliest and latest record time
    to_us: int
    block_index: int | None = None
    mended: Mapping[MendReason, int] = field(default_factory=dict)  # the number of mended records by reason
    number: int = 0  # until the inbox gives one

    @property
    def key(self) -> Key:
        return self.project, self.batch_id

    def rows(self) -> Rows:
        """The rows one by one: expensive, but able to hold everything that a record may hold."""
        return rows_of(self.raw, Origin(self.number, self.received_unix_nano, self.floor_unix_nano))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDeadLetter:
    """What is kept instead of rows."""

    project: str
    reason: DeadLetterReason
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


@dataclass(slots=True, kw_only=True)
class Inbound:
    """What one flush is to store."""

    batches: list[InboundBatch] = field(default_factory=list)
    dead_letters: list[NewDeadLetter] = field(default_factory=list)
    duplicates: int = 0  # of batches within these deliveries
    block: Block = field(default_factory=lambda: read_block([]))
    column_error: str | None = None  # why not all batches could be read as columns at once


@dataclass(frozen=True, slots=True, kw_only=True)
class _UnreadBatch:
    """A batch whose records are not read yet."""

    delivery: Delivery
    carried: Carried
    raw: bytes
    batch_id: bytes
    source: Source


def decode(deliveries: Iterable[Delivery], retention_nanos: int, max_chunks: int = MAX_CHUNKS) -> Inbound:
    """Decodes the batches of all deliveries, each batch id once. A batch that causes an error becomes a dead letter."""
    inbound = Inbound()
    unread_batches = list(_unpack(deliveries, retention_nanos, inbound.dead_letters))
    block_indexes = _read_columns(unread_batches, inbound)
    seen: dict[Key, InboundBatch] = {}
    for unread, block_index in zip(unread_batches, block_indexes, strict=True):
        try:
            batch, days = _read(unread, inbound.block, block_index)
        except Undecodable as error:
            inbound.dead_letters.append(_undecodable(unread.delivery, unread.raw, str(error)))
            continue
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 of one batch, whatever it is
            batch_id = uuid.UUID(bytes=unread.batch_id)
            inbound.dead_letters.append(_failed(unread.delivery, framed(unread.carried), error, batch_id))
            continue
        earlier = seen.setdefault(batch.key, batch)
        if earlier is not batch:
            earlier.redelivered |= batch.redelivered
            if earlier.digest == batch.digest:
                inbound.duplicates += 1
            else:
                inbound.dead_letters.append(conflict(batch))
        elif days > max_chunks:
            inbound.dead_letters.append(_spread(batch, days))
        else:
            inbound.batches.append(batch)
    return inbound


def park(delivery: Delivery, died_alone: int) -> NewDeadLetter:
    """The whole message, unchanged."""
    detail = f"{died_alone} writers died while they flushed this message alone"
    return _of_delivery(delivery, DeadLetterReason.PARKED, detail, delivery.body)


def failed(batch: InboundBatch, error: Exception) -> NewDeadLetter:
    """A batch whose processing raised an unexpected error, as a message of its own."""
    return _of_batch(batch, DeadLetterReason.FAILED, described(error), framed(batch.carried))


def conflict(batch: InboundBatch) -> NewDeadLetter:
    """A batch whose id is stored already with other bytes."""
    detail = f"batch_id {batch.batch_id} is stored already with other bytes"
    return _of_batch(batch, DeadLetterReason.CONFLICT, detail, batch.raw)


def refused(batch: InboundBatch, index: int, detail: str) -> NewDeadLetter:
    """One record that the database refused, as a batch of its own that keeps id and node."""
    whole = split_batch(batch.raw)
    alone = RawBatch(batch_id=whole.batch_id, node=whole.node, records=[whole.records[index]])
    sequence = batch.number << SEQUENCE_INDEX_BITS | index
    return replace(_of_batch(batch, DeadLetterReason.REFUSED, detail, alone.SerializeToString()), sequence=sequence)


def _unpack(
    deliveries: Iterable[Delivery], retention_nanos: int, dead_letters: list[NewDeadLetter]
) -> Iterator[_UnreadBatch]:
    """The batches of all deliveries. What is not a batch becomes a dead letter."""
    for delivery in deliveries:
        received = delivery.received_unix_nano
        if received is None:
            dead_letters.append(_undecodable(delivery, delivery.body, "no header `received`"))
            continue
        try:
            batches = unframe(delivery.body)
        except Undecodable as error:
            dead_letters.append(_undecodable(delivery, delivery.body, str(error)))
            continue
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 of one message, whatever it is
            dead_letters.append(_failed(delivery, delivery.body, error))
            continue
        origin = Origin(0, received, received - retention_nanos)
        for carried in batches:
            raw = carried.data
            try:
                raw = carried.raw()
                batch = split_batch(raw)
                if len(batch.batch_id) != BATCH_ID_BYTES:
                    raise Undecodable(f"batch_id: {len(batch.batch_id)} bytes, expected {BATCH_ID_BYTES}")
                if not batch.records:
                    raise Undecodable("a batch without records")
            except Undecodable as error:
                dead_letters.append(_undecodable(delivery, raw, str(error)))
            except MemoryError:
                raise
            except Exception as error:  # noqa: BLE001 of one batch, whatever it is
                dead_letters.append(_failed(delivery, framed(carried), error))
            else:
                yield _UnreadBatch(
                    delivery=delivery,
                    carried=carried,
                    raw=raw,
                    batch_id=batch.batch_id,
                    source=Source(batch.node, batch.records, origin),
                )


def _read_columns(batches: Sequence[_UnreadBatch], inbound: Inbound) -> list[int | None]:
    """Reads the block. Returns the index of each batch in it; None for a batch that makes the reading of all fail: its rows
    are made one by one, which may succeed."""
    try:
        inbound.block = read_block([batch.source for batch in batches])
        return list(range(len(batches)))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 whatever it is, most batches have no part in it
        inbound.column_error = described(error)
    readable = _readable(range(len(batches)), batches)
    try:
        inbound.block = read_block([batches[index].source for index in readable])
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 each could be read by itself, but not all together
        readable = []
    block_indexes: list[int | None] = [None] * len(batches)
    for block_index, index in enumerate(readable):
        block_indexes[index] = block_index
    return block_indexes


def _readable(indexes: Sequence[int], batches: Sequence[_UnreadBatch]) -> list[int]:
    """Those of the batches that can be read as columns, found by halving."""
    try:
        read_block([batches[index].source for index in indexes])
        return list(indexes)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 its cause is looked for
        middle = len(indexes) // 2
        return [*_readable(indexes[:middle], batches), *_readable(indexes[middle:], batches)] if middle else []


def _read(unread: _UnreadBatch, block: Block, block_index: int | None) -> tuple[InboundBatch, int]:
    """The batch, and in how many days its records lie, if that may be too many. Raises Undecodable."""
    origin = unread.source.origin
    times_us: Sequence[int] | None = None
    mended: Mapping[MendReason, int] = {}
    if block_index is not None and block.plain[block_index]:
        from_us, to_us = block.from_us[block_index], block.to_us[block_index]
    else:
        rows = rows_of(unread.raw, origin)
        block_index, times_us, mended = None, rows.times_us, rows.mended
        from_us, to_us = min(times_us), max(times_us)
    batch = InboundBatch(
        project=unread.delivery.project,
        batch_id=uuid.UUID(bytes=unread.batch_id),
        raw=unread.raw,
        carried=unread.carried,
        digest=hashlib.blake2b(unread.raw, digest_size=DIGEST_BYTES).digest(),
        received_unix_nano=origin.received_unix_nano,
        floor_unix_nano=origin.floor_unix_nano,
        redelivered=unread.delivery.redelivered,
        records=len(unread.source.records),
        from_us=from_us,
        to_us=to_us,
        block_index=block_index,
        mended=mended,
    )
    if (to_us - from_us) // CHUNK_US < MAX_CHUNKS - 1:
        return batch, 1
    return batch, len({time // CHUNK_US for time in times_us or batch.rows().times_us})


def _failed(delivery: Delivery, body: bytes, error: Exception, batch_id: uuid.UUID | None = None) -> NewDeadLetter:
    return replace(_of_delivery(delivery, DeadLetterReason.FAILED, described(error), body), batch_id=batch_id)


def _undecodable(delivery: Delivery, body: bytes, detail: str) -> NewDeadLetter:
    return _of_delivery(delivery, DeadLetterReason.UNDECODABLE, detail, body)


def _spread(batch: InboundBatch, days: int) -> NewDeadLetter:
    detail = f"its records are from {days} days, expected at most {MAX_CHUNKS}"
    return _of_batch(batch, DeadLetterReason.SPREAD, detail, batch.raw)


def _of_delivery(delivery: Delivery, reason: DeadLetterReason, detail: str, body: bytes) -> NewDeadLetter:
    return NewDeadLetter(
        project=delivery.project,
        reason=reason,
        detail=detail,
        body=body,
        received_unix_nano=delivery.received_unix_nano,
    )


def _of_batch(batch: InboundBatch, reason: DeadLetterReason, detail: str, body: bytes) -> NewDeadLetter:
    return NewDeadLetter(
        project=batch.project,
        reason=reason,
        detail=detail,
        body=body,
        received_unix_nano=batch.received_unix_nano,
        batch_id=batch.batch_id,
    )
