"""Sends a viewer what comes before its queue: the recent records of a first screen, or what it missed since the id at which
it resumes. Between that and the live records there must be no hole and no duplicate, or else an announced gap.

A viewer that resumes reads the window at its own speed. It goes live only when little is missing, so that its queue stays
small meanwhile. A batch that it saw unnumbered is left out when it is found in the window, and vice versa.

While a viewer takes what it was sent, only a few frames and its position are held for it. The next piece is read, decoded
and rendered when those frames are gone. So memory depends neither on the size of batches nor on the number of viewers who
read slowly or not at all."""

from bisect import bisect_right
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from logstream_contract.units import MIB

from logstream_stream.arriving.stored import StoredBatch
from logstream_stream.arriving.window import Entry, Window, WindowUnavailable
from logstream_stream.failures import DECODE, FILTER, READ, RENDER
from logstream_stream.order.event_id import ALL, EventId, read_event_id
from logstream_stream.order.live_position import LivePosition
from logstream_stream.order.outcomes import NEW_EPOCH, PAST_WINDOW, WINDOW_UNAVAILABLE, Gap
from logstream_stream.records.chunk import FRAME_TEXT_BYTES, Chunk, Frame
from logstream_stream.records.decoder import Decoded
from logstream_stream.records.framing import HEARTBEAT
from logstream_stream.records.selection import Selection, select
from logstream_stream.viewers.channel import UNREADABLE
from logstream_stream.viewers.hub import HEARTBEAT_S, Hub
from logstream_stream.viewers.viewer import Viewer

UNREADABLE_ID: Final = "unreadable id"
UNKNOWN_POSITION: Final = "unknown place"
UNNUMBERED: Final = "records without a place"

# When fewer entries than this are missing, a viewer that resumes goes live.
_FEW_ENTRIES: Final = 16
_MOST_ENTRIES: Final = 64
# Bytes of frames that are held while the viewer takes them. With this many, no more are built.
_PIECE_BYTES: Final = FRAME_TEXT_BYTES
# A batch up to this size is rendered once for all viewers. Of a larger one, only what is sent next is rendered.
_WHOLE_BYTES: Final = MIB
# Position and index of the first record of an empty screen.
_NONE: Final = (0, 0)
# How long this replica and the window may differ before the viewer starts without the window.
_WINDOW_TIMEOUT_S: Final = 3.0
_STEP_S: Final = 0.05
# While filters have used up their time: how long one wait is; how much time a filter may take during a catch-up before its
# viewer waits at all; and how long a first screen waits before it starts with what was found.
_FILTER_WAIT_S: Final = 0.1
_FREE_S: Final = 0.05
_SEARCH_S: Final = 5.0

# Bytes of unpacked batches after which other greenlets get a turn.
_TURN_BYTES: Final = 512 * 1024


