"""Passes what the sequencer delivers to all viewers. A batch is decoded once, filtered once for each filter, rendered once
for each framing, and queued for each viewer. The hub must not block, wait or know a network: a slow viewer must cost the
others nothing."""

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
# Viewers of a replica that stops reconnect after different times, so that they do not all come at once. A replica takes
# about 2 s to restart, so most of them find it, or another one, at the first try.
_FIRST_RETRY_MS, _RETRY_STEPS, _RETRY_STEP_MS = 1_000, 40, 100

# What the viewers of one channel have in common: framing, filter, records a second.
_Key = tuple[Framing, Filter | None, int]


class Observer(Protocol):
    """Receives events for metrics."""

    def lag(self, seconds: float) -> None: ...
    def dropped(self, reason: str, records: int) -> None: ...
    def gap(self, reason: str) -> None: ...
    def closed(self, reason: str) -> None: ...
    def viewers(self, count: int) -> None: ...
    def filters(self, count: int) -> None: ...
    def failed(self, reason: str) -> None: ...
    def held(self, size: int) -> None: ...


class Hub:
    """Not thread-safe, and no call switches to another greenlet. clock: monotonic seconds; wall_ns: nanoseconds since the
    Unix epoch; timer: processor seconds of this thread."""

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
        # One channel for each combination that somebody watches. It is removed with its last viewer.
        self._channels: dict[_Key, Channel] = {}
        # The counts event of the current second.
        self._counts = SecondCounts()
        # When the next heartbeat is due, in seconds of the clock.
        self._beat_at = clock() + HEARTBEAT_S
        # The highest number of a batch that a viewer read from the window itself. A batch with a higher number is new to
        # every viewer, so they need not be asked one by one.
        self._highest_shown = 0
        # Shared with CatchUp, so that viewers who read the same batch from the window decode it once.
        self.decoder = Decoder()
        # The bytes held for all viewers. Over its limit, _make_room() drops the oldest frames of the furthest behind.
        self.ledger = Ledger(limits.held_bytes)
        self.failures = Failures(clock, observer.failed)
        self.filter_time: FilterTime[CompiledFilter] = FilterTime(limits.filter_time, clock, timer)
        # Where the sequencer is. For a viewer who goes live, everything after this position is queued; it reads what is
        # before it from the window.
        self.live_position = LivePosition(None, 0)
        # What the status event says of the broker and the recent window.
        self.status = {"broker": "down", "recent": "down"}
        self.draining = False

    @property
    def viewer_count(self) -> int:
        return self._admission.viewers

    @property
    def filter_count(self) -> int:
        """Different filters among the connected viewers."""
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
        """Adds a viewer, who is not live yet. Call leave() in the end.

        filter_ None: every record. max_rate: records a second; None: as many as the limits allow. client None: not limited.
        Raises Full, and ValueError for a filter that only history supports.
        """
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
        """The channel for this combination, with nothing on its way."""
        channel = self._channels.get((framing, filter_, rate))
        if channel:
            # What was delivered before this viewer joined is not for its queue.
            self._flush(channel)
            return channel
        own = sum(1 for _, known, at in self._channels if known or at != self._limits.max_rate)
        if (filter_ or rate != self._limits.max_rate) and own >= self._limits.filters:
            raise Full(FILTERS)
        # A batch is filtered once for each filter, whatever the rates are.
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
        """From now on everything after the returned position is queued for the viewer. What is before it is in the
        window."""
        self._flush(self._channels[_key(viewer)])
        viewer.restart()
        viewer.live = True
        return self.live_position

    def show(self, viewer: Viewer, batch: StoredBatch) -> bool:
        """Notes that the viewer is sent this batch from the window. Returns False if it was sent it unnumbered before."""
        if batch.name in viewer.seen_unnumbered:
            return False
        self._highest_shown = max(self._highest_shown, batch.number)
        if batch.name not in viewer.seen_in_window:
            viewer.seen_in_window.add(batch.name)
        return True

    def apply(self, outcomes: Iterable[Outcome]) -> None:
        """Takes the outcomes of the sequencer. A batch that fails becomes a gap, and the next one follows."""
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
        """Queues the records collected so far. Call it every 100 ms."""
        for channel in self._channels.values():
            self._flush(channel)

    def set_status(self, what: str, up: bool) -> None:
        """Announces to viewers that the broker or the recent window is up or down, if that has changed."""
        word = "up" if up else "down"
        if self.status[what] != word:
            self.status[what] = word
            for channel in self._channels.values():
                self._queue(Frame(channel.framing.status(self.status), notice=True), channel.viewers)

    def second(self) -> None:
        """Sends counts and heartbeats, and disconnects viewers who do not read. Call it once a second."""
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
        # They are taken even while nobody watches, so that the next viewer is not sent what is left of the last one's
        # second.
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
        """Notes how many bytes are in memory for what is being written to the viewer; 0: nothing is being written."""
        self.ledger.written_bytes += size - viewer.writing_bytes
        viewer.writing_bytes = size
        if size and self.ledger.excess_bytes > 0:
            self._make_room()

    def drain(self) -> None:
        """Refuses new viewers. The connected ones take what is queued and end."""
        self.draining = True
        self.flush()
        for channel in self._channels.values():
            for count, viewer in enumerate(channel.viewers):
                viewer.close(retry(_FIRST_RETRY_MS + count % _RETRY_STEPS * _RETRY_STEP_MS))

    def gap_frame(self, viewer: Viewer, gap: Gap) -> bytes:
        """The notice of a gap in the records of this viewer only."""
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
        """The records that match each filter; None: there is no time for the filter. A filter that fails is missing."""
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
        """selected None: the filter skipped the batch."""
        if selected is not None and not len(selected):
            return
        recipients: Collection[Viewer] = channel.viewers
        name = outcome.batch.name
        if outcome.batch.number <= self._highest_shown:
            recipients = [viewer for viewer in channel.viewers if name not in viewer.seen_in_window]
        if selected is None:
            # This includes viewers who have seen the batch: a few records do not justify separate frames.
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
        # Until it is live, a viewer reads numbered records from the window itself.
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
        """Counts the memory of the frame for as long as it exists."""
        if frame.ledger is None:
            frame.number = self.ledger.hold(len(frame.body))
            frame.ledger = self.ledger
        return frame

    def _make_room(self) -> None:
        """Makes room: disconnects the viewers with the longest writes, if writes hold most of the memory, and then drops the
        oldest queued frames. The viewers who are furthest behind lose first."""
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
        """Disconnects viewers until at most this many bytes are being written."""
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
        # It leaves when its greenlet runs. Until then its bytes must not be counted, or other viewers would be cut off for
        # them.
        self.writes(viewer, 0)
        self._observer.closed(reason)
        viewer.abort()

    def _count_dropped(self, reason: str, records: int) -> None:
        self._counts.dropped += records
        self._observer.dropped(reason, records)


def _gap_of(outcome: Deliver) -> Gap:
    """The gap for a batch that cannot be shown."""
    return Gap(outcome.batch.received_ns, outcome.batch.received_ns, UNREADABLE)


def _key(viewer: Viewer) -> _Key:
    return viewer.framing, viewer.filter_, viewer.max_rate
