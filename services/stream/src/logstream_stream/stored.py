"""Stored batches as the writer hands them over, by the broker or by Redis. It must not look into the records: most batches
are never shown to anybody."""

from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError
from logstream_contract.batches import Undecodable, parse_batch
from logstream_contract.live_window import batch_name
from logstream_contract.pb.transport_pb2 import LiveBatch, LiveBatches

# Tag and length of LogBatch.batch_id, field 1 with 16 bytes.
_ID_FIRST: Final = b"\x0a\x10"


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """One committed batch; raw is its logstream.v1.LogBatch."""

    number: int
    # What the window knows it by: the number alone is given again by a database that was restored from a backup.
    name: str
    received_ns: int
    floor_ns: int
    raw: bytes
    refused: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the fanout: batches with their positions in this epoch; position 0 or epoch "" means unnumbered."""

    epoch: str
    batches: list[tuple[int, StoredBatch]]


def read_message(body: bytes) -> Message:
    """Reads the body of a message on the fanout. Raises Undecodable."""
    try:
        found = LiveBatches.FromString(body)
    except DecodeError as error:
        raise Undecodable(f"not a logstream.internal.v1.LiveBatches: {error}") from error
    return Message(found.epoch, [(batch.position, _stored(batch)) for batch in found.batches])


def read_entry(body: bytes) -> StoredBatch:
    """Reads the batch of a window entry. Raises Undecodable."""
    try:
        return _stored(LiveBatch.FromString(body))
    except DecodeError as error:
        raise Undecodable(f"not a logstream.internal.v1.LiveBatch: {error}") from error


def _stored(batch: LiveBatch) -> StoredBatch:
    # Each look at a field of bytes copies it.
    number, raw = batch.number, batch.batch
    return StoredBatch(
        number, name_of(number, raw), batch.received_unix_nano, batch.floor_unix_nano, raw, frozenset(batch.refused)
    )


def name_of(number: int, raw: bytes) -> str:
    """The name of the batch with this number and these bytes, whose id is their first field unless a sender is odd."""
    batch_id = raw[2:18] if raw.startswith(_ID_FIRST) else _id_inside(raw)
    return batch_name(number, batch_id)


def _id_inside(raw: bytes) -> bytes:
    try:
        return parse_batch(raw).batch_id
    except Undecodable:
        return b""
