"""From the bytes of a batch to its rows: one pure function for the writer, which stores them, and the stream service, which
shows them, so that what a viewer sees is what is stored. It must look at no clock and no state, and at nothing that a sender
put under `logstream.…`.

A batch that can be decoded is never rejected here. Whatever exceeds a limit of a record is cut or left out, and what can't
be stored is replaced. A mark among the record's attributes says so, and the rows count such records."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter
from typing import Final

from google.protobuf.message import DecodeError

from logstream_contract.rows.attributes import may_need_mending, mend
from logstream_contract.rows.severity import HIGHEST, level_of, severity_of
from logstream_contract.rows.texts import MOST_BYTES_A_CHARACTER, NUL, clean, cut, decode
from logstream_contract.wire.batches import MAX_NODE_BYTES, Undecodable, unknown_in_attributes
from logstream_contract.wire.pb.logs_pb2 import LogBatch
from logstream_contract.wire.pb.transport_pb2 import LooseBatch, LooseRecord

SEQUENCE_INDEX_BITS: Final = 16
# A record time further ahead of the receive time than this is a wrong clock.
MAX_AHEAD_NANOS: Final = 600 * 1_000_000_000
MAX_MESSAGE_BYTES: Final = 64 * 1024
MAX_LEVEL_BYTES: Final = 255
MAX_TIMESTAMP_CHARACTERS: Final = 256

# Marks: attributes that say what was changed.
ORIGINAL_TIME: Final = "logstream.original_time_unix_nano"
ORIGINAL_TIMESTAMP: Final = "logstream.original_timestamp"
MESSAGE_BYTES: Final = "logstream.message_bytes"
LEVEL_BYTES: Final = "logstream.level_bytes"
ATTRIBUTES_RENAMED: Final = "logstream.attributes_renamed"
ATTRIBUTES_CUT: Final = "logstream.attributes_cut"
ATTRIBUTES_DROPPED: Final = "logstream.attributes_dropped"
NULS_REPLACED: Final = "logstream.nuls_replaced"
INVALID_UTF8_REPLACED: Final = "logstream.invalid_utf8_replaced"


class MendReason(StrEnum):
    """Why a record is mended. The values are labels of the writer's counter."""

    TIME_REPLACED = "time_replaced"
    MESSAGE_CUT = "message_cut"
    LEVEL_CUT = "level_cut"
    ATTRIBUTE_RENAMED = "attribute_renamed"
    ATTRIBUTE_CUT = "attribute_cut"
    ATTRIBUTES_DROPPED = "attributes_dropped"
    NUL = "nul"
    INVALID_UTF8 = "invalid_utf8"


REASON_OF_MARK: Final = {
    ORIGINAL_TIME: MendReason.TIME_REPLACED,
    ORIGINAL_TIMESTAMP: MendReason.TIME_REPLACED,
    MESSAGE_BYTES: MendReason.MESSAGE_CUT,
    LEVEL_BYTES: MendReason.LEVEL_CUT,
    ATTRIBUTES_RENAMED: MendReason.ATTRIBUTE_RENAMED,
    ATTRIBUTES_CUT: MendReason.ATTRIBUTE_CUT,
    ATTRIBUTES_DROPPED: MendReason.ATTRIBUTES_DROPPED,
    NULS_REPLACED: MendReason.NUL,
    INVALID_UTF8_REPLACED: MendReason.INVALID_UTF8,
}

_fields = attrgetter("time_unix_nano", "severity", "level", "message", "original_timestamp", "attributes")


@dataclass(frozen=True, slots=True)
class Origin:
    """What the services, not the sender, know about a batch."""

    # Number of the batch in the inbox: row i has the sequence number << 16 | i.
    number: int
    received_unix_nano: int
    # Earlier record times are older than the retention.
    floor_unix_nano: int


@dataclass(slots=True, kw_only=True)
class Rows:
    """The rows of one batch, as columns of equal length in the order of its records."""

    number: int
    node: str
    times_us: list[int]  # microseconds since the Unix epoch
    severities: list[int]  # 0..24
    levels: list[str]
    messages: list[str]
    attributes: list[dict[str, str] | None]  # None: no attributes
    mended: dict[MendReason, int] = field(default_factory=dict)  # the number of mended records by reason

    def __len__(self) -> int:
        return len(self.times_us)

    def sequence(self, index: int) -> int:
        return self.number << SEQUENCE_INDEX_BITS | index


