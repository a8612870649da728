"""Server-sent events, to the byte: the native framing of /stream and the seed's of /logs. It must not know who is sent what.

Source: WHATWG HTML, "Server-sent events"; the seed's contract for /logs (one unnamed event a record)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import orjson
from logstream_contract.rows.rows import MAX_AHEAD_NANOS
from logstream_contract.rows.timestamps import iso_micros

from logstream_stream.columns import Columns
from logstream_stream.history import records_url
from logstream_stream.place import Place
from logstream_stream.rendering import SEED_STRIDE, Rendered, render_native, render_seed
from logstream_stream.sequencer import Gap

# A comment without an empty line behind it: that would end a block, and some clients make an event of a block without data.
HEARTBEAT: Final = b":\n"

# How far the time of a record may lie from the time the gateway received it, for a gap's range: the contract lets it be 10
# minutes ahead; behind it has no bound, and a sender that buffered for longer than this is not covered.
GAP_MARGIN_NS: Final = MAX_AHEAD_NANOS
_LAST_NS: Final = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000_000


class Framing(Protocol):
    """How records and notices look on one route. A notice a route does not have is b""."""

    def render(self, columns: Columns) -> Rendered: ...

    def logs(self, pieces: list[bytes], place: Place | None) -> bytes:
        """pieces: of one or more records rendered here. place: after the last of them; None: the viewer's place stays."""

    def gap(self, gap: Gap, filter_query: str) -> bytes:
        """filter_query: the filter of who is told, as parameters of history."""

    def dropped(self, records: int, from_us: int, to_us: int, reason: str) -> bytes:
        """from_us and to_us: the earliest and the latest time among the dropped records."""

    def live(self) -> bytes:
        """The end of the opening: of what was stored before it, nothing more comes. Has no place of its own, see placed."""

    def counts(self, counts: Mapping[str, Any], place: Place | None) -> bytes: ...

    def status(self, status: Mapping[str, str]) -> bytes: ...


# A record of a `logs` event is a line of its own, since some clients refuse long ones: lines of data are joined by line
# breaks, which JSON takes between values. It begins with the comma after the one before it.
_NEXT_LINE: Final = b"\ndata: "
_NEXT_RECORD: Final = _NEXT_LINE + b","


class NativeFraming:
    """/stream: named events with JSON data."""

    def render(self, columns: Columns) -> Rendered:
        return render_native(columns, opening=_NEXT_RECORD, new_line=_NEXT_LINE)

    def logs(self, pieces: list[bytes], place: Place | None) -> bytes:
        parts = pieces.copy()
        parts[0] = b"%b[%b" % (_head(b"logs", place), parts[0][len(_NEXT_RECORD) :])
        parts.append(b"]\n\n")
        return b"".join(parts)

    def gap(self, gap: Gap, filter_query: str) -> bytes:
        return _event(b"gap", gap_data(gap, filter_query))

    def dropped(self, records: int, from_us: int, to_us: int, reason: str) -> bytes:
        return _event(b"dropped", _dropped_data(records, from_us, to_us, reason))

    def live(self) -> bytes:
        return _event(b"live", {})

    def counts(self, counts: Mapping[str, Any], place: Place | None) -> bytes:
        return _event(b"counts", counts, place)

    def status(self, status: Mapping[str, str]) -> bytes:
        return _event(b"status", status)


class SeedFraming:
    """/logs: an unnamed event a record, notices as comments. The last record of a frame bears its id."""

    def render(self, columns: Columns) -> Rendered:
        return render_seed(columns, opening=b"data: ", closing=b"\n\n")

    def logs(self, pieces: list[bytes], place: Place | None) -> bytes:
        if place is None:
            return b"".join(pieces)
        return b"".join([*pieces[:-SEED_STRIDE], _identity(place), *pieces[-SEED_STRIDE:]])

    def gap(self, gap: Gap, filter_query: str) -> bytes:
        return _comment(b"gap", gap_data(gap, filter_query))

    def dropped(self, records: int, from_us: int, to_us: int, reason: str) -> bytes:
        return _comment(b"dropped", _dropped_data(records, from_us, to_us, reason))

    def live(self) -> bytes:
        return b""

    def counts(self, counts: Mapping[str, Any], place: Place | None) -> bytes:
        return b""

    def status(self, status: Mapping[str, str]) -> bytes:
        return b""


def retry(milliseconds: int) -> bytes:
    """Tells the client how long to wait before it connects again. A line of the block that comes next, or of none: a block
    of its own would be an event without data to some clients."""
    return b"retry: %d\n" % milliseconds


def placed(body: bytes, place: bytes) -> bytes:
    """A body that has no place of its own, with this one: some clients forget the last id with an event that has none."""
    return body if not place or body.startswith(b":") else b"id: %b\n%b" % (place, body)


def gap_data(gap: Gap, filter_query: str = "") -> dict[str, str | None]:
    """The range of record times to read from history, start inclusive, end exclusive, the address to read them at, and what
    happened in receive time."""
    start = None if gap.from_ns is None else _iso(gap.from_ns - GAP_MARGIN_NS)
    end = _iso(gap.to_ns + GAP_MARGIN_NS)
    return {
        "from": start,
        "to": end,
        "reason": gap.reason,
        "history": records_url(start, end, filter_query),
        "received_from": None if gap.from_ns is None else _iso(gap.from_ns),
        "received_to": _iso(gap.to_ns),
    }


def _dropped_data(records: int, from_us: int, to_us: int, reason: str) -> dict[str, Any]:
    # The end is exclusive where history is asked for it.
    return {"records": records, "reason": reason, "from": iso_micros(from_us), "to": iso_micros(to_us + 1)}


def _iso(time_ns: int) -> str:
    return iso_micros(min(max(time_ns, 0), _LAST_NS) // 1_000)


def _event(name: bytes, data: Mapping[str, Any], place: Place | None = None) -> bytes:
    # orjson writes no line breaks, so the data is one line.
    return b"%b%b\n\n" % (_head(name, place), orjson.dumps(data))


def _head(name: bytes, place: Place | None) -> bytes:
    """All of an event before its data."""
    identity = _identity(place) if place else b""
    return b"%bevent: %b\ndata: " % (identity, name)


def _identity(place: Place) -> bytes:
    return b"id: %b\n" % str(place).encode()


def _comment(name: bytes, data: Mapping[str, Any]) -> bytes:
    return b": %b %b\n" % (name, orjson.dumps(data))
