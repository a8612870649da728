"""Renders records as the JSON of a route, a batch at a time and a column at a time, without a step of Python for a single
record. It must not know frames or events. Except for the order of attributes, the output is byte for byte what orjson and
`escape_invisible` write for `record_of_row` and `seed_record_of_row`."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import add
from typing import Final

import numpy as np
import orjson
from logstream_contract.rows.invisible import escape_invisible, has_invisible
from logstream_contract.rows.json_text import escape, needs_escaping
from logstream_contract.rows.timestamps import iso_micros, iso_millis

from logstream_stream.records.columns import Columns, Ints

# With fewer records than this, their heads are written one by one.
_MANY: Final = 64
# Every second between the first and the last record is written once, if there is at most one for this many records.
_RECORDS_A_SECOND: Final = 32
_SECOND_CHARACTERS: Final = len("2024-08-06T18:51:32.")
# Pieces of a record in the seed's format.
SEED_STRIDE: Final = 4
# Which piece of a record is its message, and which its attributes, if a record has that many pieces.
TEXT: Final = 2
MEMBERS: Final = 4
# Memory of one record besides its text and attributes: what is written around them, and the objects that hold the pieces.
_RECORD_BYTES: Final = 250
# A record with more bytes of attributes than this is written on several lines. The shortest line that a client is known to
# refuse has 512 KiB. The longest text of a record is shorter even when it is escaped: 6 times 64 KiB.
LINE_BYTES: Final = 96 * 1024
_MEMBER: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*":"[^"\\]*(?:\\.[^"\\]*)*"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The rendered records of one batch, with the index and the time of each.

    Record n is the bytes of pieces[n * stride : (n + 1) * stride]. If no record has attributes, or the format has none,
    there is no piece for them."""

    pieces: list[bytes]
    stride: int
    indexes: Sequence[int]
    times_us: Ints
    # A line break of the event, for use between values of JSON in a line that would be too long; b"": never needed.
    new_line: bytes = b""

    def __len__(self) -> int:
        return len(self.indexes)

    @property
    def cost_bytes(self) -> int:
        """About how much memory this takes."""
        return self.size(0, len(self)) + _RECORD_BYTES * len(self)

    def size(self, start: int, stop: int) -> int:
        """Bytes of messages and attributes in the records from start to before stop."""
        size = sum(map(len, self._column(TEXT, start, stop)))
        return size + sum(map(len, self._column(MEMBERS, start, stop))) if self._has_members else size

    def sizes(self, start: int, stop: int) -> Iterator[int]:
        """The same for each of these records."""
        sizes = map(len, self._column(TEXT, start, stop))
        return map(add, sizes, map(len, self._column(MEMBERS, start, stop))) if self._has_members else sizes

    def only(self, rows: Sequence[int]) -> "Rendered":
        """The records in these rows, which ascend."""
        stride = self.stride
        return Rendered(
            pieces=[piece for row in rows for piece in self.pieces[row * stride : (row + 1) * stride]],
            stride=stride,
            indexes=[self.indexes[row] for row in rows],
            times_us=self.times_us[rows],
            new_line=self.new_line,
        )

    def slice(self, start: int, stop: int, size: int) -> list[bytes]:
        """The pieces of the records from start to before stop, which have this size."""
        pieces = self.pieces[start * self.stride : stop * self.stride]
        if size > LINE_BYTES and self._has_members and self.new_line:
            pieces[MEMBERS :: self.stride] = [
                _in_lines(member, self.new_line) if len(member) > LINE_BYTES else member
                for member in pieces[MEMBERS :: self.stride]
            ]
        return pieces

    @property
    def _has_members(self) -> bool:
        return self.stride > MEMBERS

    def _column(self, piece: int, start: int, stop: int) -> list[bytes]:
        return self.pieces[start * self.stride + piece : stop * self.stride : self.stride]


def render_native(columns: Columns, opening: bytes, new_line: bytes) -> Rendered:
    """The native format. opening: written before each record. new_line: see Rendered."""
    node = _name(columns.node)

    def level(severity: int, level: str) -> bytes:
        return b'Z","severity":%d,"level":%b,"node":%b,"message":"' % (severity, _name(level), node)

    count, members = len(columns), _members(columns.members)
    ends = [[b'","attributes":{'] * count, members, [b"}}"] * count] if members else [[b'","attributes":{}}'] * count]
    heads = _heads(columns, opening + b'{"sequence":"', b'","time":"', digits=6, iso=iso_micros)
    return _woven([heads, _levels(columns, level), _texts(columns.messages), *ends], columns, new_line)


def render_seed(columns: Columns, opening: bytes, closing: bytes) -> Rendered:
    """The seed's format. opening, closing: written around each record."""
    node = _name(columns.node)

    def level(_severity: int, level: str) -> bytes:
        return b'Z","node":%b,"level":%b,"message":"' % (node, _name(level))

    heads = _heads(columns, opening + b'{"sequence_number":"', b'","timestamp":"', digits=3, iso=iso_millis)
    ends = [b'"}' + closing] * len(columns)
    return _woven([heads, _levels(columns, level), _texts(columns.messages), ends], columns)


