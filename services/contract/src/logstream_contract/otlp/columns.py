"""The records of a resource from OpenTelemetry's form to ours, many at once: what logstream_contract.otlp.records does, for
ordinary records, in the same bytes.

All records are walked in step, as in logstream_contract.rows.columns: one array operation reads the next field of every
record. Most bytes of a record of ours are there already, so it is described as pieces of what came, of numbers as texts, and
of what its scope and its resource give to all, and the pieces of all records are copied at once.

Ordinary is a record as encoders write them: fields in the order of their numbers, each at most once, a body that is text,
attributes that are texts, numbers or booleans under keys that nobody else has, and sizes of one or two bytes. Any other is
left to the plain way. The time must not grow faster than the bytes, whatever they are. Pure.

Source of the format: Protocol Buffers encoding; OpenTelemetry protocol, logs.proto and common.proto.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, chain, pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from logstream_contract.otlp.framing import Framed, Scoped
from logstream_contract.otlp.messages import LogRecord
from logstream_contract.otlp.numbers import NUMBER_BYTES, texts_of
from logstream_contract.otlp.pieces import CHUNK, copy_pieces, put, take
from logstream_contract.otlp.records import (
    FIELD_KEYS,
    LEVELS,
    MOST_RECORD_BYTES,
    SPAN_ID,
    TRACE_FLAGS,
    TRACE_ID,
    Pair,
    native_record,
    shared,
    time_of,
)
from logstream_contract.rows.severity import HIGHEST
from logstream_contract.wire.pb.transport_pb2 import LooseAttribute, LooseRecord

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]

# Tags of LogRecord's fields, of KeyValue's, and of AnyValue's.
_TIME, _SEVERITY, _LEVEL, _BODY, _ATTRIBUTE, _DROPPED = 0x09, 0x10, 0x1A, 0x2A, 0x32, 0x38
_FLAGS, _TRACE, _SPAN, _OBSERVED = 0x45, 0x4A, 0x52, 0x59
_KEY, _VALUE = 0x0A, 0x12
_TEXT, _BOOLEAN, _INTEGER, _DOUBLE = 0x0A, 0x10, 0x18, 0x21
# Tags of ours.
_OUR_TIME, _OUR_MESSAGE, _OUR_ATTRIBUTE, _OUR_RECORD = 0x09, 0x22, 0x2A, 0x1A
_TIME_BYTES, _TRACE_BYTES, _SPAN_BYTES = 8, 16, 8
_MORE: Final = 0x80  # a varint goes on
_TWO: Final = _MORE * _MORE  # a varint of two bytes is below it
# How far a length that lies may lead past the end, or a copy past the end of a piece: two sizes of two bytes, and more than
# the rest has.
_PAD: Final = bytes(2 * _TWO + 16 * CHUNK)
_FRAME_BYTES: Final = 4  # tag and size of a record of ours, at most
_WORD_BYTES: Final = 8
_WORD_MASKS: Final = np.array([(1 << 8 * length) - 1 for length in range(_WORD_BYTES + 1)], dtype=np.uint64)
# Of varints by their length: their bytes, and of those the bits that say whether they go on. The last is longer than a word.
_ALL_ON: Final = np.uint64(0x8080808080808080)
_VARINT_MASKS: Final = np.append(_WORD_MASKS, _WORD_MASKS[-1])
_VARINTS_ON: Final = np.append(np.uint64(1), _WORD_MASKS) & _ALL_ON
_VARINTS_ON[0] = 1  # none is empty
# Records that are read in step, and their bytes, at most, or nearly: more of them would leave the cache.
_BLOCK_RECORDS: Final = 2048
_BLOCK_BYTES: Final = 512 * 1024
# What scope and resource give is kept for the next request if it is not larger.
_KNOWN_BYTES: Final = 4096
# Behind this many attributes, those that fewer records still have cost less if each record is read by itself.
_MANY, _FEW = 16, 8
# A number with a longer key is odd, so that the size of the attribute is one byte.
_NUMBER_KEY_BYTES: Final = 96
# Large and odd, so that what is multiplied by them spreads over all bits.
_FIRST_FACTOR, _LAST_FACTOR, _ROW_FACTOR = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xD6E8FEB86659FD93], dtype=np.uint64
)
_SHORT_PRINT_BITS: Final = 12
_SHORT_PRINT_SHIFT: Final = np.uint64(64 - _SHORT_PRINT_BITS)

# Severity and level of ours, encoded, for a number that came without a text: a row for each number.
_KINDS: Final = [
    b"",
    *(LooseRecord(severity=number, level=level).SerializeToString() for number, level in enumerate(LEVELS, start=1)),
]
_KIND_BYTES: Final = 16
_KIND_TABLE: Final = b"".join(kind.ljust(_KIND_BYTES, b"\0") for kind in _KINDS)
_KIND_LENGTHS: Final = np.array([*map(len, _KINDS)], dtype=np.int64)


def _attribute(key: bytes, size: int) -> Bytes:
    """An attribute of ours, encoded, whose value of that size is to be filled in at its end."""
    record = LooseRecord(attributes=[LooseAttribute(key=key, value=bytes(size))])
    return np.frombuffer(record.SerializeToString(), np.uint8)


_TAIL_ATTRIBUTES: Final = (
    _attribute(TRACE_ID, 2 * _TRACE_BYTES),
    _attribute(SPAN_ID, 2 * _SPAN_BYTES),
    _attribute(TRACE_FLAGS, 2),
)
_TAIL: Final = np.concatenate(_TAIL_ATTRIBUTES)
_TAIL_BYTES: Final = len(_TAIL)


@dataclass(slots=True, kw_only=True)
class _Fields:
    """Of each record: what it has beside its attributes, as positions in the source and lengths; 0 for what is not there."""

    times: Words
    kind: Ints  # severity and level, as ours
    kind_length: Ints
    message: Ints  # behind its size, with room for a tag before it
    message_length: Ints
    flags: Ints
    trace: Ints
    span: Ints


@dataclass(slots=True, kw_only=True)
class _Attributes:
    """The attributes of all records, in their order: positions in the source, and lengths."""

    counts: Ints  # of each record
    rows: Ints  # of each attribute, as what follows
    entry: Ints  # the tag of the key
    key_size: Ints
    value: Ints  # behind its size
    value_length: Ints  # with its size
    size: Ints  # of the attribute, as we write it

    def at(self, those: Flags) -> "_Attributes":
        rows = self.rows[those]
        return _Attributes(
            counts=np.bincount(rows, minlength=len(self.counts)),
            rows=rows,
            entry=self.entry[those],
            key_size=self.key_size[those],
            value=self.value[those],
            value_length=self.value_length[those],
            size=self.size[those],
        )


@dataclass(frozen=True, slots=True)
class _Given:
    """What a scope and its resource give to each record: the keys, and the attributes as we write them."""

    keys: frozenset[bytes]
    encoded: bytes


@dataclass(frozen=True, slots=True)
class _Part:
    """Which records are of one scope."""

    scope: Sequence[Pair]
    given: _Given
    begin: int
    stop: int


def frame_by_columns(scopes: Sequence[Scoped], resource: Sequence[Pair]) -> Framed:
    """As logstream_contract.otlp.framing.frame_plainly, of one record at least."""
    records = scopes[0].records if len(scopes) == 1 else list(chain.from_iterable(scoped.records for scoped in scopes))
    lengths = np.fromiter(map(len, records), np.int64, len(records))
    stops = list(accumulate(len(scoped.records) for scoped in scopes))
    parts = [
        _Part(scoped.scope, _given(scoped.scope, resource), begin, stop)
        for scoped, (begin, stop) in zip(scopes, pairwise([0, *stops]), strict=True)
    ]
    blocks = [
        _framed(records[begin:stop], lengths[begin:stop], within, resource)
        for begin, stop, within in _blocks(parts, int(lengths.sum()))
    ]
    if len(blocks) == 1:
        return blocks[0]
    before = accumulate((len(block.blocks[0]) for block in blocks), initial=0)
    return Framed(
        blocks=[block.blocks[0] for block in blocks],
        ends=np.concatenate([block.ends + begin for block, begin in zip(blocks, before, strict=False)]),
        newest_nano=max(block.newest_nano for block in blocks),
        timed=all(block.timed for block in blocks),
    )


def _given(scope: Sequence[Pair], resource: Sequence[Pair]) -> _Given:
    pairs = *scope, *resource
    # A sender sends the same again and again.
    small = sum(map(len, chain.from_iterable(pairs))) <= _KNOWN_BYTES
    return (_known_given if small else _new_given)(tuple(scope), tuple(resource))


def _new_given(scope: Sequence[Pair], resource: Sequence[Pair]) -> _Given:
    given = shared(scope, resource)
    made = [LooseAttribute(key=key, value=value) for key, value in given.items()]
    return _Given(frozenset(given), LooseRecord(attributes=made).SerializeToString())


_known_given = lru_cache(maxsize=512)(_new_given)


def _blocks(parts: Sequence[_Part], encoded_bytes: int) -> Iterator[tuple[int, int, list[_Part]]]:
    """Blocks of about the same number of records: from which record to which, and their parts within the block."""
    records = parts[-1].stop
    blocks = max(-(-records // _BLOCK_RECORDS), -(-encoded_bytes // _BLOCK_BYTES))
    size = -(-records // blocks)
    first = 0
    for begin in range(0, records, size):
        stop = min(begin + size, records)
        within = []
        while first < len(parts) and parts[first].begin < stop:
            part = parts[first]
            within.append(_Part(part.scope, part.given, max(part.begin - begin, 0), min(part.stop, stop) - begin))
            if part.stop > stop:
                break
            first += 1
        yield begin, stop, within


def _framed(records: Sequence[bytes], lengths: Ints, parts: Sequence[_Part], resource: Sequence[Pair]) -> Framed:
    walk = _Walk(records, lengths)
    fields, attributes = walk.read(FIELD_KEYS.union(*(part.given.keys for part in parts)))
    for part in parts:
        if not FIELD_KEYS.isdisjoint(part.given.keys):
            walk.odd[part.begin : part.stop] = True

    def plain(row: int) -> bytes:
        record = LogRecord.FromString(records[row])
        fields.times[row] = time_of(record)
        part = bisect_right(parts, row, key=lambda part: part.stop)
        return native_record(record, parts[part].scope, resource)

    writer = _Writer(walk, fields, attributes, parts)
    raw, ends = writer.written(plain)
    return Framed(blocks=[raw], ends=ends, newest_nano=int(fields.times.max()), timed=bool(fields.times.all()))


class _Walk:
    """A position in every record; each method reads one field of all of them, if it is there, and steps behind it.

    Behind a field that is not as it should be it does not step, so that the record's end is not reached, and it is odd. What
    is read behind the end is of the next record: either it is stepped over, or it was not there."""

    def __init__(self, records: Sequence[bytes], lengths: Ints) -> None:
        self._look_at(np.frombuffer(bytearray().join([*records, _KIND_TABLE, _PAD]), np.uint8))
        self._ends = np.cumsum(lengths)
        self._at = self._ends - lengths
        self._last = int(self._ends[-1])
        self.odd: Flags = np.zeros(len(lengths), bool)

    def _look_at(self, source: Bytes) -> None:
        """From each position on: the byte, two bytes and eight as a number."""
        self.source = source
        self._halves = _halves(source)
        self._words = _words(source)

    def read(self, others: frozenset[bytes]) -> tuple[_Fields, _Attributes]:
        """Which records are odd is known then, but for those that others make so."""
        times = self._time(_TIME)
        kind, kind_length = self._kind()
        message, message_length = self._message()
        attributes = self._attributes()
        self._dropped()
        flags = self._flags()
        trace, span = self._id(_TRACE, _TRACE_BYTES), self._id(_SPAN, _SPAN_BYTES)
        observed = self._time(_OBSERVED)
        self.odd |= self._at != self._ends
        self._flag_keys(attributes, others)
        fields = _Fields(
            times=times if times.all() else np.where(times > 0, times, observed),
            kind=kind,
            kind_length=kind_length,
            message=message,
            message_length=message_length,
            flags=flags,
            trace=trace,
            span=span,
        )
        return fields, attributes

    def _time(self, tag: int) -> Words:
        there = self.source[self._at] == tag
        times: Words = self._words[self._at + 1]
        if there.all():
            self._at = self._at + (1 + _TIME_BYTES)
            return times
        self._at = self._at + (1 + _TIME_BYTES) * there
        times *= there
        return times

    def _kind(self) -> tuple[Ints, Ints]:
        begin = self._at
        there = self.source[begin] == _SEVERITY
        numbers = self.source[begin + 1] * there
        odd = numbers > HIGHEST
        if odd.any():
            self.odd |= odd
            numbers[odd] = 0
        level = begin + 2 * there
        levelled = self.source[level] == _LEVEL
        lengths = self.source[level + 1] * levelled
        self.odd |= lengths >= _MORE
        end = level + 2 * levelled + lengths
        self._at = end
        named = lengths > 0
        begin = np.where(numbers > 0, begin, level)
        if named.all():
            return begin, end - begin
        from_table = self._last + _KIND_BYTES * numbers.astype(np.int64)
        return np.where(named, begin, from_table), np.where(named, end - begin, _KIND_LENGTHS[numbers])

    def _message(self) -> tuple[Ints, Ints]:
        there = self.source[self._at] == _BODY
        tag, size, odd = self._length(self._at + 1)
        text, length, odd_text = self._length(tag + 1)
        end = text + length
        fine = there & (self.source[tag] == _TEXT) & (end == tag + size) & ~(odd | odd_text)
        if fine.all():
            self._at = end
        else:
            empty = self._halves[self._at] == _BODY
            self._at = np.where(fine, end, self._at + 2 * empty)
        return tag, (end - tag) * (fine & (length > 0))

    def _attributes(self) -> _Attributes:
        columns: list[tuple[Ints, Ints, Ints]] = []
        rows, at, ends = np.arange(len(self._at)), self._at, self._ends
        while True:
            # Those that have another one.
            on = (self.source[at] == _ATTRIBUTE) & (at < ends)
            if not on.all():
                self._at[rows] = at
                rows, at, ends = rows[on], at[on], ends[on]
                if len(rows) < (_FEW if len(columns) >= _MANY else 1):
                    break
            entry, size, odd = self._length(at + 1)
            at = entry + size
            columns.append((rows, entry, at))
            if odd.any():
                self.odd[rows[odd]] = True
        self.odd[rows] = True
        return self._parsed(columns)

    def _parsed(self, columns: list[tuple[Ints, Ints, Ints]]) -> _Attributes:
        if not columns:
            columns = [(np.zeros(0, np.int64),) * 3]
        counts, rows, entry, end = _in_order(columns, len(self._at))
        key_size = self.source[entry + 1].astype(np.int64)
        odd = (self.source[entry] != _KEY) | ((key_size - 1).view(np.uint64) >= _MORE - 1)
        value_tag = entry + 2 + key_size
        # Tag and size of the value, tag of its kind, size of a text: with sizes of two bytes, six bytes.
        words = self._words[value_tag].view(np.int64)
        odd |= words & 0xFF != _VALUE
        value, size = value_tag + 2, words >> 8 & 0xFF
        words = words >> 16
        if len(size) and int(size.max()) >= _MORE:
            two = size >= _MORE
            odd |= two & (words & 0xFF >= _MORE)
            size = np.where(two, size & (_MORE - 1) | (words & 0xFF) << 7, size)
            value, words = value + two, words >> 8 * two
        odd |= value + size != end
        kind, text_size = words & 0xFF, words >> 8 & 0xFF
        is_text = kind == _TEXT
        value = value + 1
        text = value + 1
        if len(text_size) and int((text_size * is_text).max()) >= _MORE:
            two = text_size >= _MORE
            high = words >> 16 & 0xFF
            odd |= is_text & two & ((high >= _MORE) | (high == 0))
            text_size = np.where(two, text_size & (_MORE - 1) | high << 7, text_size)
            text = text + two
        odd |= is_text & (text + text_size != end)
        value_length = end - value
        numbers = np.flatnonzero(~is_text)
        if len(numbers):
            odd[numbers] |= key_size[numbers] > _NUMBER_KEY_BYTES
            odd_numbers, value_length[numbers] = self._numbers(kind[numbers], value[numbers], value_length[numbers])
            value[numbers] = len(self.source) - len(_PAD) - NUMBER_BYTES * np.arange(len(numbers), 0, -1)
            odd[numbers] |= odd_numbers
        size = key_size + 3 + value_length
        empty = np.flatnonzero(is_text & (text_size == 0))
        if len(empty):
            value_length[empty] = 0
            size[empty] = key_size[empty] + 2
        self.odd[rows[odd]] = True
        return _Attributes(
            counts=counts,
            rows=rows,
            entry=entry,
            key_size=key_size,
            value=value,
            value_length=value_length,
            size=size,
        )

    def _numbers(self, kind: Ints, at: Ints, size: Ints) -> tuple[Flags, Ints]:
        """Adds the texts of numbers to the source. Which are odd, and the lengths of the texts with their size."""
        words = self._words[at]
        within = np.minimum(size.view(np.uint64), _WORD_BYTES + 1).view(np.int64)
        varints = words & _VARINT_MASKS[within]
        odd = (varints & _ALL_ON) != _VARINTS_ON[within]
        number = _unpacked(varints, int(within.max()))
        long = np.flatnonzero(within > _WORD_BYTES)
        if len(long):
            ninth, tenth = self.source[at[long] + 8], self.source[at[long] + 9]
            ten = size[long] == 10
            odd[long] |= ((size[long].view(np.uint64)) > 10) | ((ninth >= _MORE) != ten) | ten & (tenth > 1)
            number[long] |= (ninth & np.uint8(_MORE - 1)).astype(np.uint64) << np.uint64(56)
            number[long] |= (tenth * ten).astype(np.uint64) << np.uint64(63)
        boolean, double = kind == _BOOLEAN, kind == _DOUBLE
        others = kind != _INTEGER
        if others.any():
            odd = np.where(boolean, (size != 1) | (number > 1), np.where(double, size != _WORD_BYTES, odd | others))
            number = np.where(double, words, number)
        texts, lengths = texts_of(number, boolean, double)
        body, pad = self.source[: -len(_PAD)], self.source[-len(_PAD) :]
        self._look_at(np.concatenate([body, texts.ravel(), pad]))
        return odd, lengths + 1

    def _dropped(self) -> None:
        """A count that is not 0 is odd."""
        there = self._halves[self._at] == _DROPPED
        if there.any():
            self._at = self._at + 2 * there

    def _flags(self) -> Ints:
        there = self.source[self._at] == _FLAGS
        if not there.any():
            return np.zeros(len(there), np.int64)
        flags: Ints = (self._words[self._at + 1] & np.uint64(0xFFFFFFFF)).view(np.int64)
        there &= flags <= 0xFF
        self._at = self._at + 5 * there
        flags *= there
        return flags

    def _id(self, tag: int, size: int) -> Ints:
        """Where it is, 0 for one that is empty or all zero."""
        heads = self._halves[self._at]
        full = heads == tag | size << 8
        at = self._at + 2
        if full.all():
            self._at = at + size
        else:
            self._at = self._at + (2 + size) * full + 2 * (heads == tag)
        some = self._words[at]
        if size > _WORD_BYTES:
            some = some | self._words[at + _WORD_BYTES]
        at *= full & (some > 0)
        return at

    def _flag_keys(self, attributes: _Attributes, others: frozenset[bytes]) -> None:
        """A key that others have, or that comes again in its record, makes the record odd."""
        prints = _prints(self._words, attributes.entry, attributes.key_size)
        alike = _among(prints, others)
        prints ^= attributes.rows.view(np.uint64) * _ROW_FACTOR
        in_order = np.sort(prints)
        again = in_order[1:][in_order[1:] == in_order[:-1]]
        if not len(alike) and not len(again):
            return
        source, begins = self.source.data, attributes.entry + 2
        ends = begins + attributes.key_size
        for index in alike.tolist():
            if bytes(source[begins[index] : ends[index]]) in others:
                self.odd[attributes.rows[index]] = True
        if len(again):
            seen = set()
            for index in np.flatnonzero(np.isin(prints, again)).tolist():
                key = int(attributes.rows[index]), bytes(source[begins[index] : ends[index]])
                self.odd[key[0]] |= key in seen
                seen.add(key)

    def _length(self, at: Ints) -> tuple[Ints, Ints, Flags]:
        """A length of one or two bytes: where what it counts begins, the length, and whether it is written otherwise."""
        first = self.source[at]
        low = first.astype(np.int64)
        if not len(first) or int(first.max()) < _MORE:
            return at + 1, low, np.zeros(len(low), bool)
        high = self.source[at + 1].astype(np.int64)
        two = low >= _MORE
        length = np.where(two, (low & (_MORE - 1)) | (high << 7), low)
        return at + 1 + two, length, two & ((high >= _MORE) | (high == 0))


class _Writer:
    """Puts records of ours together as a batch holds them, from what was read."""

    def __init__(self, walk: _Walk, fields: _Fields, attributes: _Attributes, parts: Sequence[_Part]) -> None:
        self._source, self._odd = walk.source, walk.odd
        self._fields, self._attributes, self._parts = fields, attributes, parts
        self._timed = fields.times > 0
        self._tails: Flags = np.array([fields.trace, fields.span, fields.flags]) > 0

    def written(self, plain: Callable[[int], bytes]) -> tuple[memoryview, Ints]:
        """All of them, and where each ends. plain: gives the record of a row that is odd."""
        pieces = _Pieces(self._fields, self._attributes)
        sizes = pieces.bytes_of_rows + (1 + _TIME_BYTES) * self._timed
        if self._tails.all():
            sizes += _TAIL_BYTES
        else:
            for there, attribute in zip(self._tails, _TAIL_ATTRIBUTES, strict=True):
                sizes += len(attribute) * there
        for part in self._parts:
            sizes[part.begin : part.stop] += len(part.given.encoded)
        self._odd |= sizes > MOST_RECORD_BYTES
        replaced = [(row, plain(row)) for row in np.flatnonzero(self._odd).tolist()]
        if replaced:
            self._leave_out_odd()
            pieces = _Pieces(self._fields, self._attributes)
            for row, record in replaced:
                sizes[row] = len(record)
        frames, frame_sizes = _frames(sizes)
        ends = np.cumsum(frame_sizes + sizes)
        begins = ends - sizes
        out = np.empty(int(ends[-1]) + CHUNK, np.uint8)
        places = begins + (1 + _TIME_BYTES) * self._timed
        self._mark()
        pieces.copy(self._source, out, places)
        self._put_heads(out, begins - frame_sizes, frames, frame_sizes)
        self._put_tails(out, places + pieces.bytes_of_rows)
        for part in self._parts:
            rows, encoded = slice(part.begin, part.stop), part.given.encoded
            places = ends[rows] - len(encoded)
            put(out, places[~self._odd[rows]] if replaced else places, np.frombuffer(encoded, np.uint8))
        for row, record in replaced:
            out[begins[row] : ends[row]] = np.frombuffer(record, np.uint8)
        return out[:-CHUNK].data, ends

    def _leave_out_odd(self) -> None:
        fine = ~self._odd
        self._attributes = self._attributes.at(fine[self._attributes.rows])
        self._fields.kind_length *= fine
        self._fields.message_length *= fine
        self._timed &= fine
        self._tails &= fine

    def _mark(self) -> None:
        """Writes our tags and sizes over theirs."""
        fields, attributes, source = self._fields, self._attributes, self._source
        source[fields.message[fields.message_length > 0]] = _OUR_MESSAGE
        source[attributes.entry - 2] = _OUR_ATTRIBUTE
        source[attributes.entry - 1] = attributes.size.astype(np.uint8)
        long = np.flatnonzero(attributes.size >= _MORE)
        if len(long):
            entry, size = attributes.entry[long], attributes.size[long]
            source[entry - 3] = _OUR_ATTRIBUTE
            source[entry - 2] = size & (_MORE - 1) | _MORE
            source[entry - 1] = size >> 7

    def _put_heads(self, out: Bytes, places: Ints, frames: Bytes, frame_sizes: Ints) -> None:
        """Tag and size of each record, and its time."""
        values = np.empty((len(places), _FRAME_BYTES + 1 + _TIME_BYTES), np.uint8)
        values[:, :_FRAME_BYTES] = frames
        values[:, _FRAME_BYTES] = _OUR_TIME
        values[:, _FRAME_BYTES + 1 :] = self._fields.times.view(np.uint8).reshape(-1, _TIME_BYTES)
        kinds = frame_sizes * 2 + self._timed
        for kind in range(int(kinds.min()), int(kinds.max()) + 1):
            those = np.flatnonzero(kinds == kind)
            begin, end = _FRAME_BYTES - kind // 2, None if kind % 2 else _FRAME_BYTES
            if len(those) == len(places):
                put(out, places, values[:, begin:end])
            elif len(those):
                put(out, places[those], values[those, begin:end])

    def _put_tails(self, out: Bytes, places: Ints) -> None:
        fields = self._fields
        if not self._tails.any():
            return
        binary = np.empty((len(places), _TRACE_BYTES + _SPAN_BYTES + 1), np.uint8)
        binary[:, :_TRACE_BYTES] = take(self._source, fields.trace, _TRACE_BYTES)
        binary[:, _TRACE_BYTES:-1] = take(self._source, fields.span, _SPAN_BYTES)
        binary[:, -1] = fields.flags
        digits = np.frombuffer(binary.tobytes().hex().encode(), np.uint8).reshape(len(places), -1)
        values = np.empty((len(places), _TAIL_BYTES), np.uint8)
        values[:] = _TAIL
        at, digit = 0, 0
        for attribute, size in zip(_TAIL_ATTRIBUTES, (2 * _TRACE_BYTES, 2 * _SPAN_BYTES, 2), strict=True):
            at += len(attribute)
            values[:, at - size : at] = digits[:, digit : digit + size]
            digit += size
        if self._tails.all():
            put(out, places, values)
            return
        at = 0
        for there, attribute in zip(self._tails, _TAIL_ATTRIBUTES, strict=True):
            put(out, places[there], values[there, at : at + len(attribute)])
            at += len(attribute)
            places = places + len(attribute) * there


class _Pieces:
    """What is copied from the source: two pieces of each record, its kind and its message, and two of each attribute."""

    def __init__(self, fields: _Fields, attributes: _Attributes) -> None:
        counts = attributes.counts + 1
        ends = np.cumsum(counts)
        self._counts, self._firsts = counts, ends - counts
        others = np.arange(1, len(attributes.rows) + 1)
        others += attributes.rows
        self._begins = begins = np.empty((int(ends[-1]), 2), np.int64)
        self._lengths = lengths = np.empty_like(begins)
        begins[self._firsts, 0], lengths[self._firsts, 0] = fields.kind, fields.kind_length
        begins[self._firsts, 1], lengths[self._firsts, 1] = fields.message, fields.message_length
        # The tag of a value is the last byte of what is before it, unless that is empty.
        size_bytes = 2 + (attributes.size >= _MORE)
        begins[others, 0], begins[others, 1] = attributes.entry - size_bytes, attributes.value
        lengths[others, 0] = attributes.size - attributes.value_length + size_bytes
        lengths[others, 1] = attributes.value_length
        self._ends = np.cumsum(lengths.ravel())
        of_rows = self._ends[2 * ends - 1]
        self.bytes_of_rows: Ints = of_rows.copy()
        self.bytes_of_rows[1:] -= of_rows[:-1]
        self._before = of_rows - self.bytes_of_rows

    def copy(self, source: Bytes, out: Bytes, places: Ints) -> None:
        """Those of each record to its place."""
        lengths = self._lengths.ravel()
        at = self._ends - lengths
        at += np.repeat(places - self._before, 2 * self._counts)
        copy_pieces(source, self._begins.ravel(), lengths, out, at)


def _frames(sizes: Ints) -> tuple[Bytes, Ints]:
    """The tag and the size that come before a record of ours, at the end of a row of _FRAME_BYTES, and how many bytes that
    is."""
    least, most = int(sizes.min()), int(sizes.max())
    if least >= _MORE and most < _TWO:
        frames, counts = _OUR_RECORD << 8 | (sizes & (_MORE - 1) | _MORE) << 16 | sizes >> 7 << 24, np.full(len(sizes), 3)
    else:
        one, two = sizes < _MORE, sizes < _TWO
        frames = np.where(two, _OUR_RECORD << 8 | (sizes >> 7) << 24, _OUR_RECORD | (sizes >> 7 & (_MORE - 1) | _MORE) << 16)
        frames |= np.where(two, (sizes & (_MORE - 1) | _MORE) << 16, (sizes & (_MORE - 1) | _MORE) << 8 | sizes >> 14 << 24)
        frames = np.where(one, _OUR_RECORD << 16 | sizes << 24, frames)
        counts = np.where(one, 2, np.where(two, 3, _FRAME_BYTES))
    return frames.view(np.uint8).reshape(-1, _WORD_BYTES)[:, :_FRAME_BYTES], counts


def _in_order(columns: Sequence[tuple[Ints, Ints, Ints]], count: int) -> tuple[Ints, Ints, Ints, Ints]:
    """columns: of the first attribute, of the second, ...: rows, and two numbers. The number of attributes of each row, and
    the columns in the order of the rows, and as they came within a row."""
    if len(columns[-1][0]) == count:
        rows = np.repeat(columns[0][0], len(columns))
        firsts, seconds = (
            np.concatenate(numbers).reshape(-1, count).T.ravel() for numbers in list(zip(*columns, strict=True))[1:]
        )
        return np.full(count, len(columns)), rows, firsts, seconds
    rows, first_numbers, second_numbers = map(np.concatenate, zip(*columns, strict=True))
    counts = np.bincount(rows, minlength=count)
    places = (np.cumsum(counts) - counts)[rows]
    places += np.repeat(np.arange(len(columns)), [len(column[0]) for column in columns])
    firsts, seconds = np.empty_like(rows), np.empty_like(rows)
    firsts[places], seconds[places] = first_numbers, second_numbers
    return counts, np.repeat(np.arange(count), counts), firsts, seconds


def _unpacked(varints: Words, length: int) -> Words:
    """What varints say, if they have no more than this and eight bytes: seven bits of each byte."""
    for bits, low in ((7, 0x007F007F007F007F), (14, 0x00003FFF00003FFF), (28, 0x000000000FFFFFFF)):
        mask, size = np.uint64(low), 8 * bits // 7
        varints = varints & mask | varints >> np.uint64(size - bits) & mask << np.uint64(bits)
        if 8 * length <= 2 * size:
            break
    return varints


def _prints(words: Words, tags: Ints, sizes: Ints) -> Words:
    """A number for each key, the same for the same key; others have hardly ever the same unless they are long. tags: where
    each key is, with its tag and size before it."""
    firsts, lasts = words[tags], words[tags + sizes - (_WORD_BYTES - 2)]
    short = np.flatnonzero(sizes < _WORD_BYTES - 2)
    if len(short):
        firsts[short] &= _WORD_MASKS[sizes[short] + 2]
        lasts[short] = 0
    prints: Words = firsts * _FIRST_FACTOR ^ lasts * _LAST_FACTOR
    return prints


@lru_cache(maxsize=256)
def _prints_of(keys: frozenset[bytes]) -> tuple[Words, Flags]:
    """The numbers of these keys, and whether there is one with these first bits."""
    # Longer ones are odd, and need not be found here.
    entries = [bytes([_KEY, len(key)]) + key for key in keys if len(key) < _MORE]
    lengths = np.fromiter(map(len, entries), np.int64, len(entries))
    prints = _prints(_words(b"".join([*entries, _PAD])), np.cumsum(lengths) - lengths, lengths - 2)
    short = np.zeros(1 << _SHORT_PRINT_BITS, bool)
    short[prints >> _SHORT_PRINT_SHIFT] = True
    return prints, short


def _among(prints: Words, keys: frozenset[bytes]) -> Ints:
    """The indexes of those that may be of these keys."""
    theirs, short = _prints_of(keys)
    maybe = np.flatnonzero(short[(prints >> _SHORT_PRINT_SHIFT).view(np.int64)])
    return maybe[np.isin(prints[maybe], theirs)] if len(maybe) else maybe


def _halves(source: Bytes) -> npt.NDArray[np.uint16]:
    """The two bytes from each position on, as a number."""
    return np.ndarray(len(source) - 1, "<u2", source, strides=(1,))


def _words(raw: Any) -> Words:
    """The eight bytes from each position on, as a number."""
    return np.ndarray(len(raw) - _WORD_BYTES + 1, "<u8", raw, strides=(1,))
