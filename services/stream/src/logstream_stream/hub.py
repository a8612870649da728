"""Gives what the sequencer delivers to all viewers: decoded once, looked through once a filter, rendered once a framing,
queued for each. It must not block, wait or know a network: one slow viewer must cost the others nothing."""

from collections.abc import Callable, Collection, Iterable
from typing import Final, Protocol

from logstream_contract.batches import Undecodable
from logstream_contract.filters import Filter

from logstream_stream.admission import FILTERS, VIEWERS, Admission, Full, Limits
from logstream_stream.channel import Channel
from logstream_stream.chunk import Frame, Spot
from logstream_stream.counts import SecondCounts
from logstream_stream.decoder import Decoder
from logstream_stream.framing import HEARTBEAT, Framing, retry
from logstream_stream.history import query_of
from logstream_stream.selection import Selection, Sieve, select
from logstream_stream.sequencer import Deliver, Gap, Outcome, Sequencer
from logstream_stream.stored import StoredBatch
from logstream_stream.viewer import RATE, SLOW, Viewer

UNREADABLE: Final = "unreadable batch"
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


class Hub:
    """Not thread-safe, and no call yields to another greenlet. clock: monotonic seconds; wall_ns: since the Unix epoch."""

    def __init__(
        self,
        clock: Callable[[], float],
        wall_ns: Callable[[], int],
        observer: Observer,
        limits: Limits,
        sequencer: Sequencer,
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
        self.spot = Spot(None, 0)
        self.status = {"broker": "down", "recent": "down"}
        self.draining = False

    @property
    def viewer_count(self) -> int:
        return self._admission.viewers

    @property
    def filter_count(self) -> int:
        """Different filters of those who are connected."""
        return len({wanted for _, wanted, _ in self._channels if wanted})

    def join(
        self,
        framing: Framing,
        notify: Callable[[], object],
        abort: Callable[[], object],
        wanted: Filter | None = None,
        *,
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
        channel = self._channel(framing, wanted, rate)
        viewer = Viewer(framing, self._limits.queue, notify, abort, wanted, channel.sieve, rate, client)
        channel.viewers.add(viewer)
        self._admission.enter(client)
        self._tell_how_many()
        return viewer

    def _channel(self, framing: Framing, wanted: Filter | None, rate: int) -> Channel:
        """The channel of who watches this, with nothing on its way."""
        channel = self._channels.get((framing, wanted, rate))
        if channel:
            # What was delivered before a viewer came is not for its queue.
            self._flush(channel)
            return channel
        own = sum(1 for _, known, at in self._channels if known or at != self._limits.max_rate)
        if (wanted or rate != self._limits.max_rate) and own >= self._limits.filters:
            raise Full(FILTERS)
        # Batches are looked through once a filter, whatever the rates are.
        sieve = next((found.sieve for (_, known, _), found in self._channels.items() if known == wanted), None)
        if wanted and not sieve:
            sieve = Sieve(wanted)
        channel = self._channels[framing, wanted, rate] = Channel(framing, wanted, sieve, rate, self._clock)
        return channel

    def leave(self, viewer: Viewer) -> None:
        key = _key(viewer)
        channel = self._channels.get(key)
        if channel and viewer in channel.viewers:
            channel.viewers.remove(viewer)
            self._admission.leave(viewer.client)
            if not channel.viewers:
                del self._channels[key]
        if not self._channels:
            self.decoder.forget()
        self._tell_how_many()

    def go_live(self, viewer: Viewer) -> Spot:
        """From now on the viewer is queued everything after the spot this answers; all up to it is in the window."""
        self._flush(self._channels[_key(viewer)])
        viewer.restart()
        viewer.live = True
        return self.spot

    def show(self, viewer: Viewer, batch: StoredBatch) -> bool:
        """Whether the viewer, who reads this batch from the window, has not seen it; from now on it has."""
        if batch.name in viewer.seen_loose:
            return False
        self._highest_shown = max(self._highest_shown, batch.number)
        viewer.seen_in_window.add(batch.name)
        return True

    def apply(self, outcomes: Iterable[Outcome]) -> None:
        """Takes what the sequencer says."""
        for outcome in outcomes:
            if isinstance(outcome, Gap):
                self._gap(outcome)
            else:
                self._deliver(outcome)
        sequencer = self.sequencer
        self.spot = Spot(sequencer.epoch, sequencer.position, sequencer.last_received_ns // 1_000_000)

    def flush(self) -> None:
        """Queues the records gathered so far; to be called every 100 ms."""
        for channel in self._channels.values():
            self._flush(channel)

    def set_status(self, what: str, up: bool) -> None:
        """Tells viewers that the broker or the recent window is up or down, when that changes."""
        word = "up" if up else "down"
        if self.status[what] != word:
            self.status[what] = word
            self._notice(lambda channel: channel.framing.status(self.status), live_only=False)

    def second(self) -> None:
        """To be called once a second: counts, heartbeats, and an end for viewers that don't read."""
        now = self._clock()
        self.flush()
        # Taken also while nobody watches: what is left of the last viewer's second is none of the next one's.
        counts = self._counts.take(self._wall_ns(), self.viewer_count)
        if self._channels:
            frames = {
                framing: Frame(framing.counts(counts, self.spot.place()))
                for framing in {framing for framing, _, _ in self._channels}
            }
            for channel in self._channels.values():
                self._queue(frames[channel.framing], [viewer for viewer in channel.viewers if viewer.live])
        if now >= self._beat_at:
            self._beat_at = now + HEARTBEAT_S
            for channel in self._channels.values():
                self._queue(Frame(HEARTBEAT), channel.viewers)
        for channel in self._channels.values():
            for viewer in channel.viewers:
                if viewer.writing_since is not None and now - viewer.writing_since > self._limits.viewer_timeout_s:
                    viewer.writing_since = None
                    self._observer.closed(SLOW)
                    viewer.abort()

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
        return viewer.framing.gap(gap, query_of(viewer.wanted))

    def _deliver(self, outcome: Deliver) -> None:
        lag_s = (self._wall_ns() - outcome.batch.received_ns) / 1e9
        self._observer.lag(lag_s)
        if not self._channels:
            return
        try:
            decoded = self.decoder.decode(outcome.batch)
        except Undecodable:
            received_ns = outcome.batch.received_ns
            self._gap(Gap(received_ns, received_ns, UNREADABLE))
            return
        self._counts.add(decoded, lag_s * 1_000)
        spot = Spot(outcome.epoch, outcome.position, outcome.batch.received_ns // 1_000_000)
        selections: dict[Sieve | None, Selection] = {}
        for channel in self._channels.values():
            selected = selections.get(channel.sieve)
            if selected is None:
                selected = selections[channel.sieve] = select(decoded, channel.sieve)
            if len(selected):
                self._deliver_to(channel, outcome, selected, spot)

    def _deliver_to(self, channel: Channel, outcome: Deliver, selected: Selection, spot: Spot) -> None:
        meant: Collection[Viewer] = channel.viewers
        name = outcome.batch.name
        if outcome.batch.number <= self._highest_shown:
            meant = [viewer for viewer in channel.viewers if name not in viewer.seen_in_window]
        if len(meant) == len(channel.viewers):
            self._queue_all(channel.add(selected, spot), channel.viewers)
        elif meant:
            self._flush(channel)
            self._queue_all(channel.add(selected, spot), meant)
            self._queue_all(channel.flush(), meant)
        if not outcome.position:
            for viewer in meant:
                if not viewer.live:
                    viewer.seen_loose.add(name)

    def _flush(self, channel: Channel) -> None:
        self._queue_all(channel.flush(), channel.viewers)

    def _gap(self, gap: Gap) -> None:
        if self._channels:
            self._observer.gap(gap.reason)
        self.flush()
        self._notice(lambda channel: channel.framing.gap(gap, channel.filter_query), live_only=True)

    def _notice(self, body: Callable[[Channel], bytes], *, live_only: bool) -> None:
        for channel in self._channels.values():
            viewers = [viewer for viewer in channel.viewers if viewer.live or not live_only]
            self._queue(Frame(body(channel), notice=True), viewers)

    def _tell_how_many(self) -> None:
        self._observer.viewers(self.viewer_count)
        self._observer.filters(self.filter_count)

    def _queue_all(self, frames: Iterable[Frame], viewers: Iterable[Viewer]) -> None:
        for frame in frames:
            self._queue(frame, viewers)

    def _queue(self, frame: Frame, viewers: Iterable[Viewer]) -> None:
        # Numbered records a viewer reads from the window itself until it is live.
        live_only = (frame.records or frame.left_out) and frame.numbered
        told = 0
        for viewer in viewers:
            if viewer.live or not live_only:
                told += 1
                dropped = viewer.offer(frame)
                if dropped:
                    self._tell_dropped(SLOW, dropped)
        if frame.left_out and told:
            self._tell_dropped(RATE, told * frame.left_out)

    def _tell_dropped(self, reason: str, records: int) -> None:
        self._counts.dropped += records
        self._observer.dropped(reason, records)


def _key(viewer: Viewer) -> _Key:
    return viewer.framing, viewer.wanted, viewer.max_rate
