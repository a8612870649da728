"""From messages to what one flush stores: batches with their rows, and what can't be stored as such. Pure."""

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from logstream_contract.rows.columns import Block, Source, read_block
from logstream_contract.rows.rows import SEQUENCE_INDEX_BITS, Origin, Rows, rows_of
from logstream_contract.wire.batch_id import BATCH_ID_BYTES
from logstream_contract.wire.batches import Undecodable, split_batch
from logstream_contract.wire.packing import Carried, framed, unframe
from logstream_contract.wire.pb.transport_pb2 import RawBatch

from logstream_writer.delivery import Delivery
from logstream_writer.failures import described

DIGEST_BYTES = 16
CHUNK_US = 86_400 * 1_000_000
# Each chunk a transaction writes to costs locks; a batch of records strewn wider than this is not stored as rows.
MAX_CHUNKS = 64

Key = tuple[str, uuid.UUID]


@dataclass(slots=True)
class InboundBatch:
    """A batch that is to be stored. Its rows are in the block of its Inbound, at `place`; without one they are made here."""

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
    place: int | None = None
    mended: Mapping[str, int] = field(default_factory=dict)  # how many records, by why; see logstream_contract.rows.rows
    number: int = 0  # until the inbox gives one

    @property
    def key(self) -> Key:
        return self.project, self.batch_id

    def rows(self) -> Rows:
        """The rows one by one: dear, and able to hold whatever a record may hold."""
        return rows_of(self.raw, Origin(self.number, self.received_unix_nano, self.floor_unix_nano))


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What is kept in place of rows. reason: undecodable, conflict, spread, refused, failed or parked."""

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
    block: Block = field(default_factory=lambda: read_block([]))
    column_error: str | None = None  # why not all batches could be read as columns at once


@dataclass(frozen=True, slots=True)
class _Found:
    """A batch whose records are not read yet."""

    delivery: Delivery
    carried: Carried
    raw: bytes
    batch_id: bytes
    source: Source


def decode(deliveries: Iterable[Delivery], retention_nanos: int, max_chunks: int = MAX_CHUNKS) -> Inbound:
    """Decodes the batches of all deliveries, each batch id once. What goes wrong with one makes it a dead letter."""
    inbound = Inbound()
    found = list(_find(deliveries, retention_nanos, inbound.dead_letters))
    places = _read_columns(found, inbound)
    seen: dict[Key, InboundBatch] = {}
    for one, place in zip(found, places, strict=True):
        try:
            batch, days = _read(one, inbound.block, place)
        except Undecodable as error:
            inbound.dead_letters.append(_undecodable(one.delivery, one.raw, str(error)))
            continue
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 of one batch, whatever it is
            batch_id = uuid.UUID(bytes=one.batch_id)
            inbound.dead_letters.append(_failed(one.delivery, framed(one.carried), error, batch_id))
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


def park(delivery: Delivery, died_alone: int) -> DeadLetter:
    """The whole message, as it came."""
    detail = f"{died_alone} writers died while they flushed this message alone"
    return DeadLetter(delivery.project, "parked", detail, delivery.body, delivery.received_unix_nano)


def failed(batch: InboundBatch, error: Exception) -> DeadLetter:
    """A batch whose processing raised an error that nobody expected, as a message of its own."""
    body = framed(batch.carried)
    return DeadLetter(batch.project, "failed", described(error), body, batch.received_unix_nano, batch.batch_id)


def conflict(batch: InboundBatch) -> DeadLetter:
    """A batch whose id is taken by other bytes."""
    detail = f"batch_id {batch.batch_id} is stored already with other bytes"
    return DeadLetter(batch.project, "conflict", detail, batch.raw, batch.received_unix_nano, batch.batch_id)


def refused(batch: InboundBatch, index: int, detail: str) -> DeadLetter:
    """One record that the database refused, as a batch of its own that keeps id and node."""
    whole = split_batch(batch.raw)
    alone = RawBatch(batch_id=whole.batch_id, node=whole.node, records=[whole.records[index]])
    return DeadLetter(
        batch.project,
        "refused",
        detail,
        alone.SerializeToString(),
        batch.received_unix_nano,
        batch.batch_id,
        batch.number << SEQUENCE_INDEX_BITS | index,
    )


def _find(deliveries: Iterable[Delivery], retention_nanos: int, dead_letters: list[DeadLetter]) -> Iterator[_Found]:
    """The batches of all deliveries; what is none becomes a dead letter."""
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
                yield _Found(delivery, carried, raw, batch.batch_id, Source(batch.node, batch.records, origin))


def _read_columns(found: Sequence[_Found], inbound: Inbound) -> list[int | None]:
    """Reads the block; for each batch its place there. One that breaks the reading of all has none: its rows are made one
    by one, which may fare better."""
    try:
        inbound.block = read_block([one.source for one in found])
        return list(range(len(found)))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 whatever it is, most batches have no part in it
        inbound.column_error = described(error)
    kept = _readable(range(len(found)), found)
    try:
        inbound.block = read_block([found[index].source for index in kept])
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 each could be read by itself, but not all together
        kept = []
    places: list[int | None] = [None] * len(found)
    for place, index in enumerate(kept):
        places[index] = place
    return places


def _readable(indexes: Sequence[int], found: Sequence[_Found]) -> list[int]:
    """Those of the batches that can be read as columns, found by halving."""
    try:
        read_block([found[index].source for index in indexes])
        return list(indexes)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 its cause is looked for
        middle = len(indexes) // 2
        return [*_readable(indexes[:middle], found), *_readable(indexes[middle:], found)] if middle else []


def _read(found: _Found, block: Block, place: int | None) -> tuple[InboundBatch, int]:
    """The batch, and in how many days its records lie, if that may be too many. Raises Undecodable."""
    origin = found.source.origin
    times_us: Sequence[int] | None = None
    mended: Mapping[str, int] = {}
    if place is not None and block.plain[place]:
        from_us, to_us = block.from_us[place], block.to_us[place]
    else:
        rows = rows_of(found.raw, origin)
        place, times_us, mended = None, rows.times_us, rows.mended
        from_us, to_us = min(times_us), max(times_us)
    batch = InboundBatch(
        found.delivery.project,
        uuid.UUID(bytes=found.batch_id),
        found.raw,
        found.carried,
        hashlib.blake2b(found.raw, digest_size=DIGEST_BYTES).digest(),
        origin.received_unix_nano,
        origin.floor_unix_nano,
        found.delivery.redelivered,
        len(found.source.records),
        from_us,
        to_us,
        place,
        mended,
    )
    if (to_us - from_us) // CHUNK_US < MAX_CHUNKS - 1:
        return batch, 1
    return batch, len({time // CHUNK_US for time in times_us or batch.rows().times_us})


def _failed(delivery: Delivery, body: bytes, error: Exception, batch_id: uuid.UUID | None = None) -> DeadLetter:
    return DeadLetter(delivery.project, "failed", described(error), body, delivery.received_unix_nano, batch_id)


def _undecodable(delivery: Delivery, body: bytes, detail: str) -> DeadLetter:
    return DeadLetter(delivery.project, "undecodable", detail, body, delivery.received_unix_nano)


def _spread(batch: InboundBatch, days: int) -> DeadLetter:
    detail = f"its records lie in {days} days, expected at most {MAX_CHUNKS}"
    return DeadLetter(batch.project, "spread", detail, batch.raw, batch.received_unix_nano, batch.batch_id)
