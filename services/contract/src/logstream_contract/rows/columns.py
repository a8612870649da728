"""The records of many batches as columns, read from their encoded bytes all at once.

Reading a record as a message object, field by field, costs some ten times what the database takes to store it. Here all
records are walked in step: one array operation reads the next field of every record. It only knows records as encoders
write them: fields in the order of their numbers, each at most once, ordinary sizes, nothing that has to be mended. A batch
with any other record is left to logstream_contract.rows.rows, which knows them all, so that both give the same rows. Its
time must not grow faster than the bytes, whatever they are. Pure.

Source of the format: Protocol Buffers encoding, "Message Structure" and "Base 128 Varints".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from logstream_contract.rows.attributes import MAX_ATTRIBUTES
from logstream_contract.rows.members import Attributes, Flags, Ints, Members, is_text
from logstream_contract.rows.rows import MAX_AHEAD_NANOS, Origin
from logstream_contract.rows.severity import HIGHEST, level_of, severity_of
from logstream_contract.rows.texts import NUL, cut
from logstream_contract.wire.batches import MAX_NODE_BYTES

# Tags of LogRecord's fields.
_TIME, _SEVERITY, _LEVEL, _MESSAGE, _ATTRIBUTE = 0x09, 0x10, 0x1A, 0x22, 0x2A
_KEY, _VALUE = 0x0A, 0x12
_MORE: Final = 0x80  # a varint goes on
# What a look at a field may read past its first byte.
_PAD: Final = bytes(32)
_PAST: Final = len(_PAD) // 2
# Levels up to this length are read as one number.
_LEVEL_BYTES: Final = 8
_LEVEL_MASKS: Final = np.array([(1 << 8 * length) - 1 for length in range(_LEVEL_BYTES + 1)], dtype=np.uint64)
# Levels that are told apart by comparing.
_FEW: Final = 12


@dataclass(frozen=True, slots=True)
class Source:
    """A batch to be read: its node, its records as they are encoded (one at least), and what the services know of it."""

    node: str
    records: Sequence[bytes]
    origin: Origin


@dataclass(slots=True, kw_only=True)
class Block:
    """Columns of all records in the order of the batches, those of batches that are not `plain` included but meaningless."""

    nodes: list[str]
    plain: list[bool]  # a batch: whether its rows are here
    counts: Ints  # a batch: its records
    firsts: Ints  # a batch: its first row
    from_us: list[int]  # a batch: earliest and latest record time
    to_us: list[int]
    times_us: Ints
    kinds: Ints  # a row: which of level_kinds
    level_kinds: list[tuple[int, str]]  # severity and level
    messages: list[bytes]  # UTF-8
    attributes: list[bytes]  # the members of a JSON object of texts, b"" where there are none; empty when no row has any


def read_block(sources: Sequence[Source]) -> Block:
    """Reads what is plain of these batches; for the others the caller turns to logstream_contract.rows.rows."""
    records = [record for source in sources for record in source.records]
    counts = np.array([len(source.records) for source in sources], dtype=np.int64)
    firsts = np.cumsum(counts) - counts
    lengths = np.fromiter(map(len, records), np.int64, len(records))
    walk = _Walk(records, lengths)
    times = walk.time()
    severities = walk.severity()
    level_words = walk.level()
    messages = walk.message()
    attributes = walk.attributes()
    walk.end()
    odd = walk.odd
    kinds, level_kinds = _kinds(level_words, walk.level_bytes, severities, odd)
    times_us = _times_us(times, sources, counts, odd)
    _flag_odd_messages(messages, odd)
    plain = ~np.logical_or.reduceat(odd, firsts) if len(sources) else np.zeros(0, bool)
    return Block(
        nodes=[source.node for source in sources],
        plain=[bool(fine) and _is_plain(source.node) for fine, source in zip(plain, sources, strict=True)],
        counts=counts,
        firsts=firsts,
        from_us=np.minimum.reduceat(times_us, firsts).tolist() if len(sources) else [],
        to_us=np.maximum.reduceat(times_us, firsts).tolist() if len(sources) else [],
        times_us=times_us,
        kinds=kinds,
        level_kinds=level_kinds,
        messages=messages,
        attributes=attributes,
    )


def _is_plain(node: str) -> bool:
    return NUL not in node and cut(node, MAX_NODE_BYTES) == node


class _Walk:
    """A position in every record; each method reads one field of all of them, if it is there, and steps behind it."""

    def __init__(self, records: list[bytes], lengths: Ints) -> None:
        self._records = records
        self._raw = raw = b"".join([*records, _PAD])
        self._bytes = np.frombuffer(raw, np.uint8)
        # The eight bytes from each position on, as a number.
        self._words: npt.NDArray[np.uint64] = np.ndarray(len(raw) - 7, "<u8", raw, strides=(1,))
        self._last = len(raw) - len(_PAD)
        self._ends = np.cumsum(lengths)
        self._starts = self._ends - lengths
        self._at = self._starts.copy()
        self.odd: Flags = np.zeros(len(lengths), bool)
        self.level_bytes: Ints = np.zeros(len(lengths), np.int64)

    def time(self) -> Ints:
        """Nanoseconds, 0 where there is none; a time past 2^63 is negative."""
        there = self._bytes[self._at] == _TIME
        times = np.where(there, self._words[self._at + 1], 0).view(np.int64)
        self._at = self._at + 9 * there
        return times

    def severity(self) -> Ints:
        there = self._bytes[self._at] == _SEVERITY
        severities = np.where(there, self._bytes[self._at + 1], 0).astype(np.int64)
        self.odd |= severities >= _MORE
        self._at = self._at + 2 * there
        return severities

    def level(self) -> npt.NDArray[np.uint64]:
        """The level's bytes as a number; their count goes into level_bytes."""
        there = self._bytes[self._at] == _LEVEL
        lengths = np.where(there, self._bytes[self._at + 1], 0).astype(np.int64)
        self.odd |= lengths > _LEVEL_BYTES
        words: npt.NDArray[np.uint64] = self._words[self._at + 2] & _LEVEL_MASKS[np.minimum(lengths, _LEVEL_BYTES)]
        self.level_bytes = lengths
        self._step(self._at + (2 + lengths) * there)
        return words

    def message(self) -> list[bytes]:
        there = self._bytes[self._at] == _MESSAGE
        begin, lengths, odd = self._length(self._at + 1)
        self.odd |= odd & there
        begin = np.where(there, begin, self._at)
        self._step(begin + lengths * there)
        # Positions within a record are mostly small numbers, which cost Python less than those within all.
        begins, ends = (begin - self._starts).tolist(), (self._at - self._starts).tolist()
        return [record[i:j] for record, i, j in zip(self._records, begins, ends, strict=True)]

    def attributes(self) -> list[bytes]:
        """The members of each row's JSON object; one that JSON or the database can't hold makes its row odd."""
        rows = np.flatnonzero((self._at < self._ends) & ~self.odd)
        if not len(rows):
            return []
        members = Members(self._raw, self._words, len(self._at))
        # Those that have more are left where they are, and end() finds them there.
        for _ in range(MAX_ATTRIBUTES):
            if not len(rows):
                break
            at = self._at[rows]
            entry, size, odd_size = self._length(at + 1)
            key, key_size, odd_key = self._length(np.minimum(entry + 1, self._last))
            value_tag = np.minimum(key + key_size, self._last)
            value, value_size, odd_value = self._length(value_tag + 1)
            odd = odd_size | odd_key | odd_value | (self._bytes[at] != _ATTRIBUTE) | (self._bytes[entry] != _KEY)
            odd |= (self._bytes[value_tag] != _VALUE) | (value + value_size != entry + size)
            end = value + value_size
            odd |= end > self._ends[rows]
            attributes = Attributes(rows=rows, tag=at, key_tag=entry, key=key, value_tag=value_tag, value=value, end=end)
            if odd.any():
                self.odd[rows] |= odd
                attributes = attributes.at(~odd)
            members.add(attributes)
            self._at[attributes.rows] = attributes.end
            rows = attributes.rows[attributes.end < self._ends[attributes.rows]]
        return members.take(self.odd)

    def end(self) -> None:
        """Every record must have been read to its end by now, and not past it."""
        self.odd |= self._at != self._ends

    def _length(self, at: Ints) -> tuple[Ints, Ints, Flags]:
        """A length of one or two bytes: where what it counts begins, the length, and whether it is longer than that."""
        low = self._bytes[at].astype(np.int64)
        if low.size and int(low.max()) < _MORE:
            return at + 1, low, np.zeros(len(low), bool)
        high = self._bytes[at + 1].astype(np.int64)
        two = low >= _MORE
        length = np.where(two, (low & (_MORE - 1)) | (high << 7), low)
        return at + 1 + two, length, two & (high >= _MORE)

    def _step(self, at: Ints) -> None:
        # A length that lies leads past the end, where end() finds it; what is read next is still within the padding.
        self._at = np.minimum(at, self._last + _PAST)