class _CannotResume(Exception):
    """The window cannot continue from the id. reason: that of the gap."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUp:
    """Serves any number of viewers at once. wall_ns: nanoseconds since the Unix epoch; sleep: seconds, lets others run."""

    hub: Hub
    window: Window
    wall_ns: Callable[[], int]
    sleep: Callable[[float], object]

    def frames(self, viewer: Viewer, after: str | None, recent: int) -> Iterator[Frame]:
        """Yields what comes before the viewer's queue. At the end the viewer is live. after: the id at which it resumes."""
        event_id = read_event_id(after) if after is not None else None
        lost: tuple[int | None, str] | None = None if after is None or event_id else (None, UNREADABLE_ID)
        if event_id:
            viewer.last_id = str(event_id).encode()
            try:
                yield from self._missed(viewer, event_id)
                viewer.end_catch_up()
                return
            except _CannotResume as error:
                lost = event_id.received_ms * 1_000_000, error.reason
            except WindowUnavailable:
                lost = event_id.received_ms * 1_000_000, WINDOW_UNAVAILABLE
        first = yield from self._first(viewer, recent)
        if lost:
            # The gap ends now, when the viewer has gone live.
            yield self._gap(viewer, *lost)
        if first:
            yield from self._recent(viewer, *first)
        viewer.end_catch_up()

    def _gap(self, viewer: Viewer, from_ns: int | None, reason: str, to_ns: int | None = None) -> Frame:
        """to_ns None: now."""
        gap = Gap(from_ns, self.wall_ns() if to_ns is None else to_ns, reason)
        return self.hub.hold(Frame(self.hub.gap_frame(viewer, gap), notice=True))

    def _first(self, viewer: Viewer, count: int) -> Generator[Frame, None, tuple[LivePosition, int, int] | None]:
        """Goes live, and finds the first of the last count records before that. Returns where the viewer went live, and
        position and index of that record. None: there are no records, or the window is unavailable."""
        for _ in range(int(_WINDOW_TIMEOUT_S / _STEP_S)):
            try:
                self._expect_window()
                if self.hub.live_position.epoch == self.window.read(anchor=None, after=0, upto=0, count=0).epoch:
                    live_position = self._go_live(viewer)
                    begin = yield from self._begin(viewer, live_position, count)
                    if begin is not None:
                        return (live_position, *begin) if begin != _NONE else None
            except WindowUnavailable:
                break
            # The epoch of the window has just changed, and the sequencer does not know yet.
            self.sleep(_STEP_S)
        if not viewer.live:
            self._go_live(viewer)
        return None

    def _go_live(self, viewer: Viewer) -> LivePosition:
        live_position = self.hub.go_live(viewer)
        # Nothing before this is sent again.
        viewer.live_id = live_position.event_id()
        return live_position

    def _expect_window(self) -> None:
        """Spares the viewer a time-out if the window is known to be unavailable. Raises WindowUnavailable."""
        if self.hub.sequencer.window_unavailable:
            raise WindowUnavailable("the last request failed")

    def _begin(
        self, viewer: Viewer, live_position: LivePosition, count: int
    ) -> Generator[Frame, None, tuple[int, int] | None]:
        """Position and index of the first of the last count records before the viewer went live; None: the epoch has
        changed."""
        begin, upto, pieces, since_turn_bytes, waited_s = _NONE, live_position.position, 4, 0, 0.0
        while count:
            snapshot = self.window.latest(upto, pieces)
            if snapshot.epoch != live_position.epoch:
                return None
            if not snapshot.complete_to:
                break
            upto = snapshot.complete_to - 1
            while snapshot.entries:
                # Entries are removed, so that they are not held while other greenlets run.
                entry = snapshot.entries.pop(0)
                waited_s += yield from self._wait_for_time(viewer)
                if waited_s > _SEARCH_S:
                    return begin
                indexes = self._indexes(viewer, entry.batch)
                if indexes:
                    start = max(len(indexes) - count, 0)
                    begin = entry.position, indexes[start]
                    count -= len(indexes) - start
                if not count:
                    return begin
                since_turn_bytes += entry.batch.raw_bytes
                if since_turn_bytes >= _TURN_BYTES:
                    # A filter that matches few records reads the whole window.
                    since_turn_bytes = 0
                    self.sleep(0)
            if not upto:
                break
            pieces = min(2 * pieces, _MOST_ENTRIES)
        return begin

    def _indexes(self, viewer: Viewer, batch: StoredBatch) -> Sequence[int]:
        """The indexes of the records of a batch that the viewer will be sent."""
        if batch.name in viewer.seen_unnumbered:
            return ()
        try:
            return self._select(viewer, self.hub.decoder.decode_and_keep(batch)).indexes
        except Exception as error:  # noqa: BLE001 see failures; it is announced when it is sent
            self.hub.failures.note(DECODE, error, batch.name)
            return ()

    def _recent(self, viewer: Viewer, live_position: LivePosition, position: int, index: int) -> Iterator[Frame]:
        """The records from this one to where the viewer went live, if the window still has them when the viewer takes
        them."""
        index -= 1
        if index < 0:
            position, index = position - 1, ALL
        first = True
        while position < live_position.position or index < ALL:
            try:
                frames, position, index = self._piece(
                    viewer, live_position, position=position, index=index, upto=live_position.position, resuming=False
                )
            except _CannotResume as error:
                # A first screen is not guaranteed, but it must not have a hole.
                if not first:
                    yield self._gap(viewer, _received_ns(viewer), error.reason)
                return
            except WindowUnavailable:
                if not first:
                    yield self._gap(viewer, _received_ns(viewer), WINDOW_UNAVAILABLE)
                return
            first = first and not frames
            yield from _letting_go(frames)
            yield from self._wait_for_time(viewer)

    def _missed(self, viewer: Viewer, event_id: EventId) -> Iterator[Frame]:
        """All records since the id. Raises _CannotResume and WindowUnavailable, possibly after some frames."""
        unnumbered_after = self.hub.sequencer.unnumbered_after
        if self.hub.live_position.epoch == event_id.epoch and unnumbered_after and event_id.position <= unnumbered_after[0]:
            yield self._gap(viewer, event_id.received_ms * 1_000_000, UNNUMBERED)
        self._expect_window()
        timeout_s = _WINDOW_TIMEOUT_S
        position, index = event_id.position, event_id.index
        while True:
            live_position = self.hub.live_position
            if live_position.epoch is None or (live_position.epoch == event_id.epoch and position > live_position.position):
                # This replica is behind the one that gave the id. The window shows whether the id can be genuine.
                snapshot = self.window.read(anchor=None, after=0, upto=0, count=0)
                if snapshot.epoch != event_id.epoch or position > snapshot.position:
                    raise _CannotResume(NEW_EPOCH if snapshot.epoch != event_id.epoch else UNKNOWN_POSITION)
                if timeout_s <= 0:
                    raise _CannotResume(UNKNOWN_POSITION)
                self.sleep(_STEP_S)
                timeout_s -= _STEP_S
                continue
            if live_position.epoch != event_id.epoch:
                raise _CannotResume(NEW_EPOCH)
            if live_position.position - position < _FEW_ENTRIES:
                self._go_live(viewer)
            upto = min(live_position.position, position + _MOST_ENTRIES)
            while position < upto or index < ALL:
                frames, position, index = self._piece(
                    viewer, live_position, position=position, index=index, upto=upto, resuming=True
                )
                yield from _letting_go(frames)
                yield from self._wait_for_time(viewer)
            if viewer.live:
                return

    def _piece(
        self, viewer: Viewer, live_position: LivePosition, *, position: int, index: int, upto: int, resuming: bool
    ) -> tuple[list[Frame], int, int]:
        """Frames of the records after (position, index) to the end of upto, or as many as are held at a time; and the
        position and index at which they end. Raises _CannotResume if the window does not have all of them."""
        first = position if index < ALL else position + 1
        upto = min(upto, first + _MOST_ENTRIES - 1)
        snapshot = self.window.read(anchor=None, after=first - 1, upto=upto, count=upto - first + 1)
        if snapshot.epoch != live_position.epoch:
            raise _CannotResume(NEW_EPOCH)
        last = min(snapshot.complete_to, upto)
        if last < first:
            raise _CannotResume(PAST_WINDOW)
        by_position = {entry.position: entry for entry in snapshot.entries}
        frames: list[Frame] = []
        chunk = Chunk(viewer.framing)
        held = seen = 0
        for at in range(first, last + 1):
            entry = by_position.get(at)
            if entry is None and at not in snapshot.unreadable:
                raise _CannotResume(PAST_WINDOW)
            shown_to = index if at == position else -1
            for frame in self._of_entry(
                viewer, live_position, position=at, entry=entry, shown_to=shown_to, chunk=chunk, resuming=resuming
            ):
                frames.append(self.hub.hold(frame))
                held += len(frame.body)
                if held >= _PIECE_BYTES and frame.event_id:
                    event_id = read_event_id(frame.event_id.decode())
                    if event_id:
                        return frames, event_id.position, event_id.index
            position, index = at, ALL
            seen += entry.batch.raw_bytes if entry else 0
            if seen >= _TURN_BYTES:
                break
        frames += map(self.hub.hold, chunk.flush())
        return frames, position, index

    def _of_entry(
        self,
        viewer: Viewer,
        live_position: LivePosition,
        *,
        position: int,
        entry: Entry | None,
        shown_to: int,
        chunk: Chunk,
        resuming: bool,
    ) -> Iterator[Frame]:
        """The frames of the records of a batch after index shown_to. A batch that fails becomes a gap."""
        if entry is None:
            self.hub.failures.note(READ, ValueError(f"the window entry at position {position} cannot be read"))
            yield from chunk.flush()
            yield self._gap(viewer, _received_ns(viewer), UNREADABLE)
            return
        # The sequencer had delivered it before: the viewer saw it then, or a gap was announced.
        if resuming and position in self.hub.sequencer.doubled:
            return
        batch, reason = entry.batch, DECODE
        try:
            decoded = self.hub.decoder.decode_and_keep(batch)
            reason = FILTER
            selected = self._select(viewer, decoded)
            start = bisect_right(selected.indexes, shown_to)
            # A batch without records for this viewer need not be noted: it would send nothing the second time, either.
            if start == len(selected) or not self.hub.show(viewer, batch):
                return
            reason = RENDER
            here = LivePosition(live_position.epoch, position, batch.received_ns // 1_000_000)
            if decoded.raw_bytes <= _WHOLE_BYTES:
                yield from chunk.add(selected.rendered(viewer.framing), start, here)
                return
            while start < len(selected):
                stop = selected.up_to(start, _PIECE_BYTES)
                rendered = selected.only(range(start, stop)).rendered(viewer.framing)
                yield from chunk.add(rendered, 0, here, more=stop < len(selected))
                start = stop
        except Exception as error:  # noqa: BLE001 see failures
            self.hub.failures.note(reason, error, batch.name)
            yield from chunk.flush()
            yield self._gap(viewer, batch.received_ns, UNREADABLE, batch.received_ns)

    def _select(self, viewer: Viewer, decoded: Decoded) -> Selection:
        if viewer.compiled_filter is None:
            return select(decoded, None)
        filter_time = self.hub.filter_time
        began_s = filter_time.time()
        selected = select(decoded, viewer.compiled_filter)
        took_s = filter_time.time() - began_s
        viewer.filter_s += took_s
        filter_time.catch_up.take(took_s)
        return selected

    def _wait_for_time(self, viewer: Viewer) -> Generator[Frame, None, float]:
        """Waits while viewers who catch up have used the time for filters. Yields heartbeats, and returns the seconds
        waited."""
        waited_s = 0.0
        silent_s = 0.0
        while viewer.filter_s > _FREE_S and not self.hub.filter_time.catch_up.is_left and not viewer.closing:
            self.sleep(_FILTER_WAIT_S)
            waited_s += _FILTER_WAIT_S
            silent_s += _FILTER_WAIT_S
            if silent_s >= HEARTBEAT_S:
                silent_s = 0.0
                yield Frame(HEARTBEAT)
        return waited_s


def _letting_go(frames: list[Frame]) -> Iterator[Frame]:
    """Yields the frames and holds none of them afterwards."""
    frames.reverse()
    while frames:
        yield frames.pop()


def _received_ns(viewer: Viewer) -> int | None:
    """When the gateway received the last batch that the viewer was sent; None: not known."""
    event_id = read_event_id(viewer.last_id.decode()) if viewer.last_id else None
    return event_id.received_ms * 1_000_000 if event_id else None
