"""Puts stored batches into one order, that of their live positions. It must not wait, read or write: it returns what to read
(`window_request`) and takes the result (`window_read`, `window_failed`).

Batches arrive as messages of the fanout. Messages may be lost, late, duplicated or unnumbered, and Redis may lose its
memory. The sequencer delivers every batch that is stored after it started exactly once, or announces a gap that covers it:

- A batch that has a position and does not arrive is read from the window.
- A batch without a position, or with one in a memory that Redis lost before it was read, is detected by the counts of the
  writers (see `arriving.loss_detector`), and a gap is announced.
- One loss is not detected: the last messages of a writer that died before its next count.

Terms:

- position: the number that Redis gives a batch when a writer appends it to the window: 1, 2, 3, ... Batches are delivered in
  this order, without a hole. If the writer could not reach Redis, the batch is unnumbered (position 0) and is delivered as
  soon as it arrives.
- epoch: the name of one run of positions. `order.epochs` explains what a change of epoch means.
- anchor: the batch at the last delivered position. Its name shows whether the window still has the same positions.
- baseline: the newest position when this replica started in an epoch. Batches up to it were never live here.
- missing: said of a position that is known to be assigned and whose batch has not arrived.
- request, snapshot: what to read from the window, and what the window had (`WindowRequest`, `WindowSnapshot`).
- outcome: what the sequencer decides, in order: `Deliver` a batch, or announce a `Gap`.

An example. Epoch e1; positions up to 3 are delivered:

| message        | window                                    | outcome                                                  |
|----------------|-------------------------------------------|----------------------------------------------------------|
| e1: 4          |                                           | deliver 4                                                |
| e1: 6          |                                           | none: 5 is missing, and requested after 0.1 s            |
|                | has 5                                     | deliver 5 and 6                                          |
| e1: 5 again    |                                           | none: it was delivered                                   |
| e1: 8          | 7 was trimmed                             | gap "past the window", deliver 8                         |
| e1: 10         | unavailable for 2 s                       | gap "recent window away", deliver 10                     |
| unnumbered     |                                           | deliver it, without a position                           |
| e2: 11         | epoch e2, our batch is at 10              | deliver 11: a writer had missed Redis, positions go on   |
| e3: 2          | epoch e3, positions 1 and 2               | deliver 1 and 2 of e3: Redis lost its memory             |
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from logstream_contract.units import MIB

from logstream_stream.arriving.loss_detector import Count, LossDetector
from logstream_stream.arriving.recent_set import RecentSet
from logstream_stream.arriving.stored import StoredBatch
from logstream_stream.arriving.window import WindowSnapshot
from logstream_stream.order.broker_outage import BrokerOutage
from logstream_stream.order.epochs import EpochChange, OtherEpochs, change_of_epoch, is_older_memory
from logstream_stream.order.outcomes import LOST, NEW_EPOCH, PAST_WINDOW, WINDOW_UNAVAILABLE, Deliver, Gap, Outcome
from logstream_stream.order.reorder_buffer import ReorderBuffer
from logstream_stream.order.window_request import WindowRequest

_RECENT_BATCHES: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    check_s: float = 0.8  # between two reads of the window's head
    reorder_s: float = 0.1  # before a missing position is read: several writers publish at once
    give_up_s: float = 2.0  # before a missing position is announced as a gap, when the window can't be read
    retry_s: float = 0.5  # before the window is tried again after a failure
    waiting_bytes: int = 64 * MIB  # behind a missing position
    read_count: int = 64  # entries in one snapshot


WAITS: Final = Waits()


@dataclass(frozen=True, slots=True)
class _MissingMessages:
    """Messages with positions that did not arrive: received by the gateway after from_ns, found missing at found_ns, with
    positions in this epoch or a later one. None and "": not known."""

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
        # The current epoch, with its batches that wait for a predecessor. None at first, until the window has been read or
        # given up, and again after a change of epoch of unknown meaning, until the next snapshot.
        self._buffer: ReorderBuffer | None = None
        # All other epochs: those that are over, and those whose batches are held until the window has been read.
        self._other_epochs = OtherEpochs()
        # Names of the batches that were delivered last, in any epoch, and of those that the window had at the start. A batch
        # arrives again when the broker redelivers it to a writer, and when Redis comes back with an older memory.
        self._delivered: RecentSet[str] = RecentSet(_RECENT_BATCHES)
        self._loss_detector = LossDetector()
        # Numbered messages that did not arrive and that no snapshot has covered yet. A snapshot covers them if it was
        # requested after they were found missing and everything in it is delivered. If the epoch ends first, they are a gap.
        self._missing_messages: _MissingMessages | None = None
        # When the broker was unavailable. This matters if unnumbered batches were published at that time.
        self._outage = BrokerOutage(wall_ns())
        # The first missing position (0: none), and since when it is the first. It is requested after reorder_s, and given up
        # after give_up_s if the window is unavailable.
        self._missing = 0
        self._missing_since = 0.0
        # When the window was last requested, in seconds of the clock. Its head is read every check_s, because the last
        # message may be lost, too, and nothing that follows would show it.
        self._requested_at = float("-inf")
        # After a failure, no request is made before this moment.
        self._retry_at = float("-inf")
        # Whether the last request failed. Then viewers who catch up do not try the window, and missing positions are given
        # up.
        self.window_unavailable = False
        # Every numbered batch that was published before this moment has been delivered or announced. No gap starts later.
        self._verified_ns = wall_ns()
        # When the gateway received the batch at our position. A gap starts here if that is earlier, because batches arrive
        # nearly in the order in which they were received.
        self.last_received_ns = wall_ns()
        # How many batches were read from the window because the fanout did not bring them. The caller counts and resets it.
        self.healed = 0
        # Positions of this epoch whose batch was delivered earlier, unnumbered or in an epoch that is over. A viewer that
        # resumes is not sent these batches from the window: it saw them then, or a gap was announced.
        self.doubled: RecentSet[int] = RecentSet(_RECENT_BATCHES)
        # After which position, and when, a batch was last delivered without a position in this epoch. A viewer that resumes
        # from that position or an earlier one may have missed it, and the window cannot show it.
        self.unnumbered_after: tuple[int, int] | None = None

    @property
    def epoch(self) -> str | None:
        """None: not known yet. Empty: Redis holds nothing."""
        return self._buffer.epoch if self._buffer else None

    @property
    def position(self) -> int:
        return self._buffer.position if self._buffer else 0

    def set_broker(self, up: bool) -> list[Outcome]:
        """Takes whether messages of the fanout arrive from now on."""
        gap = self._outage.set_up(up, self._wall_ns())
        return [gap] if gap else []

    def hear(self, count: Count, epoch: str, received_ns: Sequence[int]) -> list[Outcome]:
        """Takes the count that came with a message of the fanout, before its batches; see LossDetector.hear."""
        now_ns = self._wall_ns()
        lost = self._loss_detector.hear(count, epoch, received_ns)
        if lost is None:
            return []
        if lost.unnumbered:
            self.unnumbered_after = self.position, now_ns
        if lost.unnumbered or self._other_epochs.was_lost(lost.epoch):
            return [Gap(lost.from_ns, now_ns, LOST)]
        self._missing_messages = _MissingMessages(lost.from_ns, now_ns, lost.epoch).along_with(self._missing_messages)
        return []

    def receive(self, epoch: str, batches: Iterable[tuple[int, StoredBatch]]) -> list[Outcome]:
        """Takes one message of the fanout."""
        out: list[Outcome] = []
        for position, batch in batches:
            if not epoch or not position:
                self._deliver_unnumbered(batch, out)
            elif self._buffer and epoch == self._buffer.epoch:
                self._put(self._buffer, position, batch, out)
            elif self._other_epochs.is_over(epoch):
                if self._other_epochs.is_live(epoch, position):
                    self._deliver_unnumbered(batch, out)
            else:
                self._other_epochs.hold(epoch, position, batch, self._clock())
        self._advance(out)
        return out

    def window_request(self) -> WindowRequest | None:
        """What to read from the window now. Each request is followed by window_read() or window_failed()."""
        now = self._clock()
        if now < self._retry_at:
            return None
        buffer = self._buffer or ReorderBuffer(epoch="", position=0, baseline=0)
        is_missing = self._buffer is not None and buffer.next_is_missing
        grace_s = self._waits.reorder_s if self._outage.is_up else 0.0
        is_due = is_missing and now - self._missing_since >= grace_s
        held_epochs = self._other_epochs.held
        if not (self._buffer is None or held_epochs or is_due or now - self._requested_at >= self._waits.check_s):
            return None
        self._requested_at = now
        return WindowRequest(
            buffer=buffer,
            anchor=buffer.position,
            anchor_name=buffer.anchor,
            after=buffer.position,
            upto=(buffer.next_waiting or buffer.known + 1) - 1,
            count=self._waits.read_count if is_missing else 0,
            held_epochs=held_epochs,
            requested_ns=self._wall_ns(),
        )

    def window_failed(self) -> None:
        """Takes that the window could not be read."""
        self._retry_at = self._clock() + self._waits.retry_s
        self.window_unavailable = True

    def window_read(self, request: WindowRequest, snapshot: WindowSnapshot) -> list[Outcome]:
        """Takes the snapshot that was requested."""
        out: list[Outcome] = []
        self.window_unavailable = False
        buffer = self._buffer
        if buffer is None:
            self._begin_at_head(snapshot, out)
        elif buffer is not request.buffer:
            return out
        elif snapshot.epoch != buffer.epoch:
            self._change_epoch(buffer, request, snapshot, out)
        elif is_older_memory(request, snapshot):
            self._go_back(buffer, snapshot, out)
        else:
            self._take_entries(buffer, request, snapshot)
        for epoch in request.held_epochs:
            if epoch != snapshot.epoch:
                self._deliver_held(epoch, out)
        self._advance(out)
        if self.epoch == snapshot.epoch and self.position >= snapshot.position:
            self._verified_ns = max(self._verified_ns, request.requested_ns)
            if self._missing_messages and self._missing_messages.found_ns < request.requested_ns:
                self._missing_messages = None
        return out

    def tick(self) -> list[Outcome]:
        """Gives up what has been missing for too long while the window is unavailable. Call it about every 25 ms."""
        out: list[Outcome] = []
        if not self.window_unavailable:
            return out
        now = self._clock()
        waits = self._waits
        others = self._other_epochs
        if others.held and (now - others.held_since >= waits.give_up_s or others.held_bytes > waits.waiting_bytes):
            self._adopt_held_epoch(out)
        buffer = self._buffer
        if buffer and buffer.next_is_missing and self._missing == buffer.position + 1:
            late = now - self._missing_since >= waits.give_up_s
            if late or buffer.waiting_bytes > waits.waiting_bytes:
                self._skip(buffer, (buffer.next_waiting or buffer.known + 1) - 1, WINDOW_UNAVAILABLE, out)
        self._advance(out)
        return out

    # Batches.

    def _put(self, buffer: ReorderBuffer, position: int, batch: StoredBatch, out: list[Outcome]) -> None:
        if position > buffer.position:
            buffer.put(position, batch)
        elif position > buffer.baseline:
            # Either a redelivery, whose name is known; or Redis came back with an older memory and reassigned the position.
            self._deliver_unnumbered(batch, out)

    def _deliver_unnumbered(self, batch: StoredBatch, out: list[Outcome]) -> None:
        """Delivers a batch outside the order of positions, unless it was delivered before."""
        if batch.name not in self._delivered:
            self.unnumbered_after = self.position, self._wall_ns()
            self._deliver(batch, self.epoch or "", 0, out)

    def _deliver_held(self, epoch: str, out: list[Outcome]) -> None:
        """Delivers the held batches of an epoch that is over before it became the current one."""
        for batch in self._other_epochs.take(epoch).values():
            self._deliver_unnumbered(batch, out)
        self._other_epochs.end(epoch, 0)

    def _deliver(self, batch: StoredBatch, epoch: str, position: int, out: list[Outcome]) -> None:
        if batch.name in self._delivered:
            self.doubled.add(position)
            return
        self._delivered.add(batch.name)
        if position:
            self.last_received_ns = batch.received_ns
        out.append(Deliver(batch, epoch, position))

    def _advance(self, out: list[Outcome]) -> None:
        """Delivers what comes next in the buffer, past positions that are gone for good."""
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
        """Nothing received before this is missing, as far as batches come in the order in which they were received."""
        return min(self._verified_ns, self.last_received_ns)

    def _take_entries(self, buffer: ReorderBuffer, request: WindowRequest, snapshot: WindowSnapshot) -> None:
        if buffer.anchor is None and request.anchor == buffer.position > 0:
            buffer.anchor = snapshot.anchor
        buffer.known = max(buffer.known, snapshot.position)
        for entry in snapshot.entries:
            self.healed += buffer.put(entry.position, entry.batch)
        if request.count:
            buffer.gone = max(buffer.gone, min(snapshot.complete_to, snapshot.position))

    # Changes of epoch; what they mean is in the table of order.epochs.

    def _begin_at_head(self, snapshot: WindowSnapshot, out: list[Outcome]) -> None:
        """Starts after the newest batch of the window."""
        self._begin(snapshot.epoch, snapshot.position, anchor=snapshot.anchor)
        for position, name in sorted(snapshot.names.items()):
            if position <= self.position:
                self._delivered.add(name)
        if self.position or self._outage.is_unannounced:
            # For viewers who were already there: the window may contain batches that were stored after they came.
            out.append(Gap(self._verified_ns, self._wall_ns(), WINDOW_UNAVAILABLE))

    def _begin(self, epoch: str, position: int, *, baseline: int | None = None, anchor: str | None = None) -> None:
        """Starts a buffer after this position, or earlier if batches of its epoch have already arrived."""
        held = self._other_epochs.begin(epoch)
        start = min([position, *(held_position - 1 for held_position in held)]) if baseline is None else position
        buffer = ReorderBuffer(epoch=epoch, position=start, baseline=start if baseline is None else baseline, known=position)
        buffer.anchor = anchor if start == position else None
        for held_position, batch in held.items():
            buffer.put(held_position, batch)
        if self.unnumbered_after:
            self.unnumbered_after = None if self._buffer else (start, self.unnumbered_after[1])
        self._buffer = buffer
        self.doubled.clear()
        self._missing = 0
        # The anchor of a new buffer is not known yet: request it at once.
        self._requested_at = float("-inf")

    def _change_epoch(
        self, buffer: ReorderBuffer, request: WindowRequest, snapshot: WindowSnapshot, out: list[Outcome]
    ) -> None:
        change = change_of_epoch(request, snapshot, is_over=self._other_epochs.is_over(snapshot.epoch))
        if change is EpochChange.SAME_MEMORY:
            self._announce_outage(out)
            self._other_epochs.end(buffer.epoch, buffer.baseline)
            held = self._other_epochs.begin(snapshot.epoch)
            buffer.epoch = snapshot.epoch
            buffer.known = max(buffer.known, snapshot.position)
            self.unnumbered_after = None
            for position, batch in held.items():
                self._put(buffer, position, batch, out)
        elif change is EpochChange.MEMORY_LOST:
            self._leave(buffer, sound=True, out=out, into=snapshot.epoch)
            self._begin(snapshot.epoch, 0, baseline=0)
            if self._buffer:
                self._buffer.known = max(self._buffer.known, snapshot.position)
        else:
            self._leave(buffer, sound=False, out=out)
            # The next snapshot starts a new buffer. It has the names of the old batches.
            self._buffer = None

    def _go_back(self, buffer: ReorderBuffer, snapshot: WindowSnapshot, out: list[Outcome]) -> None:
        """Starts again in the same epoch: Redis came back with an older memory."""
        old_position = buffer.position
        self._leave(buffer, sound=False, out=out)
        # Its positions are assigned a second time, so a low position does not mean that a batch is old.
        self._begin(snapshot.epoch, snapshot.position, baseline=0)
        # Ids from before cannot be told from new ones.
        self.unnumbered_after = old_position, self._wall_ns()

    def _adopt_held_epoch(self, out: list[Outcome]) -> None:
        """Continues in the epoch that appeared last, although the window cannot be read."""
        *others, epoch = self._other_epochs.held
        if self._buffer is not None:
            self._leave(self._buffer, sound=False, out=out)
        else:
            self._announce_outage(out)
        for other in others:
            self._deliver_held(other, out)
        self._begin(epoch, self._other_epochs.first_held(epoch) - 1)

    def _leave(self, buffer: ReorderBuffer, *, sound: bool, out: list[Outcome], into: str = "") -> None:
        """Ends a buffer: announces what it may have missed, then delivers all that waits in it. sound: Redis lost the memory
        of its epoch, so its end was seen. into: the epoch that follows, all of which will be read."""
        # Those of the epoch that follows will be read there.
        if self._missing_messages and (not into or self._missing_messages.epoch != into):
            out.append(Gap(self._missing_messages.from_ns, self._wall_ns(), LOST))
            self._missing_messages = None
        if sound:
            self._other_epochs.lose(buffer.epoch)
        if not sound or len(buffer.waiting) < buffer.known - buffer.position:
            out.append(Gap(self._since_ns(), self._wall_ns(), NEW_EPOCH))
        self._announce_outage(out)
        for position in sorted(buffer.waiting):
            self._deliver(buffer.waiting[position], buffer.epoch, position, out)
        self._other_epochs.end(buffer.epoch, buffer.baseline)

    def _announce_outage(self, out: list[Outcome]) -> None:
        """Announces an outage of the broker that may have swallowed unnumbered batches: the epoch has changed."""
        gap = self._outage.epoch_changed(self._wall_ns())
        if gap:
            out.append(gap)
