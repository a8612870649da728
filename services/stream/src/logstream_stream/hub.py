"""Gives what the sequencer delivers to all viewers: decoded once, looked through once a filter, rendered once a framing,
queued for each. It must not block, wait or know a network: one slow viewer must cost the others nothing."""

from collections.abc import Callable, Collection, Iterable
from typing import Final, Protocol

from logstream_contract.batches import Undecodable
from logstream_contract.filters import Filter

from logstream_stream.chunk import Chunk, Frame, Spot
from logstream_stream.counts import SecondCounts
from logstream_stream.decoder import Decoded, Decoder
from logstream_stream.framing import HEARTBEAT, Framing, retry
from logstream_stream.selection import Sieve, select
from logstream_stream.sequencer import Deliver, Gap, Outcome, Sequencer
from logstream_stream.stored import StoredBatch
from logstream_stream.viewer import SLOW, QueueLimits, Viewer

UNREADABLE: Final = "unreadable batch"
VIEWERS: Final = "viewers"
FILTERS: Final = "filters"
HEARTBEAT_S: Final = 15.0
MAX_FILTERS: Final = 1_000
# A viewer comes back after one of these times, so that a replica's viewers don't all come at once.
_FIRST_RETRY_MS, _RETRY_STEPS, _RETRY_STEP_MS = 500, 16, 100


