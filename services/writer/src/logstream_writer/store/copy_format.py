"""Rows in PostgreSQL's binary COPY format. Pure.

Source: PostgreSQL documentation, COPY, "Binary Format": a header, then each row as a field count and each field as its
length and bytes; timestamps are microseconds since 2000-01-01, jsonb is a version byte and the text.
"""

import struct
from collections.abc import Iterable, Sequence

import orjson
from logstream_contract.rows import SEQUENCE_INDEX_BITS, Rows

COLUMNS = "time, sequence, severity, level, node, message, attributes"
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

_POSTGRES_EPOCH_US = 946_684_800_000_000
_JSONB_VERSION = b"\x01"
_NULL = b"\xff\xff\xff\xff"

_head = struct.Struct(">hiqiqih").pack  # field count, then time, sequence and severity with their lengths
_length = struct.Struct(">i").pack


def encode(rows: Rows, indexes: Sequence[int] | None = None) -> bytes:
    """The rows, or those at the given indexes, without header and trailer."""
    node = _text(rows.node)
    # Few levels occur in a batch: level and node are encoded once for each.
    level_and_node = {level: _text(level) + node for level in set(rows.levels)}
    base = rows.number << SEQUENCE_INDEX_BITS
    columns: Iterable[tuple[int, int, int, str, str, dict[str, str] | None]] = zip(
        range(len(rows)), rows.times_us, rows.severities, rows.levels, rows.messages, rows.attributes, strict=True
    )
    if indexes is not None:
        kept = set(indexes)
        columns = [row for row in columns if row[0] in kept]
    return b"".join(
        [
            _head(7, 8, time - _POSTGRES_EPOCH_US, 8, base | index, 2, severity)
            + level_and_node[level]
            + _length(len(encoded := message.encode()))
            + encoded
            + (_NULL if attributes is None else _jsonb(attributes))
            for index, time, severity, level, message, attributes in columns
        ]
    )


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _length(len(encoded)) + encoded


def _jsonb(attributes: dict[str, str]) -> bytes:
    encoded = orjson.dumps(attributes)
    return _length(len(encoded) + 1) + _JSONB_VERSION + encoded
