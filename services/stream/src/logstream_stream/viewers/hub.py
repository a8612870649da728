"""Gives what the sequencer delivers to all viewers: decoded once, looked through once a filter, rendered once a framing,
queued for each. It must not block, wait or know a network: one slow viewer must cost the others nothing."""

import time
from collections.abc import Callable, Collection, Iterable
from heapq import heapify, heappop, heapreplace
from typing import Final, Protocol

from logstream_contract.filters.filters import Filter

from logstream_stream.arriving.stored import StoredBatch
from logstream_stream.failures import COUNT, DECODE, DELIVER, FILTER, Failures
from logstream_stream.order.history import query_of
from logstream_stream.order.live_position import LivePosition
from logstream_stream.order.outcomes import Deliver, Gap, Outcome
from logstream_stream.order.sequencer import Sequencer
from logstream_stream.records.chunk import Frame
from logstream_stream.records.decoder import Decoded, Decoder
from logstream_stream.records.framing import HEARTBEAT, Framing, retry
from logstream_stream.records.ledger import Ledger
from logstream_stream.records.selection import CompiledFilter, Selection, select
from logstream_stream.viewers.admission import FILTERS, VIEWERS, Admission, Full, Limits
from logstream_stream.viewers.channel import UNREADABLE, Channel
from logstream_stream.viewers.counts import SecondCounts
from logstream_stream.viewers.filter_time import FilterTime
from logstream_stream.viewers.viewer import SLOW, Viewer

FULL: Final = "memory"
HEARTBEAT_S: Final = 15.0
# A viewer comes back after one of these times, so that a replica's viewers don't all come at once.
# A replica that is started anew takes some 2 s, so most find it, or another, at once.
_FIRST_RETRY_MS, _RETRY_STEPS, _RETRY_STEP_MS = 1_000, 40, 100

# What viewers of one channel have in common: framing, filter, records a second.
_Key = tuple[Framing, Filter | None, int]


class Observer(Protocol):
    """Told what happens, for metrics."""

    def lag(self, seconds: float) -> None: ...
    def dropped(self, reason: str, records: int) -> None: ...
    def gap(self, reason: str) -> None: ...
    def closed(self, reason: str) -> None: ...
    def viewers(self, count: int) -> None: ...
    def filters(self, count: int) -> None: ...
    def failed(self, reason: str) -> None: ...
    def held(self, size: int) -> None: ...


