"""Batches on their way: framed for the queue as their sender encoded them, or compressed. A log's texts repeat
themselves: compressed, a queue of the same size holds an outage three times as long, and a network carries a third.

Source: Zstandard, RFC 8878; its first level compresses logs to about a third at several hundred megabytes a second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import zstandard
from google.protobuf.message import DecodeError

from logstream_contract.wire.batches import MOST_BATCH_BYTES, Undecodable, frame_parts
from logstream_contract.wire.pb.transport_pb2 import LiveBatch, LogBatches

_BATCHES_TAG: Final = LogBatches.BATCHES_FIELD_NUMBER << 3 | 2
_PACKED_TAG: Final = LogBatches.PACKED_BATCHES_FIELD_NUMBER << 3 | 2
_FRAME_HEADER_BYTES: Final = 18
# Below this the saving is not worth the two steps.
_LEAST_BYTES: Final = 1024


@dataclass(frozen=True, slots=True)
class Carried:
    """A logstream.v1.LogBatch as it is carried."""

    data: bytes
    packed: bool = False

    def raw(self) -> bytes:
        """As its sender encoded it. Raises Undecodable."""
        return unpack(self.data) if self.packed else self.data

    def live_parts(self) -> list[bytes]:
        """The bytes of its field in a LiveBatch, in pieces."""
        field = LiveBatch.PACKED_BATCH_FIELD_NUMBER if self.packed else LiveBatch.BATCH_FIELD_NUMBER
        return frame_parts(field, [self.data])


def framed(carried: Carried) -> bytes:
    """A LogBatches body of this batch alone, as it is carried."""
    field = LogBatches.PACKED_BATCHES_FIELD_NUMBER if carried.packed else LogBatches.BATCHES_FIELD_NUMBER
    return b"".join(frame_parts(field, [carried.data]))


class Packer:
    """level: of Zstandard, 1 to 19; 0 compresses nothing. Not thread-safe."""

    def __init__(self, level: int) -> None:
        self._compressor = zstandard.ZstdCompressor(level=level) if level else None

    def frame(self, raw: bytes) -> bytes:
        """The bytes that add one encoded LogBatch to a LogBatches body; bodies are made by joining them."""
        if self._compressor and len(raw) >= _LEAST_BYTES:
            packed = self._compressor.compress(raw)
            if len(packed) < len(raw):
                return b"".join(frame_parts(LogBatches.PACKED_BATCHES_FIELD_NUMBER, [packed]))
        return b"".join(frame_parts(LogBatches.BATCHES_FIELD_NUMBER, [raw]))


def unframe(body: bytes) -> Sequence[Carried]:
    """The batches of a LogBatches body. Raises Undecodable."""
    try:
        message = LogBatches.FromString(body)
    except DecodeError as error:
        raise Undecodable(f"not a logstream.internal.v1.LogBatches: {error}") from error
    return [Carried(data) for data in message.batches] + [Carried(data, packed=True) for data in message.packed_batches]


def unpacked_bytes(body: bytes) -> int:
    """How many bytes the batches of a LogBatches body have once they are unpacked, by what they say of themselves; the
    body's own size if it does not say. Nothing is unpacked."""
    begin = _begin_of_only_field(body)
    try:
        if begin and body[0] == _BATCHES_TAG:
            return len(body)
        if begin and body[0] == _PACKED_TAG:
            sizes = [zstandard.frame_content_size(body[begin : begin + _FRAME_HEADER_BYTES])]
        else:
            sizes = [zstandard.frame_content_size(packed) for packed in LogBatches.FromString(body).packed_batches]
    except (DecodeError, zstandard.ZstdError):
        return len(body)
    # A batch that claims to be larger, or does not say how large it is, is never unpacked.
    return len(body) + sum(size for size in sizes if 0 <= size <= MOST_BATCH_BYTES)


def _begin_of_only_field(body: bytes) -> int:
    """Where the bytes of a body's length-delimited field begin, if it is one such field and nothing else; else 0."""
    size = shift = 0
    for at in range(1, min(len(body), 6)):
        size |= (body[at] & 0x7F) << shift
        if body[at] < 0x80:
            return at + 1 if at + 1 + size == len(body) else 0
        shift += 7
    return 0


def unpacked_batch_bytes(packed: bytes) -> int:
    """The unpacked size that a packed batch claims; its own length if it claims none or an implausible one."""
    try:
        size = zstandard.frame_content_size(packed)
    except zstandard.ZstdError:
        return len(packed)
    return size if 0 <= size <= MOST_BATCH_BYTES else len(packed)


def unpack(packed: bytes) -> bytes:
    """Raises Undecodable."""
    try:
        size = zstandard.frame_content_size(packed)
        if not 0 <= size <= MOST_BATCH_BYTES:
            raise Undecodable(f"a packed batch of {size} bytes, expected 0 to {MOST_BATCH_BYTES}")
        return zstandard.ZstdDecompressor().decompress(packed, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise Undecodable(f"not a packed batch: {error}") from error
