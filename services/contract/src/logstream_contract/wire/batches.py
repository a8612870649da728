"""Bytes of batches: checked against the limits, framed for the queue and read back. A good batch is parsed to check it and
never encoded again, and rejection is a function of the bytes and the limits alone, so that a retry is judged the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from google.protobuf.message import DecodeError, Message

from logstream_contract.units import MIB
from logstream_contract.wire.batch_id import BATCH_ID_BYTES
from logstream_contract.wire.pb.transport_pb2 import FlatBatch, RawBatch

# The gateway rejects a longer node; writer and stream cut one, so a smaller limit would also cut what waits in the queue.
MAX_NODE_BYTES: Final = 255
# Limits of a batch, unless a setting says otherwise, and the largest size that any setting allows.
DEFAULT_BATCH_RECORDS: Final = 5_000
DEFAULT_BATCH_BYTES: Final = 4 * MIB
MOST_BATCH_BYTES: Final = 64 * MIB
# A row's sequence keeps 16 bits for the index in its batch; no setting may exceed this.
MAX_RECORDS_OF_SEQUENCE: Final = 65_536
# Fields of a later release may come and are kept. Unknown fields that nobody sees must not become a burden.
MAX_UNKNOWN_BYTES: Final = 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What a batch may hold, at most. What a record may hold is no setting: see logstream_contract.rows.rows."""

    batch_records: int = DEFAULT_BATCH_RECORDS
    batch_bytes: int = DEFAULT_BATCH_BYTES


class RejectionReason(StrEnum):
    """Why a batch or request is rejected: the limit it breaks. A label's value in metrics, so a member is never renamed."""

    UNDECODABLE = "undecodable"
    NODE = "node"
    BATCH_ID = "batch_id"
    BATCH_RECORDS = "batch_records"
    BATCH_BYTES = "batch_bytes"
    UNKNOWN_FIELDS = "unknown_fields"
    REQUEST_BYTES = "request_bytes"
    MEDIA_TYPE = "media_type"
    ORIGIN = "origin"


class Rejected(ValueError):
    """A batch that exceeds a limit. `reason` is the label of a counter; the text names field, value and limit."""

    def __init__(self, reason: RejectionReason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class Undecodable(ValueError):
    """Bytes that are not the message they should be."""


def split_batch(raw: bytes) -> RawBatch:
    """Decodes one LogBatch but for its records. Raises Undecodable."""
    try:
        return RawBatch.FromString(raw)
    except DecodeError as error:
        raise Undecodable(f"not a logstream.v1.LogBatch: {error}") from error


def check_batch(raw: bytes, limits: Limits) -> RawBatch:
    """Checks one LogBatch against the limits. Its records are then known to be decodable, and stay encoded. Raises Rejected.

    Texts of a record need not be UTF-8, nor within the limits of a record: logstream_contract.rows.rows mends them.
    """
    if len(raw) > limits.batch_bytes:
        raise Rejected(RejectionReason.BATCH_BYTES, f"batch: {len(raw)} bytes, expected at most {limits.batch_bytes}")
    try:
        flat = FlatBatch.FromString(raw)
    except DecodeError as error:
        raise Rejected(RejectionReason.UNDECODABLE, f"batch: not a logstream.v1.LogBatch: {error}") from error
    try:
        batch = split_batch(raw)
    except Undecodable as error:
        # The node is all that is looked at more closely here.
        raise Rejected(
            RejectionReason.NODE, f"node: not valid UTF-8, expected 1 to {MAX_NODE_BYTES} bytes of UTF-8"
        ) from error
    if len(batch.batch_id) != BATCH_ID_BYTES:
        raise Rejected(
            RejectionReason.BATCH_ID, f"batch_id: {len(batch.batch_id)} bytes, expected {BATCH_ID_BYTES} (a UUIDv7)"
        )
    check_node(batch.node)
    records = len(batch.records)
    if not 1 <= records <= limits.batch_records:
        raise Rejected(
            RejectionReason.BATCH_RECORDS, f"records: {records} in the batch, expected 1 to {limits.batch_records}"
        )
    # All of it is mostly less than this, its unknown fields included.
    if flat.ByteSize() > MAX_UNKNOWN_BYTES and (unknown := _unknown_bytes(flat)) > MAX_UNKNOWN_BYTES:
        raise Rejected(
            RejectionReason.UNKNOWN_FIELDS, f"batch: {unknown} bytes of unknown fields, expected at most {MAX_UNKNOWN_BYTES}"
        )
    return batch


def check_node(node: str) -> None:
    """Raises Rejected unless node is 1 to 255 bytes of UTF-8."""
    if not node:
        raise Rejected(
            RejectionReason.NODE, f"node: empty, expected 1 to {MAX_NODE_BYTES} bytes: the name of the service that logs"
        )
    if len(node) > MAX_NODE_BYTES or len(node.encode()) > MAX_NODE_BYTES:
        raise Rejected(RejectionReason.NODE, f"node: {len(node.encode())} bytes, expected 1 to {MAX_NODE_BYTES}")


def unknown_in_attributes(raw: bytes) -> bool:
    """Whether an attribute of a batch that can be decoded has unknown fields beside key and value."""
    attribute = FlatBatch.FromString(raw).records.attributes
    attribute.ClearField("key")
    attribute.ClearField("value")
    return attribute.ByteSize() > 0


def _unknown_bytes(flat: FlatBatch) -> int:
    """Of the whole batch, wherever they are. They are gone afterwards."""
    record = flat.records
    # From within: what is gone there makes the outer ones shorter, which must not count again.
    return sum(map(_own_unknown_bytes, (record.attributes, record, flat)))


def _own_unknown_bytes(message: Message) -> int:
    before = message.ByteSize()
    message.DiscardUnknownFields()
    return before - message.ByteSize()


def frame_parts(field: int, parts: Sequence[bytes]) -> list[bytes]:
    """A length-delimited field of this number (1 to 15) that holds the joined parts, as pieces to be joined.
    Source: Protocol Buffers encoding, "Length-Delimited Records"."""
    return [bytes([field << 3 | 2]) + _varint(sum(map(len, parts))), *parts]


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