class Hub:
    """Not thread-safe, and no call yields to another greenlet. clock: monotonic seconds; wall_ns: since the Unix epoch;
    timer: seconds that this thread was at work."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        wall_ns: Callable[[], int],
        observer: Observer,
        limits: Limits,
        sequencer: Sequencer,
        timer: Callable[[], float] = time.thread_time,
    ) -> None:
        self.sequencer = sequencer
        self._clock = clock
        self._wall_ns = wall_ns
        self._observer = observer
        self._limits = limits
        self._admission = Admission(limits)
        self._channels: dict[_Key, Channel] = {}
        self._counts = SecondCounts()
        self._beat_at = clock() + HEARTBEAT_S
        # Of the batches that viewers read from the window themselves: a higher number is new to all.
        self._highest_shown = 0
        self.decoder = Decoder()
        self.ledger = Ledger(limits.held_bytes)
        self.failures = Failures(clock, observer.failed)
        self.filter_time: FilterTime[CompiledFilter] = FilterTime(limits.filter_time, clock, timer)
        self.live_position = LivePosition(None, 0)
        self.status = {"broker": "down", "recent": "down"}
        self.draining = False

    @property
    def viewer_count(self) -> int:
        return self._admission.viewers

    @property
    def filter_count(self) -> int:
        """Different filters of those who are connected."""
        return len({filter_ for _, filter_, _ in self._channels if filter_})

    def join(
        self,
        framing: Framing,
        filter_: Filter | None = None,
        *,
        notify: Callable[[], object],
        abort: Callable[[], object],
        max_rate: int | None = None,
        client: str | None = None,
    ) -> Viewer:
        """A new viewer, who is not live yet; wanted None: of all records; max_rate None: as many a second as the limits let;
        client: whose it is, None: not limited. Raises Full, and ValueError for a filter that only history has. leave() must
        be called in the end."""
        if self.draining:
            raise Full(VIEWERS)
        self._admission.check(client)
        rate = self._limits.max_rate if max_rate is None else max_rate
        channel = self._channel(framing, filter_, rate)
        viewer = Viewer(
            framing,
            limits=self._limits.queue,
            notify=notify,
            abort=abort,
            filter_=filter_,
            compiled_filter=channel.compiled_filter,
            max_rate=rate,
            client=client,
        )
        channel.viewers.add(viewer)
        if channel.compiled_filter:
            self.filter_time.enter(channel.compiled_filter, client)
        self._admission.enter(client)
        self._report_viewers()
        return viewer

    def _channel(self, framing: Framing, filter_: Filter | None, rate: int) -> Channel:
        """The channel of who watches this, with nothing on its way."""
        channel = self._channels.get((framing, filter_, rate))
        if channel:
            # What was delivered before a viewer came is not for its queue.
            self._flush(channel)
            return channel
        own = sum(1 for _, known, at in self._channels if known or at != self._limits.max_rate)
        if (filter_ or rate != self._limits.max_rate) and own >= self._limits.filters:
            raise Full(FILTERS)
        # Batches are looked through once a filter, whatever the rates are.
        compiled_filter = next(
            (other.compiled_filter for (_, known, _), other in self._channels.items() if known == filter_), None
        )
        if filter_ and not compiled_filter:
            compiled_filter = CompiledFilter(filter_)
        channel = self._channels[framing, filter_, rate] = Channel(
            framing,
            filter_=filter_,
            compiled_filter=compiled_filter,
            max_rate=rate,
            clock=self._clock,
            failures=self.failures,
        )
        return channel

    def leave(self, viewer: Viewer) -> None:
        key = _key(viewer)
        channel = self._channels.get(key)
        if channel and viewer in channel.viewers:
            channel.viewers.remove(viewer)
            if channel.compiled_filter:
                self.filter_time.leave(channel.compiled_filter, viewer.client)
            self._admission.leave(viewer.client)
            self.writes(viewer, 0)
            if not channel.viewers:
                del self._channels[key]
        if not self._channels:
            self.decoder.forget()
        self._report_viewers()

    def go_live(self, viewer: Viewer) -> LivePosition:
        """From now on the viewer is queued everything after the spot this answers; all up to it is in the window."""
        self._flush(self._channels[_key(viewer)])
        viewer.restart()
        viewer.live = True
        return self.live_position

    def show(self, viewer: Viewer, batch: StoredBatch) -> bool:
        """Whether the viewer, who reads this batch from the window, has not seen it; from now on it has."""
        if batch.name in viewer.seen_unnumbered:
            return False
        self._highest_shown = max(self._highest_shown, batch.number)
        if batch.name not in viewer.seen_in_window:
            viewer.seen_in_window.add(batch.name)
        return True

    def apply(self, outcomes: Iterable[Outcome]) -> None:
        """Takes what the sequencer says. Whatever goes wrong with a batch, it becomes a gap, and the next one comes."""
        for outcome in outcomes:
            try:
                if isinstance(outcome, Gap):
                    self._gap(outcome)
                else:
                    self._deliver(outcome)
            except Exception as error:  # noqa: BLE001 see failures
                self.failures.note(DELIVER, error)
                if isinstance(outcome, Deliver):
                    self._gap(_gap_of(outcome))
        sequencer = self.sequencer
        self.live_position = LivePosition(sequencer.epoch, sequencer.position, sequencer.last_received_ns // 1_000_000)

    def flush(self) -> None:
        """Queues the records gathered so far; to be called every 100 ms."""
        for channel in self._channels.values():
            self._flush(channel)

    def set_status(self, what: str, up: bool) -> None:
        """Tells viewers that the broker or the recent window is up or down, when that changes."""
        word = "up" if up else "down"
        if self.status[what] != word:
            self.status[what] = word
            for channel in self._channels.values():
                self._queue(Frame(channel.framing.status(self.status), notice=True), channel.viewers)

    def second(self) -> None:
        """To be called once a second: counts, heartbeats, and an end for viewers that don't read."""
        now = self._clock()
        self.flush()
        self._send_counts()
        self._observer.held(self.ledger.framed_bytes + self.ledger.written_bytes)
        if now >= self._beat_at:
            self._beat_at = now + HEARTBEAT_S
            for channel in self._channels.values():
                self._queue(Frame(HEARTBEAT), channel.viewers)
        for channel in self._channels.values():
            for viewer in channel.viewers:
                if viewer.writing_since is not None and now - viewer.writing_since > self._limits.viewer_timeout_s:
                    self._cut(viewer, SLOW)

    def _send_counts(self) -> None:
        # Taken also while nobody watches: what is left of the last viewer's second is none of the next one's.
        try:
            counts = self._counts.take(self._wall_ns(), self.viewer_count)
        except Exception as error:  # noqa: BLE001 see failures
            self.failures.note(COUNT, error)
            self._counts = SecondCounts()
            return
        if not self._channels:
            return
        event_id = self.live_position.event_id()
        identity = str(event_id).encode() if event_id else b""
        frames = {
            framing: Frame(framing.counts(counts, event_id), event_id=identity)
            for framing in {framing for framing, _, _ in self._channels}
        }
        for channel in self._channels.values():
            self._queue(frames[channel.framing], [viewer for viewer in channel.viewers if viewer.live])

    def writes(self, viewer: Viewer, size: int) -> None:
        """Tells that so many bytes are in memory for what the viewer is being sent; 0: nothing is."""
        self.ledger.written_bytes += size - viewer.writing_bytes
        viewer.writing_bytes = size
        if size and self.ledger.excess_bytes > 0:
            self._make_room()

    def drain(self) -> None:
        """Takes no more viewers; those there are take what is queued and end."""
        self.draining = True
        self.flush()
        for channel in self._channels.values():
            for count, viewer in enumerate(channel.viewers):
                viewer.close(retry(_FIRST_RETRY_MS + count % _RETRY_STEPS * _RETRY_STEP_MS))

    def gap_frame(self, viewer: Viewer, gap: Gap) -> bytes:
        """The notice of a gap in one viewer's records alone."""
        self._observer.gap(gap.reason)
        return viewer.framing.gap(gap, query_of(viewer.filter_))

    def _deliver(self, outcome: Deliver) -> None:
        lag_s = (self._wall_ns() - outcome.batch.received_ns) / 1e9
        self._observer.lag(lag_s)
        if not self._channels:
            return
        try:
            decoded = self.decoder.decode(outcome.batch)
        except Exception as error:  # noqa: BLE001 see failures
            self.failures.note(DECODE, error, outcome.batch.name)
            self._gap(_gap_of(outcome))
            return
        try:
            self._counts.add(decoded, lag_s * 1_000)
        except Exception as error:  # noqa: BLE001 see failures
            self.failures.note(COUNT, error, outcome.batch.name)
        live_position = LivePosition(outcome.epoch, outcome.position, outcome.batch.received_ns // 1_000_000)
        selections = self._select(decoded, outcome.batch.name)
        for channel in self._channels.values():
            if channel.compiled_filter not in selections:
                self._notice_gap(channel, _gap_of(outcome))
                continue
            try:
                self._deliver_to(channel, outcome, decoded, selections[channel.compiled_filter], live_position)
            except Exception as error:  # noqa: BLE001 see failures
                self.failures.note(DELIVER, error, outcome.batch.name)
                self._notice_gap(channel, _gap_of(outcome))

    def _select(self, decoded: Decoded, name: str) -> dict[CompiledFilter | None, Selection | None]:
        """What each filter lets through; None: there is no time for it. A filter that fails is not in it."""
        selections: dict[CompiledFilter | None, Selection | None] = {None: select(decoded, None)}
        filter_time = self.filter_time
        if not filter_time.begin(len(decoded.columns)):
            return selections
        at_s = filter_time.time()
        for channel in self._channels.values():
            compiled_filter = channel.compiled_filter
            if compiled_filter is None or compiled_filter in selections:
                continue
            if not filter_time.may_take(compiled_filter):
                selections[compiled_filter] = None
                continue
            try:
                selections[compiled_filter] = select(decoded, compiled_filter)
            except Exception as error:  # noqa: BLE001 see failures
                self.failures.note(FILTER, error, name)
            now_s = filter_time.time()
            filter_time.taken(compiled_filter, len(decoded.columns), now_s - at_s)
            at_s = now_s
        return selections

    def _deliver_to(
        self, channel: Channel, outcome: Deliver, decoded: Decoded, selected: Selection | None, live_position: LivePosition
    ) -> None:
        """selected None: nobody looked through the batch for this channel."""
        if selected is not None and not len(selected):
            return
        recipients: Collection[Viewer] = channel.viewers
        name = outcome.batch.name
        if outcome.batch.number <= self._highest_shown:
            recipients = [viewer for viewer in channel.viewers if name not in viewer.seen_in_window]
        if selected is None:
            # Also to who has seen it: a few records are not worth frames of their own.
            self._queue_all(channel.pass_over(select(decoded, None), live_position), channel.viewers)
        elif len(recipients) == len(channel.viewers):
            self._queue_all(channel.add(selected, live_position), channel.viewers)
        elif recipients:
            self._flush(channel)
            self._queue_all(channel.add(selected, live_position), recipients)
            self._queue_all(channel.flush(), recipients)
        if not outcome.position:
            for viewer in recipients:
                if viewer.catching_up:
                    viewer.seen_unnumbered.add(name)

    def _flush(self, channel: Channel) -> None:
        self._queue_all(channel.flush(), channel.viewers)

    def _gap(self, gap: Gap) -> None:
        if self._channels:
            self._observer.gap(gap.reason)
        self.flush()
        for channel in self._channels.values():
            self._notice_gap(channel, gap)

    def _notice_gap(self, channel: Channel, gap: Gap) -> None:
        self._flush(channel)
        body = channel.framing.gap(gap, channel.filter_query)
        self._queue(Frame(body, notice=True), [viewer for viewer in channel.viewers if viewer.live])

    def _report_viewers(self) -> None:
        self._observer.viewers(self.viewer_count)
        self._observer.filters(self.filter_count)

    def _queue_all(self, frames: Iterable[Frame], viewers: Iterable[Viewer]) -> None:
        for frame in frames:
            self._queue(frame, viewers)

    def _queue(self, frame: Frame, viewers: Iterable[Viewer]) -> None:
        # Numbered records a viewer reads from the window itself until it is live.
        live_only = (frame.records or frame.left_out) and frame.numbered
        reached = 0
        self.hold(frame)
        for viewer in viewers:
            if viewer.live or not live_only:
                reached += 1
                dropped = viewer.offer(frame)
                if dropped:
                    self._count_dropped(SLOW, dropped)
        if frame.left_out and reached:
            self._count_dropped(frame.reason, reached * frame.left_out)
        if self.ledger.excess_bytes > 0:
            self._make_room()

    def hold(self, frame: Frame) -> Frame:
        """Counts the frame's memory for as long as it is there."""
        if frame.ledger is None:
            frame.number = self.ledger.hold(len(frame.body))
            frame.ledger = self.ledger
        return frame

    def _make_room(self) -> None:
        """Ends what is being written for longest, if that is most of what is held, and lets viewers lose what has waited for
        longest. Those who are furthest behind lose first."""
        ledger = self.ledger
        spare_bytes = ledger.most_bytes // 8
        if ledger.written_bytes > ledger.most_bytes // 2:
            self._end_longest_writes(ledger.most_bytes // 2 - spare_bytes)
        waiting = [
            (viewer.oldest, number, viewer)
            for number, viewer in enumerate(viewer for channel in self._channels.values() for viewer in channel.viewers)
            if viewer.oldest is not None
        ]
        heapify(waiting)
        while waiting and ledger.excess_bytes > -spare_bytes:
            _, number, viewer = waiting[0]
            self._count_dropped(SLOW, viewer.shed())
            if viewer.oldest is None:
                heappop(waiting)
            else:
                heapreplace(waiting, (viewer.oldest, number, viewer))

    def _end_longest_writes(self, left_bytes: int) -> None:
        """Cuts viewers off until so many bytes are written at most."""
        writing = [
            (viewer.writing_since, number, viewer)
            for number, viewer in enumerate(viewer for channel in self._channels.values() for viewer in channel.viewers)
            if viewer.writing_since is not None
        ]
        heapify(writing)
        while writing and self.ledger.written_bytes > left_bytes:
            _, _, viewer = heappop(writing)
            self._cut(viewer, FULL)

    def _cut(self, viewer: Viewer, reason: str) -> None:
        viewer.writing_since = None
        # It leaves when it has its turn. Until then its bytes must not count again, or others would be cut off for them.
        self.writes(viewer, 0)
        self._observer.closed(reason)
        viewer.abort()

    def _count_dropped(self, reason: str, records: int) -> None:
        self._counts.dropped += records
        self._observer.dropped(reason, records)


def _gap_of(outcome: Deliver) -> Gap:
    """What tells of a batch that nobody can be shown."""
    return Gap(outcome.batch.received_ns, outcome.batch.received_ns, UNREADABLE)


def _key(viewer: Viewer) -> _Key:
    return viewer.framing, viewer.filter_, viewer.max_rate
