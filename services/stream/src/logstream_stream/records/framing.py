"""Writes server-sent events: the native framing of /stream and the seed's framing of /logs. It must not know who is sent
which event.

Source: WHATWG HTML, "Server-sent events"; the seed's contract for /logs (one unnamed event a record)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import orjson
from logstream_contract.rows.rows import MAX_AHEAD_NANOS
from logstream_contract.rows.timestamps import iso_micros

from logstream_stream.order.event_id import EventId
from logstream_stream.order.history import records_url
from logstream_stream.order.outcomes import Gap
from logstream_stream.records.columns import Columns
from logstream_stream.records.rendering import SEED_STRIDE, Rendered, render_native, render_seed

# A comment without an empty line after it. That would end a block, and some clients make an event of a block without data.
HEARTBEAT: Final = b":\n"

# How far the time of a record may be from the time at which the gateway received it, for the range of a gap. The contract
# lets it be 10 minutes ahead. How far it is behind has no limit: a sender that buffered for longer is not covered.
GAP_MARGIN_NS: Final = MAX_AHEAD_NANOS
_LAST_NS: Final = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000_000


class Framing(Protocol):
    """How records and notices look on one route. A notice that a route does not have is b""."""

    def render(self, columns: Columns) -> Rendered: ...

    def logs(self, pieces: list[bytes], event_id: EventId | None) -> bytes:
        """pieces: those of one or more records rendered by this framing. event_id: that of the last one; None: no id."""

    def gap(self, gap: Gap, filter_query: str) -> bytes:
        """filter_query: the filter of the viewers who are sent this, as parameters of the history route."""

    def dropped(self, *, records: int, from_us: int, to_us: int, reason: str) -> bytes:
        """from_us and to_us: the earliest and the latest time among the dropped records."""

    def live(self) -> bytes:
        """The end of the catch-up: nothing that was stored before it follows. It has no id of its own; see with_id."""

    def counts(self, counts: Mapping[str, Any], event_id: EventId | None) -> bytes: ...

    def status(self, status: Mapping[str, str]) -> bytes: ...


# Each record of a `logs` event is a line of its own, since some clients refuse long lines. Clients join the lines with line
# breaks, which JSON allows between values. A line begins with the comma that follows the previous record.
_NEXT_LINE: Final = b"\ndata: "
_NEXT_RECORD: Final = _NEXT_LINE + b","


class NativeFraming:
    """/stream: named events with JSON data."""

    def render(self, columns: Columns) -> Rendered:
        return render_native(columns, opening=_NEXT_RECORD, new_line=_NEXT_LINE)

    def logs(self, pieces: list[bytes], event_id: EventId | None) -> bytes:
        parts = pieces.copy()
        parts[0] = b"%b[%b" % (_head(b"logs", event_id), parts[0][len(_NEXT_RECORD) :])
        parts.append(b"]\n\n")
        return b"".join(parts)

    def gap(self, gap: Gap, filter_query: str) -> bytes:
        return _event(b"gap", gap_data(gap, filter_query))

    def dropped(self, *, records: int, from_us: int, to_us: int, reason: str) -> bytes:
        return _event(b"dropped", _dropped_data(records, from_us, to_us, reason))

    def live(self) -> bytes:
        return _event(b"live", {})

    def counts(self, counts: Mapping[str, Any], event_id: EventId | None) -> bytes:
        return _event(b"counts", counts, event_id)

    def status(self, status: Mapping[str, str]) -> bytes:
        return _event(b"status", status)


class SeedFraming:
    """/logs: an unnamed event for each record; notices are comments. The last record of a frame carries the id."""

    def render(self, columns: Columns) -> Rendered:
        return render_seed(columns, opening=b"data: ", closing=b"\n\n")

    def logs(self, pieces: list[bytes], event_id: EventId | None) -> bytes:
        if event_id is None:
            return b"".join(pieces)
        return b"".join([*pieces[:-SEED_STRIDE], _identity(event_id), *pieces[-SEED_STRIDE:]])

    def gap(self, gap: Gap, filter_query: str) -> bytes:
        return _comment(b"gap", gap_data(gap, filter_query))

    def dropped(self, *, records: int, from_us: int, to_us: int, reason: str) -> bytes:
        return _comment(b"dropped", _dropped_data(records, from_us, to_us, reason))

    def live(self) -> bytes:
        return b""

    def counts(self, counts: Mapping[str, Any], event_id: EventId | None) -> bytes:
        return b""

    def status(self, status: Mapping[str, str]) -> bytes:
        return b""


def retry(milliseconds: int) -> bytes:
    """Tells the client how long to wait before it reconnects. It is a line of the block that follows: of a block of its own,
    some clients would make an event without data."""
    return b"retry: %d\n" % milliseconds


def with_id(body: bytes, event_id: bytes) -> bytes:
    """Adds this id to an event that has none: some clients forget the last id when an event has none."""
    return body if not event_id or body.startswith(b":") else b"id: %b\n%b" % (event_id, body)


def gap_data(gap: Gap, filter_query: str = "") -> dict[str, str | None]:
    """The range of record times to read from history (start inclusive, end exclusive), the address to read them from, and
    the range of receive times."""
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
    # For history the end of a range is exclusive.
    return {"records": records, "reason": reason, "from": iso_micros(from_us), "to": iso_micros(to_us + 1)}


def _iso(time_ns: int) -> str:
    return iso_micros(min(max(time_ns, 0), _LAST_NS) // 1_000)


def _event(name: bytes, data: Mapping[str, Any], event_id: EventId | None = None) -> bytes:
    # orjson writes no line breaks, so the data is one line.
    return b"%b%b\n\n" % (_head(name, event_id), orjson.dumps(data))


def _head(name: bytes, event_id: EventId | None) -> bytes:
    """Everything in an event before its data."""
    identity = _identity(event_id) if event_id else b""
    return b"%bevent: %b\ndata: " % (identity, name)


def _identity(event_id: EventId) -> bytes:
    return b"id: %b\n" % str(event_id).encode()


def _comment(name: bytes, data: Mapping[str, Any]) -> bytes:
    return b": %b %b\n" % (name, orjson.dumps(data))