class _Marks:
    """Marks of records, by index. They are kept apart from the attributes of the sender until the end."""

    def __init__(self) -> None:
        self._texts: defaultdict[int, dict[str, str]] = defaultdict(dict)
        self._counts: defaultdict[int, dict[str, int]] = defaultdict(dict)

    def put(self, index: int, mark: str, value: object) -> None:
        self._texts[index][mark] = str(value)

    def count(self, index: int, mark: str, number: int) -> None:
        """Adds up."""
        if number:
            counts = self._counts[index]
            counts[mark] = counts.get(mark, 0) + number

    def write(self, rows: Rows) -> None:
        for index in sorted(self._texts.keys() | self._counts.keys()):
            counts = {mark: str(number) for mark, number in self._counts.get(index, {}).items()}
            marks = {**self._texts.get(index, {}), **counts}
            rows.attributes[index] = {**(rows.attributes[index] or {}), **marks}
            for reason in {REASON_OF_MARK[mark] for mark in marks}:
                rows.mended[reason] = rows.mended.get(reason, 0) + 1


# The fields of a record as they are in _fields.
_Fields = tuple[int, int, str, str, str, Mapping[str, str]]


def rows_of(raw: bytes, origin: Origin) -> Rows:
    """The rows of an encoded LogBatch. Raises Undecodable (from logstream_contract.wire.batches).

    Works column by column: each record costs one attrgetter call and a look at its attributes, and only what a whole-column
    check finds is looked at record by record.
    """
    marks = _Marks()
    node, records = _read(raw, marks)
    node = cut(clean(node), MAX_NODE_BYTES)
    if not records:
        return Rows(number=origin.number, node=node, times_us=[], severities=[], levels=[], messages=[], attributes=[])
    times, severities, levels, messages, timestamps, attribute_maps = map(list, zip(*records, strict=True))
    attributes = [dict(attributes) if attributes else None for attributes in attribute_maps]
    rows = Rows(
        number=origin.number,
        node=node,
        times_us=times,
        severities=severities,
        levels=levels,
        messages=messages,
        attributes=attributes,
    )
    _mend_times(rows, origin, marks)
    _mend_levels(rows, marks)
    _mend_messages(rows, marks)
    _mend_attributes(rows, marks)
    if any(timestamps):
        _keep_timestamps(timestamps, marks)
    marks.write(rows)
    return rows


def _read(raw: bytes, marks: _Marks) -> tuple[str, list[_Fields]]:
    """Node and records. Raises Undecodable."""
    try:
        batch = LogBatch.FromString(raw)
    except DecodeError:
        return _read_loosely(raw, marks)
    # The parser takes an attribute with an unknown field for an unknown field of the record.
    if unknown_in_attributes(raw):
        return _read_loosely(raw, marks)
    return batch.node, list(map(_fields, batch.records))


def _read_loosely(raw: bytes, marks: _Marks) -> tuple[str, list[_Fields]]:
    """The same of a batch with texts that are no UTF-8. Raises Undecodable if there is more amiss."""
    try:
        batch = LooseBatch.FromString(raw)
    except DecodeError as error:
        raise Undecodable(f"not a logstream.v1.LogBatch: {error}") from error
    records: list[_Fields] = []
    for index, record in enumerate(batch.records):
        level, replaced = decode(record.level)
        message, replaced_too = decode(record.message)
        timestamp, and_there = decode(record.original_timestamp)
        marks.count(index, INVALID_UTF8_REPLACED, replaced + replaced_too + and_there)
        attributes = _read_attributes(record, index, marks)
        records.append((record.time_unix_nano, record.severity, level, message, timestamp, attributes))
    return batch.node, records


