"""Stored batches as writers pass them on, through the broker or Redis. It must not decode records: most batches are never
shown to anybody."""

from dataclasses import dataclass

from google.protobuf.message import DecodeError
from logstream_contract.wire.batches import Undecodable
from logstream_contract.wire.live_window import batch_name
from logstream_contract.wire.packing import unpack, unpacked_batch_bytes
from logstream_contract.wire.pb.transport_pb2 import LiveBatch, LiveBatches

from logstream_stream.arriving.loss_detector import Count


# Not kw_only: naming the arguments makes reading a message an eighth slower.
@dataclass(frozen=True, slots=True)
class StoredBatch:
    """One committed batch."""

    number: int
    # Its name in the window. The number alone is not unique: a database that is restored from a backup gives it again.
    name: str
    received_ns: int
    floor_ns: int
    data: bytes
    refused: frozenset[int] = frozenset()
    packed: bool = False

    @property
    def raw(self) -> bytes:
        """Its logstream.v1.LogBatch. Raises Undecodable."""
        return unpack(self.data) if self.packed else self.data

    @property
    def raw_bytes(self) -> int:
        """The length of `raw`, as the packed form declares it. Nothing is unpacked."""
        return unpacked_batch_bytes(self.data) if self.packed else len(self.data)


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the fanout: batches with their positions in this epoch. Position 0 or epoch "": unnumbered."""

    epoch: str
    batches: list[tuple[int, StoredBatch]]
    # That of the writer that sent it; None: the message has none.
    count: Count | None = None


def read_message(body: bytes) -> Message:
    """Reads the body of a message on the fanout. Raises Undecodable."""
    try:
        message = LiveBatches.FromString(body)
    except DecodeError as error:
        raise Undecodable(f"not a logstream.internal.v1.LiveBatches: {error}") from error
    batches = [(batch.position, _stored(batch)) for batch in message.batches]
    count = None
    if message.HasField("count"):
        count = Count(message.count.writer, message.count.messages, message.count.unnumbered)
    return Message(message.epoch, batches, count)


def read_entry(body: bytes) -> StoredBatch:
    """Reads the batch of a window entry. Raises Undecodable."""
    try:
        return _stored(LiveBatch.FromString(body))
    except DecodeError as error:
        raise Undecodable(f"not a logstream.internal.v1.LiveBatch: {error}") from error


def _stored(batch: LiveBatch) -> StoredBatch:
    # Each access to a bytes field copies it.
    number, data = batch.number, batch.packed_batch
    packed = bool(data)
    if not packed:
        data = batch.batch
    return StoredBatch(
        number,
        batch_name(number, batch.batch_id),
        batch.received_unix_nano,
        batch.floor_unix_nano,
        data,
        frozenset(batch.refused),
        packed,
    )
