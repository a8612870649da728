"""Bytes of batches: checked against the limits, framed for the queue and read back. A good batch is parsed to check it and
never encoded again, and rejection is a function of the bytes and the limits alone, so that a retry is judged the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from google.protobuf.message import DecodeError

from logstream_contract.batch_id import BATCH_ID_BYTES
from logstream_contract.pb.logs_pb2 import LogBatch
from logstream_contract.pb.transport_pb2 import RawBatch

MAX_NODE_BYTES: Final = 255
# A row's sequence keeps 16 bits for the index in its batch; no setting may exceed this.
MAX_RECORDS_OF_SEQUENCE: Final = 65_536

# First bytes of the tag of LogRecord.attributes (field 5, length-delimited) as a varint, as short as possible or longer.
_ATTRIBUTES_TAG_STARTS: Final = (b"\x2a", b"\xaa")

_attributes = attrgetter("attributes")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a batch may hold, at most."""

    batch_records: int = 5_000
    batch_bytes: int = 4 * 1024 * 1024
    record_attributes: int = 64


class Rejected(ValueError):
    """A batch past a limit. `reason` is a short word for a counter's label; the text names field, value and limit."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class Undecodable(ValueError):
    """Bytes that are not the message they should be."""


def parse_batch(raw: bytes) -> LogBatch:
    """Decodes one LogBatch. Raises Undecodable."""
    try:
        return LogBatch.FromString(raw)
    except DecodeError as error:
        raise Undecodable(f"not a logstream.v1.LogBatch: {error}") from error


def split_batch(raw: bytes) -> RawBatch:
    """Decodes one LogBatch but for its records. Raises Undecodable."""
    try:
        return RawBatch.FromString(raw)
    except DecodeError as error:
        raise Undecodable(f"not a logstream.v1.LogBatch: {error}") from error


def check_batch(raw: bytes, limits: Limits) -> LogBatch:
    """Decodes one LogBatch and holds it against the limits. Raises Rejected."""
    if len(raw) > limits.batch_bytes:
        raise Rejected("batch_bytes", f"batch: {len(raw)} bytes, expected at most {limits.batch_bytes}")
    try:
        batch = parse_batch(raw)
    except Undecodable as error:
        raise Rejected("undecodable", f"batch: {error}") from error
    if len(batch.batch_id) != BATCH_ID_BYTES:
        raise Rejected("batch_id", f"batch_id: {len(batch.batch_id)} bytes, expected {BATCH_ID_BYTES} (a UUIDv7)")
    check_node(batch.node)
    records = batch.records
    if not 1 <= len(records) <= limits.batch_records:
        raise Rejected("batch_records", f"records: {len(records)} in the batch, expected 1 to {limits.batch_records}")
    if _occurrences_pass(raw, limits.record_attributes):
        _check_attributes(records, limits)
    return batch


def check_node(node: str) -> None:
    """Raises Rejected unless node is 1 to 255 bytes of UTF-8."""
    if not node:
        raise Rejected("node", f"node: empty, expected 1 to {MAX_NODE_BYTES} bytes: the name of the service that logs")
    if len(node) > MAX_NODE_BYTES or len(node.encode()) > MAX_NODE_BYTES:
        raise Rejected("node", f"node: {len(node.encode())} bytes, expected 1 to {MAX_NODE_BYTES}")


def _occurrences_pass(raw: bytes, limit: int) -> bool:
    """Whether the batch may hold a record with more attributes than this; False is a proof that none does.

    Each attribute begins with its tag, 42 as a varint: the byte 0x2a, or, in a longer encoding than needed, which parsers
    take, one that begins with 0xaa. So no record holds more attributes than the batch holds such bytes. By chance a batch
    of 1,000 records with times holds about 40 of them, and looking at each record costs five times as much as the parse.
    """
    left = limit
    for byte in _ATTRIBUTES_TAG_STARTS:
        at = raw.find(byte)
        while at >= 0:
            if not left:
                return True
            left -= 1
            at = raw.find(byte, at + 1)
    return False


def _check_attributes(records: Sequence[object], limits: Limits) -> None:
    counts = list(map(len, map(_attributes, records)))
    most = max(counts)
    if most > limits.record_attributes:
        raise Rejected(
            "record_attributes",
            f"records[{counts.index(most)}].attributes: {most}, expected at most {limits.record_attributes}",
        )


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