def _read_attributes(record: LooseRecord, index: int, marks: _Marks) -> dict[str, str]:
    # Of a key that comes again the last value counts, as in any map.
    encoded = {entry.key: entry.value for entry in record.attributes}
    attributes: dict[str, str] = {}
    odd = []
    for key in sorted(encoded):
        name, replaced = decode(key)
        value, replaced_too = decode(encoded[key])
        if replaced:
            odd.append((name, value, replaced + replaced_too))
        else:
            attributes[name] = value
            marks.count(index, INVALID_UTF8_REPLACED, replaced_too)
    for name, value, replaced in odd:
        # A key that was not written like this takes no other's place.
        if name in attributes:
            marks.count(index, ATTRIBUTES_DROPPED, 1)
        else:
            attributes[name] = value
            marks.count(index, INVALID_UTF8_REPLACED, replaced)
    return attributes


def _mend_times(rows: Rows, origin: Origin, marks: _Marks) -> None:
    times = rows.times_us
    latest = origin.received_unix_nano + MAX_AHEAD_NANOS
    # Past the receive time the floor would put the rows where retention drops them at once.
    floor = max(1, min(origin.floor_unix_nano, origin.received_unix_nano))
    if min(times) < floor or max(times) > latest:
        for index, time in enumerate(times):
            if not floor <= time <= latest:
                times[index] = origin.received_unix_nano
                if time:
                    marks.put(index, ORIGINAL_TIME, time)
    rows.times_us = [time // 1_000 for time in times]


def _mend_levels(rows: Rows, marks: _Marks) -> None:
    seen: dict[tuple[int, str], tuple[int, str]] = {}
    pairs = list(zip(rows.severities, rows.levels, strict=True))
    for pair in set(pairs):
        severity, level = pair
        known = severity if 1 <= severity <= HIGHEST else severity_of(level)
        seen[pair] = known, cut(clean(level), MAX_LEVEL_BYTES) or level_of(known)
    if all(pair == mended for pair, mended in seen.items()):
        return
    rows.severities = [seen[pair][0] for pair in pairs]
    rows.levels = [seen[pair][1] for pair in pairs]
    odd = {pair for pair in seen if NUL in pair[1] or len(pair[1].encode()) > MAX_LEVEL_BYTES}
    if odd:
        for index, pair in enumerate(pairs):
            if pair in odd:
                _mark_text(marks, index, pair[1], MAX_LEVEL_BYTES, LEVEL_BYTES)


def _mend_messages(rows: Rows, marks: _Marks) -> None:
    messages = rows.messages
    # So short columns need no encoding to be known as short.
    most = MAX_MESSAGE_BYTES // MOST_BYTES_A_CHARACTER
    if max(map(len, messages)) <= most and NUL not in "".join(messages):
        return
    for index, message in enumerate(messages):
        if NUL in message or len(message) > most:
            messages[index] = cut(clean(message), MAX_MESSAGE_BYTES)
            _mark_text(marks, index, message, MAX_MESSAGE_BYTES, MESSAGE_BYTES)


def _mark_text(marks: _Marks, index: int, text: str, limit_bytes: int, mark: str) -> None:
    """How long it was before it was cut, with its NULs replaced."""
    length = len(clean(text).encode())
    if length > limit_bytes:
        marks.put(index, mark, length)
    marks.count(index, NULS_REPLACED, text.count(NUL))


def _mend_attributes(rows: Rows, marks: _Marks) -> None:
    for index, attributes in enumerate(rows.attributes):
        if attributes and may_need_mending(attributes):
            mended = mend(attributes)
            rows.attributes[index] = mended.attributes
            marks.count(index, ATTRIBUTES_RENAMED, mended.renamed)
            marks.count(index, ATTRIBUTES_CUT, mended.cut)
            marks.count(index, ATTRIBUTES_DROPPED, mended.dropped)
            marks.count(index, NULS_REPLACED, mended.nuls)


def _keep_timestamps(timestamps: Sequence[str], marks: _Marks) -> None:
    for index, timestamp in enumerate(timestamps):
        if timestamp:
            text = timestamp[:MAX_TIMESTAMP_CHARACTERS]
            marks.put(index, ORIGINAL_TIMESTAMP, clean(text))
            marks.count(index, NULS_REPLACED, text.count(NUL))