def _kinds(words: npt.NDArray[np.uint64], lengths: Ints, severities: Ints, odd: Flags) -> tuple[Ints, list[tuple[int, str]]]:
    """The pairs of severity and level that occur, as they are stored, and which of them each row has."""
    distinct, which = _distinct(words)
    texts: list[str] = []
    sizes = []
    for word in distinct.tolist():
        # A level that ends in NUL is shorter as a number than it says, and is odd for it.
        encoded = word.to_bytes(_LEVEL_BYTES, "little").rstrip(b"\0")
        try:
            texts.append(encoded.decode())
            sizes.append(len(encoded) if b"\0" not in encoded else -1)
        except UnicodeDecodeError:
            texts.append("")
            sizes.append(-1)
    odd |= np.array(sizes, np.int64)[which] != lengths
    pairs, numbers = _numbered(which * _MORE + np.minimum(severities, _MORE - 1), len(distinct) * _MORE)
    level_kinds = []
    for pair in pairs.tolist():
        level, severity = texts[pair // _MORE], pair % _MORE
        known = severity if 1 <= severity <= HIGHEST else severity_of(level)
        level_kinds.append((known, level or level_of(known)))
    return numbers, level_kinds


def _numbered(codes: Ints, most: int) -> tuple[Ints, Ints]:
    """The different codes, which are less than most, and which of them each row has."""
    if most > max(_FEW * _MORE, 4 * len(codes)):
        return np.unique(codes, return_inverse=True)
    present = np.flatnonzero(np.bincount(codes, minlength=most))
    numbers = np.zeros(most, np.int64)
    numbers[present] = np.arange(len(present))
    return present, numbers[codes]


def _distinct(words: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.uint64], Ints]:
    """The different words, and which of them each row has."""
    distinct: list[np.uint64] = []
    which = np.full(len(words), -1, np.int64)
    rest = words
    # A handful of levels is told apart by comparing faster than by sorting.
    while len(rest) and len(distinct) < _FEW:
        distinct.append(rest[0])
        which[words == rest[0]] = len(distinct) - 1
        rest = rest[rest != rest[0]]
    if len(rest):
        return np.unique(words, return_inverse=True)
    return np.array(distinct, np.uint64), which


def _times_us(times: Ints, sources: Sequence[Source], counts: Ints, odd: Flags) -> Ints:
    """Without a time a record has its receive time; one that is out of range is odd."""
    received = np.repeat(np.array([source.origin.received_unix_nano for source in sources], np.int64), counts)
    floors = [max(1, min(source.origin.floor_unix_nano, source.origin.received_unix_nano)) for source in sources]
    floor = np.repeat(np.array(floors, np.int64), counts)
    untimed = times == 0
    odd |= ~untimed & ((times < floor) | (times - received > MAX_AHEAD_NANOS))
    return np.where(untimed, received, times) // 1_000


def _flag_odd_messages(messages: list[bytes], odd: Flags) -> None:
    """NUL is replaced and bytes that are no text are refused elsewhere."""
    together = b"\n".join(messages)
    if b"\0" in together or not is_text(together):
        for row, message in enumerate(messages):
            if b"\0" in message or not is_text(message):
                odd[row] = True
