"""From the bytes of a batch to its rows: one pure function for the writer, which stores them, and the stream service, which
shows them, so that what a viewer sees is what is stored. It must look at no clock and no state."""

from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from logstream_contract.batches import parse_batch
from logstream_contract.pb.logs_pb2 import LogBatch
from logstream_contract.severity import HIGHEST, level_of, severity_of

SEQUENCE_INDEX_BITS: Final = 16
# A record time further ahead of the receive time than this is a wrong clock.
MAX_AHEAD_NANOS: Final = 600 * 1_000_000_000
MAX_MESSAGE_BYTES: Final = 64 * 1024
MAX_LEVEL_BYTES: Final = 255

# Attributes that tell what was changed; the text after the prefix says which field.
ORIGINAL_TIME: Final = "logstream.original_time_unix_nano"
ORIGINAL_TIMESTAMP: Final = "logstream.original_timestamp"
MESSAGE_BYTES: Final = "logstream.message_bytes"
LEVEL_BYTES: Final = "logstream.level_bytes"
NULS_REPLACED: Final = "logstream.nuls_replaced"

_NUL: Final = "\0"
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_columns = attrgetter("time_unix_nano", "severity", "level", "message")


@dataclass(frozen=True, slots=True)
class Origin:
    """What the services, not the sender, know of a batch."""

    # Number of the batch in the inbox: row i has the sequence number << 16 | i.
    number: int
    received_unix_nano: int
    # Earlier record times are older than the retention.
    floor_unix_nano: int


@dataclass(slots=True)
class Rows:
    """The rows of one batch, as columns of equal length in the order of its records."""

    number: int
    node: str
    times_us: list[int]  # microseconds since the Unix epoch
    severities: list[int]  # 0..24
    levels: list[str]
    messages: list[str]
    attributes: list[dict[str, str] | None]  # None: no attributes

    def __len__(self) -> int:
        return len(self.times_us)

    def sequence(self, index: int) -> int:
        return self.number << SEQUENCE_INDEX_BITS | index


def rows_of(raw: bytes, origin: Origin) -> Rows:
    """The rows of an encoded LogBatch. Raises Undecodable (from logstream_contract.batches)."""
    return rows_of_batch(parse_batch(raw), origin)


def rows_of_batch(batch: LogBatch, origin: Origin) -> Rows:
    """The rows of a decoded LogBatch.

    Works column by column: each record costs one attrgetter call and a look at its attributes, and only what a whole-column
    check finds is looked at record by record.
    """
    # Each walk through the field makes its records anew.
    records = list(batch.records)
    if not records:
        return Rows(origin.number, _clean(batch.node), [], [], [], [], [])
    times, severities, levels, messages = map(list, zip(*map(_columns, records), strict=True))
    attributes = [dict(found) if (found := record.attributes) else None for record in records]
    rows = Rows(origin.number, _clean(batch.node), times, severities, levels, messages, attributes)
    _mend_times(rows, origin)
    _mend_levels(rows)
    _mend_messages(rows)
    _mend_attributes(rows)
    return rows


def _note(rows: Rows, index: int, key: str, value: int) -> None:
    found = rows.attributes[index]
    if found is None:
        found = rows.attributes[index] = {}
    found[key] = str(value)


def _note_nuls(rows: Rows, index: int, count: int) -> None:
    found = rows.attributes[index] or {}
    _note(rows, index, NULS_REPLACED, int(found.get(NULS_REPLACED, 0)) + count)


def _clean(text: str) -> str:
    return text.replace(_NUL, _REPLACEMENT) if _NUL in text else text


def _mend_times(rows: Rows, origin: Origin) -> None:
    times = rows.times_us
    latest = origin.received_unix_nano + MAX_AHEAD_NANOS
    # Past the receive time the floor would put the rows where retention drops them at once.
    floor = max(1, min(origin.floor_unix_nano, origin.received_unix_nano))
    if min(times) < floor or max(times) > latest:
        for index, time in enumerate(times):
            if not floor <= time <= latest:
                times[index] = origin.received_unix_nano
                if time:
                    _note(rows, index, ORIGINAL_TIME, time)
    rows.times_us = [time // 1_000 for time in times]


def _mend_levels(rows: Rows) -> None:
    seen: dict[tuple[int, str], tuple[int, str]] = {}
    pairs = list(zip(rows.severities, rows.levels, strict=True))
    for pair in set(pairs):
        severity, level = pair
        known = severity if 1 <= severity <= HIGHEST else severity_of(level)
        seen[pair] = known, _clean(_cut(level, MAX_LEVEL_BYTES)) or level_of(known)
    if all(pair == mended for pair, mended in seen.items()):
        return
    rows.severities = [seen[pair][0] for pair in pairs]
    rows.levels = [seen[pair][1] for pair in pairs]
    odd = {pair for pair in seen if _NUL in pair[1] or len(pair[1].encode()) > MAX_LEVEL_BYTES}
    if odd:
        for index, pair in enumerate(pairs):
            if pair in odd:
                _note_odd_text(rows, index, pair[1], MAX_LEVEL_BYTES, LEVEL_BYTES)


def _mend_messages(rows: Rows) -> None:
    messages = rows.messages
    # A text of n characters has at most 4n bytes, so short columns need no encoding to be known as short.
    long = max(map(len, messages)) * 4 > MAX_MESSAGE_BYTES
    if not long and _NUL not in "".join(messages):
        return
    for index, message in enumerate(messages):
        if _NUL in message or len(message) * 4 > MAX_MESSAGE_BYTES:
            messages[index] = _clean(_cut(message, MAX_MESSAGE_BYTES))
            _note_odd_text(rows, index, message, MAX_MESSAGE_BYTES, MESSAGE_BYTES)


def _mend_attributes(rows: Rows) -> None:
    for index, found in enumerate(rows.attributes):
        if found and _NUL in "".join(found) + "".join(found.values()):
            nuls = sum(key.count(_NUL) + value.count(_NUL) for key, value in found.items())
            rows.attributes[index] = {_clean(key): _clean(value) for key, value in found.items()}
            _note_nuls(rows, index, nuls)


def _note_odd_text(rows: Rows, index: int, text: str, limit_bytes: int, key: str) -> None:
    length = len(text.encode())
    if length > limit_bytes:
        _note(rows, index, key, length)
    nuls = text.count(_NUL)
    if nuls:
        _note_nuls(rows, index, nuls)


def _cut(text: str, limit_bytes: int) -> str:
    """At most limit_bytes of UTF-8, cut between characters."""
    if len(text) * 4 <= limit_bytes:
        return text
    encoded = text.encode()
    return text if len(encoded) <= limit_bytes else encoded[:limit_bytes].decode(errors="ignore")
