"""Batches for tests."""

from collections.abc import Sequence

from logstream_contract.wire.batch_id import BATCH_ID_BYTES
from logstream_contract.wire.live_window import batch_name
from logstream_contract.wire.packing import Packer, unframe
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord
from logstream_contract.wire.pb.transport_pb2 import LiveBatch
from logstream_stream.arriving.stored import StoredBatch

# 2024-08-06T18:51:32Z
START_NS = 1_722_970_292_000_000_000


def raw_batch(messages: Sequence[str], *, node: str = "orders", level: str = "info", time_ns: int = START_NS) -> bytes:
    """A LogBatch with a record for each message, all at one time."""
    records = [LogRecord(time_unix_nano=time_ns, level=level, message=message) for message in messages]
    return LogBatch(batch_id=bytes(BATCH_ID_BYTES), node=node, records=records).SerializeToString()


def name_of(number: int) -> str:
    """What the window knows the batch with this number by."""
    return batch_name(number, bytes(BATCH_ID_BYTES))


def stored(number: int, records: int = 2, received_ns: int = START_NS, refused: Sequence[int] = ()) -> StoredBatch:
    """A batch whose messages are `<number>/<index>`."""
    raw = raw_batch([f"{number}/{index}" for index in range(records)], time_ns=received_ns)
    return StoredBatch(
        number=number,
        name=name_of(number),
        received_ns=received_ns,
        floor_ns=received_ns - 86_400 * 10**9,
        data=raw,
        refused=frozenset(refused),
    )


def bad_batch(number: int, received_ns: int = START_NS) -> StoredBatch:
    """A batch that nobody can decode."""
    return StoredBatch(
        number=number, name=name_of(number), received_ns=received_ns, floor_ns=received_ns - 86_400 * 10**9, data=b"\xff"
    )


def live_batch(batch: StoredBatch, position: int = 0) -> LiveBatch:
    """As the writer announces it, packed where that pays."""
    (carried,) = unframe(Packer(1).frame(batch.raw))
    return LiveBatch(
        position=position,
        number=batch.number,
        received_unix_nano=batch.received_ns,
        floor_unix_nano=batch.floor_ns,
        project="default",
        batch=b"" if carried.packed else carried.data,
        packed_batch=carried.data if carried.packed else b"",
        batch_id=bytes(BATCH_ID_BYTES),
        refused=sorted(batch.refused),
    )


def messages_of(batch: StoredBatch) -> list[str]:
    """Of a bad batch none."""
    if batch.raw == b"\xff":
        return []
    return [record.message for record in LogBatch.FromString(batch.raw).records]
