"""What viewers are shown, from the bytes of their streams. Most viewers of a filter are shown the same events: each is
looked into once, and after that only held against what comes, byte by byte. It must not know a socket."""

import re
from array import array
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

Ints = npt.NDArray[np.int64]

# In a message or an attribute every quote has a backslash before it, so nothing else of a record looks like this.
_SEQUENCE: Final = re.compile(rb'\{"sequence":"(\d+)","time":"')
_DATA: Final = b"\ndata: "
# Of an event before its data: an id and a name.
_MOST_HEAD_BYTES: Final = 256
# Comments, and what tells when to come back: lines that may stand before an event.
_BETWEEN: Final = (b":", b"retry: ", b"\n")
# Who is further behind than this is shown what has to be looked into again. The service queues 8 MiB for a viewer, and
# as much lies in buffers on the way.
_SHELF_BYTES: Final = 64 << 20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Unexpected(RuntimeError):
    """Bytes that are no event of /stream."""


@dataclass(frozen=True)
class Span:
    """An announced range of record times, microseconds since the Unix epoch; from_us None: from the beginning of time."""

    from_us: int | None
    to_us: int  # exclusive


@dataclass(frozen=True)
class Gap:
    """An announcement that records may be missing. received: the time in which they were received."""

    span: Span
    received: Span
    reason: str


@dataclass(frozen=True)
class Drop:
    """An announcement of records left out. sure: an id came after it on the same connection, so that who resumes goes on
    after it; otherwise what was left out may have been shown then."""

    records: int
    span: Span
    reason: str
    sure: bool = True


@dataclass
class Sight:
    """What one viewer saw on all of its connections. events: their places in Library.sequences, in the order of arrival."""

    events: "array[int]" = field(default_factory=lambda: array("I"))
    arrived_ns: "array[int]" = field(default_factory=lambda: array("q"))
    drops: list[Drop] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    place: bytes = b""  # the last id
    resumes: int = 0
    unsure: int = 0  # of drops, at their end


class _Known(NamedTuple):
    """An event as it came. number: its place in Library.sequences, -1: it holds no records."""

    body: bytes
    number: int
    records: int
    place: bytes


@dataclass
class Library:
    """The sequences of all events with records that any viewer was shown."""

    sequences: list[Ints] = field(default_factory=list)


class Shelf:
    """The latest events of one filter."""

    def __init__(self, library: Library) -> None:
        self.known: dict[bytes, _Known] = {}
        self._library = library
        self._bytes = 0

    def take(self, head: bytes, body: bytes) -> _Known:
        """Looks into an event with records or counts."""
        number, records = -1, 0
        if head.endswith(b"event: logs"):
            number, found = len(self._library.sequences), sequences_of(body)
            records = len(found)
            self._library.sequences.append(found)
        place = head[4:].partition(b"\n")[0] if head.startswith(b"id: ") else b""
        known = _Known(body, number, records, place)
        self._keep(head, known)
        return known

    def _keep(self, head: bytes, known: _Known) -> None:
        old = self.known.pop(head, None)
        self._bytes += len(known.body) - (len(old.body) if old else 0)
        self.known[head] = known
        while self._bytes > _SHELF_BYTES:
            oldest = next(iter(self.known))
            self._bytes -= len(self.known.pop(oldest).body)


class Reader:
    """Reads one connection of a viewer into its sight. Raises Unexpected."""

    def __init__(self, sight: Sight, shelf: Shelf) -> None:
        self._sight = sight
        self._shelf = shelf
        self._rest = b""
        self._headed = False

    @property
    def headed(self) -> bool:
        """Whether the answer has begun, with the status 200."""
        return self._headed

    def feed(self, got: bytes, now_ns: int) -> int:
        """Takes bytes as they arrived at this moment (nanoseconds since the Unix epoch); the number of records in events
        that are complete with them."""
        data = self._rest + got if self._rest else got
        at = 0
        if not self._headed:
            at = self._head_end(data)
            if not at:
                self._rest = data
                return 0
        sight, known = self._sight, self._shelf.known
        records = 0
        while True:
            while data.startswith(_BETWEEN, at) and (line_end := data.find(b"\n", at)) >= 0:
                at = line_end + 1
            head_end = data.find(_DATA, at, at + _MOST_HEAD_BYTES)
            found = known.get(data[at:head_end]) if head_end >= 0 else None
            if found is not None and data.startswith(found.body, at):
                at += len(found.body)
            else:
                end = data.find(b"\n\n", at) + 2
                if end < 2:
                    break
                found = self._look(data[at:end])
                at = end
            if found is None:
                continue
            if found.number >= 0:
                sight.events.append(found.number)
                sight.arrived_ns.append(now_ns)
                records += found.records
            if found.place:
                sight.place = found.place
                sight.unsure = 0
        self._rest = data[at:]
        return records

    def end(self) -> None:
        """The connection ended: what came after the last id will come again, or will not, if it was left out before that."""
        sight = self._sight
        first = len(sight.drops) - sight.unsure
        sight.drops[first:] = [Drop(drop.records, drop.span, drop.reason, False) for drop in sight.drops[first:]]
        sight.unsure = 0

    def _head_end(self, data: bytes) -> int:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return 0
        status = data[: data.index(b"\r\n")].decode(errors="replace")
        if " 200 " not in status:
            raise Unexpected(f"{status}: {data[end + 4 : end + 300].decode(errors='replace')}")
        self._headed = True
        return end + 4

    def _look(self, event: bytes) -> _Known | None:
        head, separator, data = event.partition(_DATA)
        if not separator:
            raise Unexpected(f"an event without data: {event[:200]!r}")
        name = head.rpartition(b"event: ")[2]
        if name in (b"logs", b"counts"):
            return self._shelf.take(head, event)
        if name == b"dropped":
            said = orjson.loads(data)
            self._sight.drops.append(Drop(int(said["records"]), _span(said["from"], said["to"]), str(said["reason"])))
            self._sight.unsure += 1
        elif name == b"gap":
            said = orjson.loads(data)
            span, received = _span(said["from"], said["to"]), _span(said["received_from"], said["received_to"])
            self._sight.gaps.append(Gap(span, received, str(said["reason"])))
        elif name not in (b"status", b"live"):
            raise Unexpected(f"an event of no known name: {event[:200]!r}")
        return None


def sequences_of(body: bytes) -> Ints:
    """Of the records in an event, in their order."""
    return np.array(_SEQUENCE.findall(body), dtype="S20").astype(np.int64)


def _span(first: str | None, end: str) -> Span:
    return Span(None if first is None else _micros(first), _micros(end))


def _micros(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND
