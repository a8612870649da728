"""Puts stored batches into one order, the order of their live positions, whatever way they come: fanout messages may be
lost, late, doubled or unnumbered, and Redis may forget. It must not wait, read or write anything itself: it says what to
read (`wanted`) and is told what was found.

What it promises: every batch stored after it began is delivered exactly once or lies in an announced gap. What had a
position and did not arrive is read from the window. What had none, or had it in a memory that Redis lost before it was read,
is found missing by the counts of the writers, and announced. The one loss it can't see is the last of a writer that died
before its next count.

When the epoch changes there are three cases. The batch at our last position is the same in the new epoch: a writer could not
register a batch for a while and says so; positions go on. It is another, or positions are lower: Redis lost its memory, and
everything in the new epoch came after. It can't be told: a gap is announced, and the sequencer begins anew after the newest
position.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from logstream_stream.arriving.loss_detector import Count, LossDetector
from logstream_stream.arriving.recent_set import RecentSet
from logstream_stream.arriving.stored import StoredBatch
from logstream_stream.arriving.window import WindowSnapshot
from logstream_stream.order.reorder_buffer import ReorderBuffer

PAST_WINDOW: Final = "past the window"
WINDOW_UNAVAILABLE: Final = "recent window away"
NEW_EPOCH: Final = "new epoch"
BROKER_WAS_UNAVAILABLE: Final = "broker was away"
LOST: Final = "lost on the way"

# A broken connection is noticed so late at most (two heartbeats, and what was on its way).
_BREAK_NOTICED_NS: Final = 60 * 1_000_000_000
_RECENT_EPOCHS: Final = 16
_RECENT_BATCHES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Waits:
    check_s: float = 0.8  # between two looks at the window's head
    reorder_s: float = 0.1  # before a missing position is read: several writers publish at once
    give_up_s: float = 2.0  # before a missing position is announced as a gap, when the window can't be read
    retry_s: float = 0.5  # before the window is tried again after it was away
    waiting_bytes: int = 64 * 1024 * 1024  # behind a missing position
    read_count: int = 64  # entries in one reading


WAITS: Final = Waits()


@dataclass(frozen=True, slots=True)
class Deliver:
    batch: StoredBatch
    epoch: str
    position: int  # 0: unnumbered


@dataclass(frozen=True, slots=True)
class Gap:
    """Batches received between these moments (nanoseconds since the Unix epoch) may be missing. from_ns None: not known."""

    from_ns: int | None
    to_ns: int
    reason: str


Outcome = Deliver | Gap


@dataclass(frozen=True, slots=True)
class WindowRequest:
    """A reading of the window to be made: Window.read's arguments, and what was true when it was asked for."""

    buffer: ReorderBuffer
    anchor: int
    anchor_name: str | None
    after: int
    upto: int
    count: int
    foreign: tuple[str, ...]
    asked_ns: int


@dataclass(frozen=True, slots=True)
class _MissingMessages:
    """The gateway received what is missing after from_ns; it was found missing at found_ns. epoch: in which it has its
    position, or in a later one. None and "": not known."""

    from_ns: int | None
    found_ns: int
    epoch: str

    def along_with(self, other: "_MissingMessages | None") -> "_MissingMessages":
        if other is None:
            return self
        epoch = self.epoch if self.epoch == other.epoch else ""
        known = self.from_ns is not None and other.from_ns is not None
        from_ns = min(self.from_ns or 0, other.from_ns or 0) if known else None
        return _MissingMessages(from_ns, max(self.found_ns, other.found_ns), epoch)


class Sequencer:
    """Not thread-safe. clock: monotonic seconds; wall_ns: nanoseconds since the Unix epoch."""

    def __init__(self, clock: Callable[[], float], wall_ns: Callable[[], int], waits: Waits = WAITS) -> None:
        self._clock = clock
        self._wall_ns = wall_ns
        self._waits = waits
        self._buffer: ReorderBuffer | None = None
        # Baselines of epochs that are over, oldest first; their latecomers are delivered unnumbered.
        self._past: dict[str, int] = {}
        # Batches of epochs the window was not yet asked about.
        self._foreign: dict[str, dict[int, StoredBatch]] = {}
        self._foreign_since = 0.0
        self._delivered: RecentSet[str] = RecentSet(_RECENT_BATCHES)
        self._loss_detector = LossDetector()
        # Messages with positions that did not arrive; None: the window was read since they were found missing.
        self._unread: _MissingMessages | None = None
        # Epochs whose memory Redis lost.
        self._forgotten: RecentSet[str] = RecentSet(_RECENT_EPOCHS)
        self._missing = 0
        self._missing_since = 0.0
        self._asked = float("-inf")
        self._away_until = float("-inf")
        # Whether the last reading failed.
        self.window_unavailable = False
        self._broker_up = False
        self._broker_was_up = False
        self._broken_ns: tuple[int, int | None] | None = (wall_ns(), None)
        # When the epoch changed last.
        self._changed_ns = 0
        self._verified_ns = wall_ns()
        # When the gateway received the batch at our position.
        self.last_received_ns = wall_ns()
        self.healed = 0
        # Positions in this epoch whose batch was delivered before, unnumbered or in an epoch that is over.
        self.doubled: RecentSet[int] = RecentSet(_RECENT_BATCHES)
        # Batches that are in no line of this epoch were delivered after this position, the last at this moment: a viewer
        # that comes back to an earlier place may have missed them.
        self.unnumbered_after: tuple[int, int] | None = None

    @property
    def epoch(self) -> str | None:
        """None: not known yet. Empty: Redis holds nothing."""
        return self._buffer.epoch if self._buffer else None

    @property
    def position(self) -> int:
        return self._buffer.position if self._buffer else 0

    def set_broker(self, up: bool) -> list[Outcome]:
        """Tells whether messages of the fanout arrive."""
        out: list[Outcome] = []
        now_ns = self._wall_ns()
        if up and not self._broker_up:
            if self._broken_ns and self._broker_was_up:
                self._broken_ns = self._broken_ns[0], now_ns
            elif self._broken_ns:
                # The first connection: only who came before it can have missed something.
                out.append(Gap(self._broken_ns[0], now_ns, BROKER_WAS_UNAVAILABLE))
                self._broken_ns = None
        elif not up and self._broker_up:
            if now_ns - self._changed_ns < _BREAK_NOTICED_NS:
                # What was published unnumbered before the change may have been on its way.
                out.append(Gap(now_ns - _BREAK_NOTICED_NS, now_ns, BROKER_WAS_UNAVAILABLE))
            self._broken_ns = (self._broken_ns[0] if self._broken_ns else now_ns), None
        self._broker_up = up
        self._broker_was_up |= up
        return out

    def hear(self, count: Count, epoch: str, received_ns: Sequence[int]) -> list[Outcome]:
        """Takes the count that came with a message of the fanout, before its batches; see Arrivals.hear."""
        now_ns = self._wall_ns()
        lost = self._loss_detector.hear(count, epoch, received_ns)
        if lost is None:
            return []
        if lost.unnumbered:
            self.unnumbered_after = self.position, now_ns
        if lost.unnumbered or lost.epoch in self._forgotten:
            return [Gap(lost.from_ns, now_ns, LOST)]
        self._unread = _MissingMessages(lost.from_ns, now_ns, lost.epoch).along_with(self._unread)
        return []

    def receive(self, epoch: str, batches: Iterable[tuple[int, StoredBatch]]) -> list[Outcome]:
        """Takes one message of the fanout."""
        out: list[Outcome] = []
        for position, batch in batches:
            if not epoch or not position:
                self._deliver_unnumbered(batch, out)
            elif self._buffer and epoch == self._buffer.epoch:
                self._numbered(self._buffer, position, batch, out)
            elif epoch in self._past:
                if position > self._past[epoch]:
                    self._deliver_unnumbered(batch, out)
            else:
                if not self._foreign:
                    self._foreign_since = self._clock()
                self._foreign.setdefault(epoch, {})[position] = batch
        self._advance(out)
        return out

    def window_request(self) -> WindowRequest | None:
        """What to read from the window now; each Want is answered by read() or by away()."""
        now = self._clock()
        if now < self._away_until:
            return None
        buffer = self._buffer or ReorderBuffer("", 0, 0)
        missing = self._buffer is not None and buffer.next_is_missing
        grace_s = self._waits.reorder_s if self._broker_up else 0.0
        missing_due = missing and now - self._missing_since >= grace_s
        if not (self._buffer is None or self._foreign or missing_due or now - self._asked >= self._waits.check_s):
            return None
        self._asked = now
        upto = (buffer.next_waiting or buffer.known + 1) - 1
        count = self._waits.read_count if missing else 0
        return WindowRequest(
            buffer, buffer.position, buffer.anchor, buffer.position, upto, count, tuple(self._foreign), self._wall_ns()
        )

    def window_failed(self) -> None:
        """Tells that the wanted reading failed."""
        self._away_until = self._clock() + self._waits.retry_s
        self.window_unavailable = True

    def window_read(self, request: WindowRequest, snapshot: WindowSnapshot) -> list[Outcome]:
        """Takes the reading that was wanted."""
        out: list[Outcome] = []
        self.window_unavailable = False
        if self._buffer is not None and self._buffer is not request.buffer:
            return out
        if self._buffer is None:
            self._begin(snapshot.epoch, snapshot.position, anchor=snapshot.anchor)
            for position, name in sorted(snapshot.names.items()):
                if position <= self.position:
                    self._delivered.add(name)
            if self.position or self._broken_ns:
                # For viewers who were there before: the window's batches may have been published to them or not.
                out.append(Gap(self._verified_ns, self._wall_ns(), WINDOW_UNAVAILABLE))
        elif snapshot.epoch != self._buffer.epoch:
            self._change_epoch(self._buffer, request, snapshot, out)
        elif _went_back(request, snapshot):
            old_position = self._buffer.position
            self._leave(self._buffer, sound=False, out=out)
            # Its positions are given a second time: none of them tells that a batch is old.
            self._begin(snapshot.epoch, snapshot.position, baseline=0)
            # Places of the old line look like those of the new one.
            self.unnumbered_after = old_position, self._wall_ns()
        else:
            self._take_in(self._buffer, request, snapshot)
        for name in request.foreign:
            if name != snapshot.epoch:
                for batch in self._foreign.pop(name).values():
                    self._deliver_unnumbered(batch, out)
                self._forget_later(name, 0)
        self._advance(out)
        if self._buffer and self._buffer.epoch == snapshot.epoch and self._buffer.position >= snapshot.position:
            self._verified_ns = max(self._verified_ns, request.asked_ns)
            if self._unread and self._unread.found_ns < request.asked_ns:
                self._unread = None
        return out

    def tick(self) -> list[Outcome]:
        """Gives up what was waited for too long while the window is away; to be called every few ten milliseconds."""
        out: list[Outcome] = []
        if not self.window_unavailable:
            return out
        now = self._clock()
        waits = self._waits
        held_bytes = sum(len(batch.data) for batches in self._foreign.values() for batch in batches.values())
        if self._foreign and (now - self._foreign_since >= waits.give_up_s or held_bytes > waits.waiting_bytes):
            self._adopt_unread(out)
        buffer = self._buffer
        if buffer and buffer.next_is_missing and self._missing == buffer.position + 1:
            late = now - self._missing_since >= waits.give_up_s
            if late or buffer.waiting_bytes > waits.waiting_bytes:
                self._skip(buffer, (buffer.next_waiting or buffer.known + 1) - 1, WINDOW_UNAVAILABLE, out)
        self._advance(out)
        return out

    def _numbered(self, buffer: ReorderBuffer, position: int, batch: StoredBatch, out: list[Outcome]) -> None:
        if position > buffer.position:
            buffer.put(position, batch)
        elif position > buffer.baseline:
            # A redelivery, dropped by its name; or Redis came back with an older memory and gave the position again.
            self._deliver_unnumbered(batch, out)

    def _deliver_unnumbered(self, batch: StoredBatch, out: list[Outcome]) -> None:
        """Delivers a batch outside the line unless it already was."""
        if batch.name not in self._delivered:
            self.unnumbered_after = self.position, self._wall_ns()
            self._deliver(batch, self.epoch or "", 0, out)

    def _deliver(self, batch: StoredBatch, epoch: str, position: int, out: list[Outcome]) -> None:
        if batch.name in self._delivered:
            self.doubled.add(position)
            return
        self._delivered.add(batch.name)
        if position:
            self.last_received_ns = batch.received_ns
        out.append(Deliver(batch, epoch, position))

    def _advance(self, out: list[Outcome]) -> None:
        """Lets go what is next in line, past positions that are gone for good."""
        buffer = self._buffer
        if buffer is None:
            return
        while True:
            batch = buffer.take()
            if batch is not None:
                self._deliver(batch, buffer.epoch, buffer.position, out)
            elif buffer.position < buffer.gone:
                following = buffer.next_waiting or buffer.gone + 1
                self._skip(buffer, min(following - 1, buffer.gone), PAST_WINDOW, out)
            else:
                break
        if not buffer.next_is_missing:
            self._missing = 0
        elif self._missing != buffer.position + 1:
            self._missing, self._missing_since = buffer.position + 1, self._clock()

    def _skip(self, buffer: ReorderBuffer, position: int, reason: str, out: list[Outcome]) -> None:
        out.append(Gap(self._since_ns(), self._wall_ns(), reason))
        buffer.skip_to(position)

    def _since_ns(self) -> int:
        """Nothing received before is missing, as far as batches come in the order in which they were received."""
        return min(self._verified_ns, self.last_received_ns)

    def _take_in(self, buffer: ReorderBuffer, request: WindowRequest, snapshot: WindowSnapshot) -> None:
        if buffer.anchor is None and request.anchor == buffer.position > 0:
            buffer.anchor = snapshot.anchor
        buffer.known = max(buffer.known, snapshot.position)
        for entry in snapshot.entries:
            self.healed += buffer.put(entry.position, entry.batch)
        if request.count:
            buffer.gone = max(buffer.gone, min(snapshot.complete_to, snapshot.position))

    def _begin(self, epoch: str, position: int, *, baseline: int | None = None, anchor: str | None = None) -> None:
        """Starts a line after this position, or earlier if batches of its epoch already came."""
        early = self._foreign.pop(epoch, {})
        start = min([position, *(found - 1 for found in early)]) if baseline is None else position
        buffer = ReorderBuffer(epoch, start, start if baseline is None else baseline, known=position)
        buffer.anchor = anchor if start == position else None
        for found, batch in early.items():
            buffer.put(found, batch)
        self._past.pop(epoch, None)
        if self.unnumbered_after:
            self.unnumbered_after = None if self._buffer else (start, self.unnumbered_after[1])
        self._buffer = buffer
        self.doubled.clear()
        self._missing = 0
        # The anchor of a new line is not known yet: look again at once.
        self._asked = float("-inf")

    def _change_epoch(
        self, buffer: ReorderBuffer, request: WindowRequest, snapshot: WindowSnapshot, out: list[Outcome]
    ) -> None:
        same_memory = snapshot.anchor is not None and snapshot.anchor == request.anchor_name
        forgotten = request.anchor == 0 or snapshot.position < request.anchor
        other = snapshot.anchor is not None and request.anchor_name is not None
        if same_memory:
            self._announce_broken(out)
            self._forget_later(buffer.epoch, buffer.baseline)
            early = self._foreign.pop(snapshot.epoch, {})
            buffer.epoch = snapshot.epoch
            buffer.known = max(buffer.known, snapshot.position)
            self._past.pop(snapshot.epoch, None)
            self.unnumbered_after = None
            for position, batch in early.items():
                self._numbered(buffer, position, batch, out)
        elif (forgotten or other) and snapshot.epoch not in self._past:
            self._leave(buffer, sound=True, out=out, into=snapshot.epoch)
            self._begin(snapshot.epoch, 0, baseline=0)
            if self._buffer:
                self._buffer.known = max(self._buffer.known, snapshot.position)
        else:
            self._leave(buffer, sound=False, out=out)
            # Begins anew with the next reading, which tells the names of what is old.
            self._buffer = None

    def _adopt_unread(self, out: list[Outcome]) -> None:
        """Goes over to the epoch of the latest batches though the window can't be asked about it."""
        *others, name = self._foreign
        if self._buffer is not None:
            self._leave(self._buffer, sound=False, out=out)
        else:
            self._announce_broken(out)
        for other in others:
            for batch in self._foreign.pop(other).values():
                self._deliver_unnumbered(batch, out)
            self._forget_later(other, 0)
        self._begin(name, min(self._foreign[name]) - 1)

    def _leave(self, buffer: ReorderBuffer, *, sound: bool, out: list[Outcome], into: str = "") -> None:
        """Ends a line: announces what it may have missed, then lets go all that waits in it. sound: its end was seen. into:
        the epoch that follows, all of which is read."""
        expected = range(buffer.position + 1, buffer.known + 1)
        # In the epoch that comes they will be read.
        if self._unread and (not into or self._unread.epoch != into):
            out.append(Gap(self._unread.from_ns, self._wall_ns(), LOST))
            self._unread = None
        if sound:
            self._forgotten.add(buffer.epoch)
        if not sound or len(buffer.waiting) < len(expected):
            out.append(Gap(self._since_ns(), self._wall_ns(), NEW_EPOCH))
        self._announce_broken(out)
        for position in sorted(buffer.waiting):
            self._deliver(buffer.waiting[position], buffer.epoch, position, out)
        self._forget_later(buffer.epoch, buffer.baseline)

    def _announce_broken(self, out: list[Outcome]) -> None:
        """A change of epoch says that unnumbered batches were published; those of a broken connection never came here."""
        if self._broken_ns:
            from_ns, to_ns = self._broken_ns
            out.append(Gap(from_ns - _BREAK_NOTICED_NS, to_ns or self._wall_ns(), BROKER_WAS_UNAVAILABLE))
        self._changed_ns = self._wall_ns()
        self._broken_ns = None if self._broker_up else (self._changed_ns, None)

    def _forget_later(self, epoch: str, baseline: int) -> None:
        self._past[epoch] = baseline
        if len(self._past) > _RECENT_EPOCHS:
            del self._past[next(iter(self._past))]


def _went_back(request: WindowRequest, snapshot: WindowSnapshot) -> bool:
    """Whether Redis came back with an older memory under the same epoch."""
    other = None not in (request.anchor_name, snapshot.anchor) and request.anchor_name != snapshot.anchor
    return snapshot.position < request.anchor or other