class Full(Exception):
    """No more viewers, or no more different filters, fit; reason says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Observer(Protocol):
    """Told what happens, for metrics."""

    def lag(self, seconds: float) -> None: ...
    def dropped(self, reason: str, records: int) -> None: ...
    def gap(self, reason: str) -> None: ...
    def closed(self, reason: str) -> None: ...
    def viewers(self, count: int) -> None: ...
    def filters(self, count: int) -> None: ...


class _Channel:
    """The viewers of one framing and one filter, and the records on their way to them. Raises ValueError for a filter that
    only history has."""

    def __init__(self, framing: Framing, wanted: Filter | None) -> None:
        self.framing = framing
        self.sieve = Sieve(wanted) if wanted else None
        self.chunk = Chunk(framing)
        self.viewers: set[Viewer] = set()


class Hub:
    """Not thread-safe, and no call yields to another greenlet. clock: monotonic seconds; wall_ns: since the Unix epoch."""

    def __init__(
        self,
        clock: Callable[[], float],
        wall_ns: Callable[[], int],
        observer: Observer,
        limits: QueueLimits,
        max_viewers: int,
        viewer_timeout_s: float,
        sequencer: Sequencer,
        max_filters: int = MAX_FILTERS,
    ) -> None:
        self.sequencer = sequencer
        self._clock = clock
        self._wall_ns = wall_ns
        self._observer = observer
        self._limits = limits
        self._max_viewers = max_viewers
        self._viewer_timeout_s = viewer_timeout_s
        self._max_filters = max_filters
        self._channels: dict[tuple[Framing, Filter | None], _Channel] = {}
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
        return sum(len(channel.viewers) for channel in self._channels.values())

    @property
    def filter_count(self) -> int:
        """Different filters of those who are connected."""
        return len({wanted for _, wanted in self._channels if wanted})

    def join(
        self,
        framing: Framing,
        notify: Callable[[], object],
        abort: Callable[[], object],
        wanted: Filter | None = None,
    ) -> Viewer:
        """A new viewer, who is not live yet; wanted None: of all records. Raises Full, and ValueError for a filter that only
        history has. leave() must be called in the end."""
        if self.draining or self.viewer_count >= self._max_viewers:
            raise Full(VIEWERS)
        channel = self._channels.get((framing, wanted))
        if channel is None:
            if wanted and self.filter_count >= self._max_filters:
                raise Full(FILTERS)
            channel = self._channels[framing, wanted] = _Channel(framing, wanted)
        viewer = Viewer(framing, self._limits, notify, abort, wanted, channel.sieve)
        channel.viewers.add(viewer)
        self._tell_how_many()
        return viewer

    def leave(self, viewer: Viewer) -> None:
        key = viewer.framing, viewer.wanted
        channel = self._channels.get(key)
        if channel:
            channel.viewers.discard(viewer)
            if not channel.viewers:
                del self._channels[key]
        if not self._channels:
            self.decoder.forget()
        self._tell_how_many()

    def go_live(self, viewer: Viewer) -> Spot:
        """From now on the viewer is queued everything after the spot this answers; all up to it is in the window."""
        self._flush(self._channels[viewer.framing, viewer.wanted])
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
            self._notice(lambda framing: framing.status(self.status), live_only=False)

    def second(self) -> None:
        """To be called once a second: counts, heartbeats, and an end for viewers that don't read."""
        now = self._clock()
        self.flush()
        if self._channels:
            counts = self._counts.take(self._wall_ns(), self.viewer_count)
            frames = self._frames(lambda framing: Frame(framing.counts(counts, self.spot.place())))
            for channel in self._channels.values():
                self._queue(frames[channel.framing], [viewer for viewer in channel.viewers if viewer.live])
        if now >= self._beat_at:
            self._beat_at = now + HEARTBEAT_S
            for channel in self._channels.values():
                self._queue(Frame(HEARTBEAT), channel.viewers)
        for channel in self._channels.values():
            for viewer in channel.viewers:
                if viewer.writing_since is not None and now - viewer.writing_since > self._viewer_timeout_s:
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

    def gap_frame(self, framing: Framing, gap: Gap) -> bytes:
        """The notice of a gap in one viewer's records alone."""
        self._observer.gap(gap.reason)
        return framing.gap(gap)

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
        for channel in self._channels.values():
            self._deliver_to(channel, outcome, decoded, spot)

    def _deliver_to(self, channel: _Channel, outcome: Deliver, decoded: Decoded, spot: Spot) -> None:
        meant: Collection[Viewer] = channel.viewers
        name = outcome.batch.name
        if outcome.batch.number <= self._highest_shown:
            meant = [viewer for viewer in channel.viewers if name not in viewer.seen_in_window]
        selected = select(decoded, channel.sieve) if meant else None
        if selected is None or not selected.indexes:
            return
        if len(meant) == len(channel.viewers):
            for frame in channel.chunk.add(selected.rendered(channel.framing), 0, spot):
                self._queue(frame, channel.viewers)
        else:
            self._flush(channel)
            chunk = Chunk(channel.framing)
            for frames in (chunk.add(selected.rendered(channel.framing), 0, spot), chunk.flush()):
                for frame in frames:
                    self._queue(frame, meant)
        if not outcome.position:
            for viewer in meant:
                if not viewer.live:
                    viewer.seen_loose.add(name)

    def _flush(self, channel: _Channel) -> None:
        for frame in channel.chunk.flush():
            self._queue(frame, channel.viewers)

    def _gap(self, gap: Gap) -> None:
        if self._channels:
            self._observer.gap(gap.reason)
        self.flush()
        self._notice(lambda framing: framing.gap(gap), live_only=True)

    def _notice(self, body: Callable[[Framing], bytes], *, live_only: bool) -> None:
        frames = self._frames(lambda framing: Frame(body(framing), notice=True))
        for channel in self._channels.values():
            self._queue(frames[channel.framing], [viewer for viewer in channel.viewers if viewer.live or not live_only])

    def _frames(self, make: Callable[[Framing], Frame]) -> dict[Framing, Frame]:
        """A frame for each framing that somebody watches."""
        return {framing: make(framing) for framing in {framing for framing, _ in self._channels}}

    def _tell_how_many(self) -> None:
        self._observer.viewers(self.viewer_count)
        self._observer.filters(self.filter_count)

    def _queue(self, frame: Frame, viewers: Iterable[Viewer]) -> None:
        for viewer in viewers:
            if viewer.live or not frame.records or not frame.numbered:
                dropped = viewer.offer(frame)
                if dropped:
                    self._counts.dropped += dropped
                    self._observer.dropped(SLOW, dropped)