def _in_lines(members: bytes, new_line: bytes) -> bytes:
    """The members of an object, each on a line of its own."""
    return new_line + (b"," + new_line).join(_MEMBER.findall(members))


def _woven(parts: Sequence[list[bytes]], columns: Columns, new_line: bytes = b"") -> Rendered:
    stride = len(parts)
    pieces = [b""] * (stride * len(columns))
    for offset, part in enumerate(parts):
        pieces[offset::stride] = part
    return Rendered(pieces=pieces, stride=stride, indexes=columns.indexes, times_us=columns.times_us, new_line=new_line)


def _heads(columns: Columns, opening: bytes, between: bytes, *, digits: int, iso: Callable[[int], str]) -> list[bytes]:
    """Each record up to its time, as iso writes it with this many digits of a second, without the final Z."""
    sequences = columns.sequences()
    if len(columns) < _MANY:
        before, after = opening.decode(), between.decode()
        return [
            f"{before}{sequence}{after}{iso(time_us)[:-1]}".encode()
            for sequence, time_us in zip(sequences.tolist(), columns.times_us.tolist(), strict=True)
        ]
    seconds, fractions = np.divmod(columns.times_us, 1_000_000)
    second_texts = _second_texts(seconds)
    # Adding a million gives every fraction seven digits.
    fraction_texts = _decimals(fractions + 1_000_000, skip=1, digits=digits, rest=6 - digits)
    heads: list[bytes] = []
    for start, stop in pairwise(_same_lengths(sequences)):
        length = len(str(sequences[start]))
        fixed = np.empty(
            stop - start,
            [
                ("opening", f"S{len(opening)}"),
                ("sequence", f"S{length}"),
                ("between", f"S{len(between)}"),
                ("second", f"S{_SECOND_CHARACTERS}"),
                ("fraction", f"S{digits}"),
            ],
        )
        fixed["opening"] = opening
        fixed["sequence"] = _decimals(sequences[start:stop], digits=length)
        fixed["between"] = between
        fixed["second"] = second_texts[start:stop]
        fixed["fraction"] = fraction_texts[start:stop]
        # A view of opaque values is the fastest way from an array to bytes objects.
        heads += fixed.view(f"V{fixed.itemsize}").tolist()
    return heads


def _second_texts(seconds: Ints) -> "np.ndarray[tuple[int], np.dtype[np.bytes_]]":
    """Each second in ISO 8601, with the point that follows it."""
    first, last = int(seconds.min()), int(seconds.max())
    if last - first <= len(seconds) // _RECORDS_A_SECOND:
        distinct, which = range(first, last + 1), seconds - first
    else:
        unique, which = np.unique(seconds, return_inverse=True)
        distinct = unique.tolist()
    texts = [iso_micros(second * 1_000_000)[:_SECOND_CHARACTERS].encode() for second in distinct]
    return np.array(texts, f"S{_SECOND_CHARACTERS}")[which]


def _decimals(numbers: Ints, digits: int, skip: int = 0, rest: int = 0) -> "np.ndarray[tuple[int], np.dtype[np.bytes_]]":
    """These digits of each number. Every number must have skip + digits + rest digits."""
    text = orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY)
    # A comma or the closing bracket follows each number.
    fields = np.dtype([("skip", f"S{skip}"), ("digits", f"S{digits}"), ("rest", f"S{rest + 1}")])
    return np.frombuffer(text, fields, offset=1)["digits"]


def _same_lengths(numbers: Ints) -> list[int]:
    """The starts of the runs of numbers with the same number of digits, and the end of the last. numbers: ascending."""
    shortest, longest = len(str(numbers[0])), len(str(numbers[-1]))
    bounds = np.searchsorted(numbers, [10**length for length in range(shortest, longest)]).tolist()
    return sorted({0, *bounds, len(numbers)})


def _levels(columns: Columns, make: Callable[[int, str], bytes]) -> list[bytes]:
    made = [make(severity, level) for severity, level in columns.level_kinds]
    if len(made) == 1:
        return made * len(columns)
    levels: list[bytes] = np.array(made, object)[columns.kinds].tolist()
    return levels


def _texts(texts: list[bytes]) -> list[bytes]:
    """Each text as JSON writes it between the quotes."""
    together = b"".join(texts)
    if needs_escaping(together):
        texts = escape(b"\0".join(texts), marks=1).split(b"\0")
    return _visible(texts) if has_invisible(together) else texts


def _members(members: list[bytes]) -> list[bytes]:
    """The attributes as they are shown. Filters need them unchanged, so they are escaped only here."""
    return _visible(members) if has_invisible(b"".join(members)) else members


def _visible(texts: list[bytes]) -> list[bytes]:
    return escape_invisible(b"\0".join(texts)).split(b"\0")


def _name(text: str) -> bytes:
    return escape_invisible(orjson.dumps(text))
