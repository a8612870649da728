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

from logstream_stream.arriving.loss_detector import Arrivals, Count
from logstream_stream.arriving.recent_set import Remembered
from logstream_stream.arriving.stored import StoredBatch
from logstream_stream.arriving.window import Reading
from logstream_stream.order.reorder_buffer import Line

PAST_WINDOW: Final = "past the window"
WINDOW_AWAY: Final = "recent window away"
NEW_EPOCH: Final = "new epoch"
BROKER_WAS_AWAY: Final = "broker was away"
LOST: Final = "lost on the way"

# A broken connection is noticed so late at most (two heartbeats, and what was on its way).
_BREAK_NOTICED_NS: Final = 60 * 1_000_000_000
_REMEMBERED_EPOCHS: Final = 16
_REMEMBERED_BATCHES: Final = 65_536


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
class Want:
    """A reading of the window to be made: Window.read's arguments, and what was true when it was asked for."""

    line: Line
    anchor: int
    anchor_name: str | None
    after: int
    upto: int
    count: int
    foreign: tuple[str, ...]
    asked_ns: int


@dataclass(frozen=True, slots=True)
class _Unread:
    """The gateway received what is missing after from_ns; it was found missing at found_ns. epoch: in which it has its
    position, or in a later one. None and "": not known."""

    from_ns: int | None
    found_ns: int
    epoch: str

    def along_with(self, other: "_Unread | None") -> "_Unread":
        if other is None:
            return self
        epoch = self.epoch if self.epoch == other.epoch else ""
        known = self.from_ns is not None and other.from_ns is not None
        from_ns = min(self.from_ns or 0, other.from_ns or 0) if known else None
        return _Unread(from_ns, max(self.found_ns, other.found_ns), epoch)


