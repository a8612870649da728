"""Stored batches as the writer hands them over, by the broker or by Redis. It must not look into the records: most batches
are never shown to anybody."""

from dataclasses import dataclass

from google.protobuf.message import DecodeError
from logstream_contract.batches import Undecodable
from logstream_contract.pb.transport_pb2 import LiveBatch, LiveBatches


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """One committed batch; raw is its logstream.v1.LogBatch."""

    number: int
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
    return StoredBatch(batch.number, batch.received_unix_nano, batch.floor_unix_nano, batch.batch, frozenset(batch.refused))
