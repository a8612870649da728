"""The bounded queue of one viewer. A slow viewer loses its oldest records, which is announced to it, and delays nobody. The
queue must not know how bytes reach the viewer."""

from array import array
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from logstream_contract.filters.filters import Filter

from logstream_stream.order.event_id import EventId
from logstream_stream.records.chunk import Frame
from logstream_stream.records.framing import Framing, with_id
from logstream_stream.records.selection import CompiledFilter

SLOW: Final = "slow"
RATE: Final = "rate"
# Bytes that are written in one piece.
PIECE_BYTES: Final = 64 * 1024
_RECENT_BATCHES: Final = 1_000


@dataclass(frozen=True, slots=True)
class QueueLimits:
    records: int
    bytes: int


class RecentNames:
    """The last `limit` names of batches that were added. It takes a few bytes for each name, because a viewer keeps many of
    them for as long as it stays. It confuses two names only if their 64-bit hashes are equal."""

    __slots__ = ("_hashes", "_limit", "_next")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._next = 0
        self._hashes = array("q")

    def __contains__(self, name: str) -> bool:
        return hash(name) in self._hashes

    def add(self, name: str) -> None:
        if len(self._hashes) < self._limit:
            self._hashes.append(hash(name))
        else:
            self._hashes[self._next] = hash(name)
            self._next = (self._next + 1) % self._limit


@dataclass(slots=True)
class _Dropped:
    records: int
    from_us: int
    to_us: int


class Viewer:
    """Not thread-safe. notify: called when there is something to take. abort: called to break its connection."""

    def __init__(
        self,
        framing: Framing,
        *,
        limits: QueueLimits,
        notify: Callable[[], object],
        abort: Callable[[], object],
        filter_: Filter | None = None,
        compiled_filter: CompiledFilter | None = None,
        max_rate: int = 0,
        client: str | None = None,
    ) -> None:
        self.framing = framing
        # The filter of this viewer, None: every record; and the same filter prepared for batches.
        self.filter_ = filter_
        self.compiled_filter = compiled_filter
        self.max_rate = max_rate
        # The client it belongs to; None: not known.
        self.client = client
        # Until it is live, a viewer reads numbered records from the window itself, and only others are queued for it.
        self.live = False
        # True until it has read everything it is sent from the window, which may be after it went live.
        self.catching_up = True
        # How much time its filter took for that.
        self.filter_s = 0.0
        # Names of the batches that it was sent unnumbered while it caught up, and of those that it was sent from the window.
        # A batch that was sent in one way is left out when it arrives in the other.
        self.seen_unnumbered: set[str] = set()
        self.seen_in_window = RecentNames(_RECENT_BATCHES)
        # The last id that it was sent; b"": none yet. And the id at which it went live: when it has caught up, it has seen
        # everything before that.
        self.last_id = b""
        self.live_id: EventId | None = None
        # When the write in progress started, in the hub's clock; None: none is in progress. And how much memory it takes.
        self.writing_since: float | None = None
        self.writing_bytes = 0
        self.closing = False
        self.abort = abort
        self._notify = notify
        self._limits = limits
        self._frames: deque[Frame] = deque()
        self._notices: list[bytes] = []
        # Records that were dropped and not announced yet, by reason.
        self._dropped: dict[str, _Dropped] = {}
        self._records = 0
        self._bytes = 0

    def offer(self, frame: Frame) -> int:
        """Queues a frame. Returns the number of records dropped to make room."""
        if not frame.body:
            return 0
        self._push(frame)
        dropped = 0
        while (self._records > self._limits.records or self._bytes > self._limits.bytes) and len(self._frames) > 1:
            dropped += self._drop_oldest()
        self._notify()
        return dropped

    def take(self) -> tuple[bytes, int]:
        """The next bytes to write and the number of records in them; b"": nothing is queued."""
        parts: list[bytes] = []
        if self._dropped:
            gone, self._dropped = self._dropped, {}
            bodies = [
                self.framing.dropped(records=of.records, from_us=of.from_us, to_us=of.to_us, reason=reason)
                for reason, of in gone.items()
            ]
            parts = [with_id(body, self.last_id) for body in bodies]
        if self._notices:
            parts += [with_id(body, self.last_id) for body in self._notices]
            self._notices = []
        size, records = 0, 0
        while self._frames and (not size or size + len(self._frames[0].body) <= PIECE_BYTES):
            frame = self._pop()
            if frame.event_id:
                self.last_id = frame.event_id
                parts.append(frame.body)
            else:
                parts.append(with_id(frame.body, self.last_id))
            size += len(frame.body)
            records += frame.records
        return b"".join(parts), records

    def stamp(self, frame: Frame) -> bytes:
        """The bytes of the next frame for this viewer, with an id: the frame's own, or else the last one it was sent."""
        if frame.event_id:
            self.last_id = frame.event_id
            return frame.body
        return with_id(frame.body, self.last_id)

    @property
    def oldest(self) -> int | None:
        """The ledger's number of the oldest queued frame; None: none is queued."""
        return self._frames[0].number if self._frames else None

    def shed(self) -> int:
        """Drops the oldest queued frame, of which there must be one. Returns the number of records dropped."""
        dropped = self._drop_oldest()
        self._notify()
        return dropped

    def restart(self) -> None:
        """Removes numbered records from the queue: they will be read from the window."""
        remaining = [
            frame for frame in self._frames if frame.notice or ((frame.records or frame.left_out) and not frame.numbered)
        ]
        self._frames.clear()
        self._records = self._bytes = 0
        for frame in remaining:
            self._push(frame)

    def end_catch_up(self) -> None:
        """It has read everything that it is sent from the window."""
        self.catching_up = False
        self.seen_unnumbered.clear()
        if self.live_id:
            self.last_id = str(self.live_id).encode()

    def close(self, last: bytes) -> None:
        """Lets the viewer take what is queued and then these last bytes, and ends it."""
        self._push(Frame(last, notice=True))
        self.closing = True
        self._notify()

    def _push(self, frame: Frame) -> None:
        self._frames.append(frame)
        self._records += frame.records
        self._bytes += len(frame.body)

    def _pop(self) -> Frame:
        frame = self._frames.popleft()
        self._records -= frame.records
        self._bytes -= len(frame.body)
        return frame

    def _drop_oldest(self) -> int:
        frame = self._pop()
        if frame.notice:
            self._notices.append(frame.body)
        elif frame.records:
            self._drop(SLOW, frame.records, frame)
        elif frame.left_out:
            self._drop(frame.reason, frame.left_out, frame)
        return frame.records

    def _drop(self, reason: str, records: int, frame: Frame) -> None:
        dropped = self._dropped.setdefault(reason, _Dropped(0, frame.from_us, frame.to_us))
        dropped.records += records
        dropped.from_us = min(dropped.from_us, frame.from_us)
        dropped.to_us = max(dropped.to_us, frame.to_us)


def slices(piece: bytes) -> Iterator[bytes]:
    """Splits a piece into parts that a socket accepts nearly at once: the server copies each part."""
    if len(piece) <= PIECE_BYTES:
        yield piece
        return
    for start in range(0, len(piece), PIECE_BYTES):
        yield piece[start : start + PIECE_BYTES]
