"""Rows in PostgreSQL's binary COPY format. Pure.

Source: PostgreSQL documentation, COPY, "Binary Format": a header, then each row as a field count and each field as its
length and bytes; timestamps are microseconds since 2000-01-01, jsonb is a version byte and the text.
"""

import struct
from collections.abc import Iterator, Sequence
from itertools import chain, islice

import numpy as np
import orjson
from logstream_contract.rows.columns import Block
from logstream_contract.rows.members import Ints
from logstream_contract.rows.rows import SEQUENCE_INDEX_BITS, Rows

# In this order a row is three pieces: what it shares with others, numbers of fixed size, and the message.
COLUMNS = "attributes, level, node, time, sequence, severity, message"
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

_POSTGRES_EPOCH_US = 946_684_800_000_000
# Rows encoded before they are sent: the server stores them while the next are being encoded.
_PIECE_ROWS = 2_500
_SINGLE_ROWS = 500
_JSONB_VERSION = b"\x01"
_NULL = b"\xff\xff\xff\xff"

_FIELDS = b"\0\7"
_fixed = struct.Struct(">iqiqih").pack  # time, sequence and severity with their lengths
# The same for many rows, and the length of the message that follows.
_FIXED = np.dtype(
    [("a", ">i4"), ("time", ">i8"), ("b", ">i4"), ("sequence", ">i8"), ("c", ">i4"), ("severity", ">i2"), ("d", ">i4")]
)
_length = struct.Struct(">i").pack


def encode(rows: Rows, indexes: Sequence[int] | None = None, first: int = 0) -> bytes:
    """The rows, or those at the given indexes, without header and trailer. first: index in its batch of the first row."""
    return b"".join(encode_rows(rows, indexes, first))


def encode_rows(rows: Rows, indexes: Sequence[int] | None = None, first: int = 0) -> Iterator[bytes]:
    """The same in pieces."""
    node = _text(rows.node)
    # Few levels occur in a batch: level and node are encoded once for each.
    level_and_node = {level: _text(level) + node for level in set(rows.levels)}
    base = rows.sequence(first)
    columns: Iterator[tuple[int, int, int, str, str, dict[str, str] | None]] = zip(
        range(len(rows)), rows.times_us, rows.severities, rows.levels, rows.messages, rows.attributes, strict=True
    )
    if indexes is not None:
        wanted_indexes = set(indexes)
        columns = (row for row in columns if row[0] in wanted_indexes)
    while piece := b"".join(
        [
            _FIELDS
            + (_NULL if attributes is None else _jsonb(orjson.dumps(attributes)))
            + level_and_node[level]
            + _fixed(8, time - _POSTGRES_EPOCH_US, 8, base + index, 2, severity)
            + _length(len(encoded := message.encode()))
            + encoded
            for index, time, severity, level, message, attributes in islice(columns, _SINGLE_ROWS)
        ]
    ):
        yield piece


def encode_block(block: Block, numbers: Sequence[int | None]) -> Iterator[bytes]:
    """The rows of the batches that have a number, in the order of their times, without header and trailer, in pieces.

    Rows that come in the order of the table's index are cheaper to store, and lie together where they are read together.
    """
    batch_numbers = np.array([-1 if number is None else number for number in numbers], np.int64)
    of_batch = np.repeat(np.arange(len(batch_numbers)), block.counts)
    order = np.argsort(block.times_us, kind="stable")
    order = order[batch_numbers[of_batch[order]] >= 0]
    levels = [_text(level) for _, level in block.level_kinds]
    severities = np.array([severity for severity, _ in block.level_kinds], np.int16)
    pairs, pair_of_row = _pairs(of_batch[order], block.kinds[order], len(block.nodes), len(levels))
    shared = [levels[kind] + _text(block.nodes[batch]) for batch, kind in pairs]
    heads = [_FIELDS + _NULL + pair for pair in shared]
    for at in range(0, len(order), _PIECE_ROWS):
        rows = order[at : at + _PIECE_ROWS]
        batches, kinds = of_batch[rows], block.kinds[rows]
        picked = rows.tolist()
        messages = [block.messages[row] for row in picked]
        which = pair_of_row[at : at + _PIECE_ROWS].tolist()
        if block.attributes:
            # The version byte and the braces are three bytes more.
            firsts = [
                _FIELDS + _length(len(members) + 3) + b"\1{" + members + b"}" + shared[pair] if members else heads[pair]
                for pair, members in zip(which, [block.attributes[row] for row in picked], strict=True)
            ]
        else:
            firsts = [heads[pair] for pair in which]
        fixed = np.empty(len(rows), _FIXED)
        fixed["a"] = fixed["b"] = 8
        fixed["c"] = 2
        fixed["time"] = block.times_us[rows] - _POSTGRES_EPOCH_US
        fixed["sequence"] = batch_numbers[batches] << SEQUENCE_INDEX_BITS | (rows - block.firsts[batches])
        fixed["severity"] = severities[kinds]
        fixed["d"] = np.fromiter(map(len, messages), np.int32, len(messages))
        # As a list of opaque values this is the fastest way from an array to pieces of bytes.
        middles = fixed.view(f"V{_FIXED.itemsize}").tolist()
        yield b"".join(chain.from_iterable(zip(firsts, middles, messages, strict=True)))


def _pairs(batches: Ints, kinds: Ints, most_batches: int, most_kinds: int) -> tuple[list[tuple[int, int]], Ints]:
    """The pairs of batch and kind that occur, and which of them each row has. Of many batches with a level of its own each,
    all pairs would be many times more than those that occur."""
    codes = batches * most_kinds + kinds
    if most_batches * most_kinds <= 4 * len(codes):
        present = np.flatnonzero(np.bincount(codes))
        numbers = np.zeros(most_batches * most_kinds, np.int64)
        numbers[present] = np.arange(len(present))
        which = numbers[codes]
    else:
        present, which = np.unique(codes, return_inverse=True)
    return [divmod(code, most_kinds) for code in present.tolist()], which


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _length(len(encoded)) + encoded


def _jsonb(encoded: bytes) -> bytes:
    return _length(len(encoded) + 1) + _JSONB_VERSION + encoded