class Sequencer:
    """Not thread-safe. clock: monotonic seconds; wall_ns: nanoseconds since the Unix epoch."""

    def __init__(self, clock: Callable[[], float], wall_ns: Callable[[], int], waits: Waits = WAITS) -> None:
        self._clock = clock
        self._wall_ns = wall_ns
        self._waits = waits
        self._line: Line | None = None
        # Baselines of epochs that are over, oldest first; their latecomers are delivered unnumbered.
        self._past: dict[str, int] = {}
        # Batches of epochs the window was not yet asked about.
        self._foreign: dict[str, dict[int, StoredBatch]] = {}
        self._foreign_since = 0.0
        self._delivered: Remembered[str] = Remembered(_REMEMBERED_BATCHES)
        self._arrivals = Arrivals()
        # Messages with positions that did not arrive; None: the window was read since they were found missing.
        self._unread: _Unread | None = None
        # Epochs whose memory Redis lost.
        self._forgotten: Remembered[str] = Remembered(_REMEMBERED_EPOCHS)
        self._hole = 0
        self._hole_since = 0.0
        self._asked = float("-inf")
        self._away_until = float("-inf")
        # Whether the last reading failed.
        self.window_is_away = False
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
        self.doubled: Remembered[int] = Remembered(_REMEMBERED_BATCHES)
        # Batches that are in no line of this epoch were delivered after this position, the last at this moment: a viewer
        # that comes back to an earlier place may have missed them.
        self.loose_after: tuple[int, int] | None = None

    @property
    def epoch(self) -> str | None:
        """None: not known yet. Empty: Redis holds nothing."""
        return self._line.epoch if self._line else None

    @property
    def position(self) -> int:
        return self._line.position if self._line else 0

    def broker(self, up: bool) -> list[Outcome]:
        """Tells whether messages of the fanout arrive."""
        out: list[Outcome] = []
        now_ns = self._wall_ns()
        if up and not self._broker_up:
            if self._broken_ns and self._broker_was_up:
                self._broken_ns = self._broken_ns[0], now_ns
            elif self._broken_ns:
                # The first connection: only who came before it can have missed something.
                out.append(Gap(self._broken_ns[0], now_ns, BROKER_WAS_AWAY))
                self._broken_ns = None
        elif not up and self._broker_up:
            if now_ns - self._changed_ns < _BREAK_NOTICED_NS:
                # What was published unnumbered before the change may have been on its way.
                out.append(Gap(now_ns - _BREAK_NOTICED_NS, now_ns, BROKER_WAS_AWAY))
            self._broken_ns = (self._broken_ns[0] if self._broken_ns else now_ns), None
        self._broker_up = up
        self._broker_was_up |= up
        return out

    def hear(self, count: Count, epoch: str, received_ns: Sequence[int]) -> list[Outcome]:
        """Takes the count that came with a message of the fanout, before its batches; see Arrivals.hear."""
        now_ns = self._wall_ns()
        lost = self._arrivals.hear(count, epoch, received_ns)
        if lost is None:
            return []
        if lost.unnumbered:
            self.loose_after = self.position, now_ns
        if lost.unnumbered or lost.epoch in self._forgotten:
            return [Gap(lost.from_ns, now_ns, LOST)]
        self._unread = _Unread(lost.from_ns, now_ns, lost.epoch).along_with(self._unread)
        return []

    def receive(self, epoch: str, batches: Iterable[tuple[int, StoredBatch]]) -> list[Outcome]:
        """Takes one message of the fanout."""
        out: list[Outcome] = []
        for position, batch in batches:
            if not epoch or not position:
                self._loose(batch, out)
            elif self._line and epoch == self._line.epoch:
                self._numbered(self._line, position, batch, out)
            elif epoch in self._past:
                if position > self._past[epoch]:
                    self._loose(batch, out)
            else:
                if not self._foreign:
                    self._foreign_since = self._clock()
                self._foreign.setdefault(epoch, {})[position] = batch
        self._advance(out)
        return out

    def wanted(self) -> Want | None:
        """What to read from the window now; each Want is answered by read() or by away()."""
        now = self._clock()
        if now < self._away_until:
            return None
        line = self._line or Line("", 0, 0)
        hole = self._line is not None and line.has_hole
        grace_s = self._waits.reorder_s if self._broker_up else 0.0
        hole_due = hole and now - self._hole_since >= grace_s
        if not (self._line is None or self._foreign or hole_due or now - self._asked >= self._waits.check_s):
            return None
        self._asked = now
        upto = (line.next_waiting or line.known + 1) - 1
        count = self._waits.read_count if hole else 0
        return Want(line, line.position, line.anchor, line.position, upto, count, tuple(self._foreign), self._wall_ns())

    def away(self) -> None:
        """Tells that the wanted reading failed."""
        self._away_until = self._clock() + self._waits.retry_s
        self.window_is_away = True

    def read(self, want: Want, reading: Reading) -> list[Outcome]:
        """Takes the reading that was wanted."""
        out: list[Outcome] = []
        self.window_is_away = False
        if self._line is not None and self._line is not want.line:
            return out
        if self._line is None:
            self._begin(reading.epoch, reading.position, anchor=reading.anchor)
            for position, name in sorted(reading.names.items()):
                if position <= self.position:
                    self._delivered.add(name)
            if self.position or self._broken_ns:
                # For viewers who were there before: the window's batches may have been published to them or not.
                out.append(Gap(self._verified_ns, self._wall_ns(), WINDOW_AWAY))
        elif reading.epoch != self._line.epoch:
            self._change_epoch(self._line, want, reading, out)
        elif _went_back(want, reading):
            old_position = self._line.position
            self._leave(self._line, sound=False, out=out)
            # Its positions are given a second time: none of them tells that a batch is old.
            self._begin(reading.epoch, reading.position, baseline=0)
            # Places of the old line look like those of the new one.
            self.loose_after = old_position, self._wall_ns()
        else:
            self._take_in(self._line, want, reading)
        for name in want.foreign:
            if name != reading.epoch:
                for batch in self._foreign.pop(name).values():
                    self._loose(batch, out)
                self._forget_later(name, 0)
        self._advance(out)
        if self._line and self._line.epoch == reading.epoch and self._line.position >= reading.position:
            self._verified_ns = max(self._verified_ns, want.asked_ns)
            if self._unread and self._unread.found_ns < want.asked_ns:
                self._unread = None
        return out

    def tick(self) -> list[Outcome]:
        """Gives up what was waited for too long while the window is away; to be called every few ten milliseconds."""
        out: list[Outcome] = []
        if not self.window_is_away:
            return out
        now = self._clock()
        waits = self._waits
        held_bytes = sum(len(batch.data) for batches in self._foreign.values() for batch in batches.values())
        if self._foreign and (now - self._foreign_since >= waits.give_up_s or held_bytes > waits.waiting_bytes):
            self._adopt_unread(out)
        line = self._line
        if line and line.has_hole and self._hole == line.position + 1:
            late = now - self._hole_since >= waits.give_up_s
            if late or line.waiting_bytes > waits.waiting_bytes:
                self._skip(line, (line.next_waiting or line.known + 1) - 1, WINDOW_AWAY, out)
        self._advance(out)
        return out

    def _numbered(self, line: Line, position: int, batch: StoredBatch, out: list[Outcome]) -> None:
        if position > line.position:
            line.put(position, batch)
        elif position > line.baseline:
            # A redelivery, dropped by its name; or Redis came back with an older memory and gave the position again.
            self._loose(batch, out)

    def _loose(self, batch: StoredBatch, out: list[Outcome]) -> None:
        """Delivers a batch outside the line unless it already was."""
        if batch.name not in self._delivered:
            self.loose_after = self.position, self._wall_ns()
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
        line = self._line
        if line is None:
            return
        while True:
            batch = line.take()
            if batch is not None:
                self._deliver(batch, line.epoch, line.position, out)
            elif line.position < line.gone:
                following = line.next_waiting or line.gone + 1
                self._skip(line, min(following - 1, line.gone), PAST_WINDOW, out)
            else:
                break
        if not line.has_hole:
            self._hole = 0
        elif self._hole != line.position + 1:
            self._hole, self._hole_since = line.position + 1, self._clock()

    def _skip(self, line: Line, position: int, reason: str, out: list[Outcome]) -> None:
        out.append(Gap(self._since_ns(), self._wall_ns(), reason))
        line.skip_to(position)

    def _since_ns(self) -> int:
        """Nothing received before is missing, as far as batches come in the order in which they were received."""
        return min(self._verified_ns, self.last_received_ns)

    def _take_in(self, line: Line, want: Want, reading: Reading) -> None:
        if line.anchor is None and want.anchor == line.position > 0:
            line.anchor = reading.anchor
        line.known = max(line.known, reading.position)
        for entry in reading.entries:
            self.healed += line.put(entry.position, entry.batch)
        if want.count:
            line.gone = max(line.gone, min(reading.complete_to, reading.position))

    def _begin(self, epoch: str, position: int, *, baseline: int | None = None, anchor: str | None = None) -> None:
        """Starts a line after this position, or earlier if batches of its epoch already came."""
        early = self._foreign.pop(epoch, {})
        start = min([position, *(found - 1 for found in early)]) if baseline is None else position
        line = Line(epoch, start, start if baseline is None else baseline, known=position)
        line.anchor = anchor if start == position else None
        for found, batch in early.items():
            line.put(found, batch)
        self._past.pop(epoch, None)
        if self.loose_after:
            self.loose_after = None if self._line else (start, self.loose_after[1])
        self._line = line
        self.doubled.clear()
        self._hole = 0
        # The anchor of a new line is not known yet: look again at once.
        self._asked = float("-inf")

    def _change_epoch(self, line: Line, want: Want, reading: Reading, out: list[Outcome]) -> None:
        same_memory = reading.anchor is not None and reading.anchor == want.anchor_name
        forgotten = want.anchor == 0 or reading.position < want.anchor
        other = reading.anchor is not None and want.anchor_name is not None
        if same_memory:
            self._announce_broken(out)
            self._forget_later(line.epoch, line.baseline)
            early = self._foreign.pop(reading.epoch, {})
            line.epoch = reading.epoch
            line.known = max(line.known, reading.position)
            self._past.pop(reading.epoch, None)
            self.loose_after = None
            for position, batch in early.items():
                self._numbered(line, position, batch, out)
        elif (forgotten or other) and reading.epoch not in self._past:
            self._leave(line, sound=True, out=out, into=reading.epoch)
            self._begin(reading.epoch, 0, baseline=0)
            if self._line:
                self._line.known = max(self._line.known, reading.position)
        else:
            self._leave(line, sound=False, out=out)
            # Begins anew with the next reading, which tells the names of what is old.
            self._line = None

    def _adopt_unread(self, out: list[Outcome]) -> None:
        """Goes over to the epoch of the latest batches though the window can't be asked about it."""
        *others, name = self._foreign
        if self._line is not None:
            self._leave(self._line, sound=False, out=out)
        else:
            self._announce_broken(out)
        for other in others:
            for batch in self._foreign.pop(other).values():
                self._loose(batch, out)
            self._forget_later(other, 0)
        self._begin(name, min(self._foreign[name]) - 1)

    def _leave(self, line: Line, *, sound: bool, out: list[Outcome], into: str = "") -> None:
        """Ends a line: announces what it may have missed, then lets go all that waits in it. sound: its end was seen. into:
        the epoch that follows, all of which is read."""
        expected = range(line.position + 1, line.known + 1)
        # In the epoch that comes they will be read.
        if self._unread and (not into or self._unread.epoch != into):
            out.append(Gap(self._unread.from_ns, self._wall_ns(), LOST))
            self._unread = None
        if sound:
            self._forgotten.add(line.epoch)
        if not sound or len(line.waiting) < len(expected):
            out.append(Gap(self._since_ns(), self._wall_ns(), NEW_EPOCH))
        self._announce_broken(out)
        for position in sorted(line.waiting):
            self._deliver(line.waiting[position], line.epoch, position, out)
        self._forget_later(line.epoch, line.baseline)

    def _announce_broken(self, out: list[Outcome]) -> None:
        """A change of epoch says that unnumbered batches were published; those of a broken connection never came here."""
        if self._broken_ns:
            from_ns, to_ns = self._broken_ns
            out.append(Gap(from_ns - _BREAK_NOTICED_NS, to_ns or self._wall_ns(), BROKER_WAS_AWAY))
        self._changed_ns = self._wall_ns()
        self._broken_ns = None if self._broker_up else (self._changed_ns, None)

    def _forget_later(self, epoch: str, baseline: int) -> None:
        self._past[epoch] = baseline
        if len(self._past) > _REMEMBERED_EPOCHS:
            del self._past[next(iter(self._past))]


def _went_back(want: Want, reading: Reading) -> bool:
    """Whether Redis came back with an older memory under the same epoch."""
    other = None not in (want.anchor_name, reading.anchor) and want.anchor_name != reading.anchor
    return reading.position < want.anchor or other
