"""Records as the JSON of a route, a batch at a time: column by column, with no step of Python for a single record. It must
not know frames or events. What it writes is what orjson writes of `record_of_row` and `seed_record_of_row`, to the byte."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from logstream_contract.rows import Rows
from logstream_contract.timestamps import iso_micros, iso_millis

# orjson writes no line break of its own and escapes those in texts, so one parts the values of a column without doubt.
_BREAK: Final = orjson.Fragment(b"\n")
_BETWEEN_TEXTS: Final = b",\n  "
_BETWEEN_OBJECTS: Final = b",\n,"

# Times are rewritten a second at a time while each second has so many records, and from 2001 on: seconds with fewer digits
# could be the beginning of others.
_RECORDS_A_SECOND: Final = 32
_FIRST_SECOND: Final = 10**9


@dataclass(frozen=True, slots=True)
class Rendered:
    """The stored records of one batch, and of each its index there, its time and its message.

    Record n is the bytes of pieces[n * stride : (n + 1) * stride].
    """

    pieces: list[bytes]
    stride: int
    indexes: Sequence[int]
    times_us: Sequence[int]
    messages: Sequence[str]

    def __len__(self) -> int:
        return len(self.indexes)

    def slice(self, start: int, stop: int) -> list[bytes]:
        """The pieces of the records from start to before stop."""
        return self.pieces[start * self.stride : stop * self.stride]


def render_native(rows: Rows, indexes: Sequence[int], opening: bytes) -> Rendered:
    """The native shape; opening: before each record. indexes: ascending, of the records that are stored."""
    rows = _at(rows, indexes)
    node = orjson.dumps(rows.node)

    def level(severity: int, level: str) -> bytes:
        return b'Z","severity":%d,"level":%b,"node":%b,"message":' % (severity, orjson.dumps(level), node)

    columns = [
        [opening + b'{"sequence":"'] * len(rows),
        _sequences(rows, indexes),
        _times(rows.times_us, b'","time":"', 6, iso_micros),
        _levels(rows, level),
        _texts(rows.messages),
        _attributes(rows.attributes),
    ]
    return _woven(columns, rows, indexes)


def render_seed(rows: Rows, indexes: Sequence[int], opening: bytes, closing: bytes) -> Rendered:
    """The seed's shape; opening and closing: around each record. indexes: as above."""
    rows = _at(rows, indexes)
    node = orjson.dumps(rows.node)

    def level(_severity: int, level: str) -> bytes:
        return b'Z","node":%b,"level":%b,"message":' % (node, orjson.dumps(level))

    columns = [
        [opening + b'{"sequence_number":"'] * len(rows),
        _sequences(rows, indexes),
        _times(rows.times_us, b'","timestamp":"', 3, iso_millis),
        _levels(rows, level),
        _texts(rows.messages),
        [b"}" + closing] * len(rows),
    ]
    return _woven(columns, rows, indexes)


def _at(rows: Rows, indexes: Sequence[int]) -> Rows:
    """The rows at these indexes alone."""
    if len(indexes) == len(rows):
        return rows
    return Rows(
        rows.number,
        rows.node,
        [rows.times_us[index] for index in indexes],
        [rows.severities[index] for index in indexes],
        [rows.levels[index] for index in indexes],
        [rows.messages[index] for index in indexes],
        [rows.attributes[index] for index in indexes],
    )


def _woven(columns: Sequence[list[bytes]], rows: Rows, indexes: Sequence[int]) -> Rendered:
    stride = len(columns)
    pieces = [b""] * (stride * len(rows))
    for offset, column in enumerate(columns):
        pieces[offset::stride] = column
    return Rendered(pieces, stride, indexes, rows.times_us, rows.messages)


def _sequences(rows: Rows, indexes: Sequence[int]) -> list[bytes]:
    first = rows.sequence(0)
    numbers = [first | index for index in indexes]
    return orjson.dumps(numbers)[1:-1].split(b",") if numbers else []


def _times(times_us: list[int], opening: bytes, digits: int, iso: Callable[[int], str]) -> list[bytes]:
    """Each time as iso writes it, with so many digits of a second, without the Z at its end; opening: before each."""
    if not times_us:
        return []
    first, last = min(times_us) // 1_000_000, max(times_us) // 1_000_000
    if first < _FIRST_SECOND or last - first > len(times_us) // _RECORDS_A_SECOND:
        return [opening + iso(time_us)[:-1].encode() for time_us in times_us]
    # Of a decimal number the last digits are the fraction and those before them the second.
    numbers = times_us if digits == 6 else [time_us // 10 ** (6 - digits) for time_us in times_us]
    text = b"," + orjson.dumps(numbers)[1:-1]
    for second in range(first, last + 1):
        written = iso(second * 1_000_000)[: -1 - digits].encode()
        text = text.replace(b",%d" % second, b"\n" + opening + written)
    return text[1:].split(b"\n")


class _Once(dict[tuple[int, str], bytes]):
    """What is made of a severity and a level, made when it is first asked for."""

    def __init__(self, make: Callable[[int, str], bytes]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, pair: tuple[int, str]) -> bytes:
        made = self[pair] = self._make(*pair)
        return made


def _levels(rows: Rows, make: Callable[[int, str], bytes]) -> list[bytes]:
    return list(map(_Once(make).__getitem__, zip(rows.severities, rows.levels, strict=True)))


def _texts(texts: list[str]) -> list[bytes]:
    # Indented by two, an array is `[`, a line for each value, `]`.
    return orjson.dumps(texts, option=orjson.OPT_INDENT_2)[4:-2].split(_BETWEEN_TEXTS) if texts else []


def _attributes(attributes: list[dict[str, str] | None]) -> list[bytes]:
    """The end of each record, from the comma before its attributes."""
    if not any(attributes):
        return [b',"attributes":{}}'] * len(attributes)
    parted: list[object] = [_BREAK] * (2 * len(attributes) - 1)
    parted[::2] = [found or {} for found in attributes]
    text = b',"attributes":%b}' % orjson.dumps(parted)[1:-1]
    return text.replace(_BETWEEN_OBJECTS, b'}\n,"attributes":').split(b"\n")
