"""The first bytes of a viewer: the recent records, or what it missed since the place it was at, up to where live begins. It
must leave no hole and no double between them, and say so where it can't.

A viewer that comes back reads the window at its own pace; only when little is missing does it go live, so that what is
queued for it meanwhile stays small. What it saw unnumbered before is left out when it turns up in the window, and the other
way round.

Nothing of the window is held for a viewer while it takes what it was sent, but for a few frames and its place: the next
piece is read, decoded and rendered when those are gone. So it is no matter how large batches are, and how many viewers read
slowly or not at all.
"""

from bisect import bisect_right
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from logstream_stream.arriving.stored import StoredBatch
from logstream_stream.arriving.window import Entry, Window, WindowAway
from logstream_stream.failures import DECODE, FILTER, READ, RENDER
from logstream_stream.order.event_id import ALL, Place, read_place
from logstream_stream.order.sequencer import NEW_EPOCH, PAST_WINDOW, WINDOW_AWAY, Gap
from logstream_stream.records.chunk import FRAME_TEXT_BYTES, Chunk, Frame, Spot
from logstream_stream.records.decoder import Decoded
from logstream_stream.records.framing import HEARTBEAT
from logstream_stream.records.selection import Selection, select
from logstream_stream.viewers.channel import UNREADABLE
from logstream_stream.viewers.hub import HEARTBEAT_S, Hub
from logstream_stream.viewers.viewer import Viewer

UNREADABLE_ID: Final = "unreadable id"
UNKNOWN_PLACE: Final = "unknown place"
UNNUMBERED: Final = "records without a place"

# When fewer are missing, who comes back goes live.
_FEW_ENTRIES: Final = 16
_MOST_ENTRIES: Final = 64
# Of frames that are held while the viewer takes them: after so many no more are put together.
_PIECE_BYTES: Final = FRAME_TEXT_BYTES
# A batch with no more than this is rendered once for all; of a larger one only what is sent next.
_WHOLE_BYTES: Final = 1024 * 1024
# The first record of a screen that has none, as position and index.
_NONE: Final = (0, 0)
# How long this replica may be behind the window, or the window behind it, before the viewer begins without it.
_PATIENCE_S: Final = 3.0
_STEP_S: Final = 0.05
# While filters have no time. One that took no more than this in an opening does not wait; a first screen that had to wait
# for so long begins with what was found.
_WAIT_S: Final = 0.1
_FREE_S: Final = 0.05
_SEARCH_S: Final = 5.0

# Of batches, unpacked, after which others get their turn.
_TURN_BYTES: Final = 512 * 1024


class _CannotResume(Exception):
    """Says why, as the reason of a gap."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Opening:
    """wall_ns: nanoseconds since the Unix epoch; sleep: seconds, lets others run. Opens any number of viewers at once."""

    hub: Hub
    window: Window
    wall_ns: Callable[[], int]
    sleep: Callable[[float], object]

    def frames(self, viewer: Viewer, after: str | None, recent: int) -> Iterator[Frame]:
        """Yields what comes before the viewer's queue; when it ends, the viewer is live. after: the id it was at."""
        place = read_place(after) if after is not None else None
        lost: tuple[int | None, str] | None = None if after is None or place else (None, UNREADABLE_ID)
        if place:
            viewer.place = str(place).encode()
            try:
                yield from self._missed(viewer, place)
                viewer.end_opening()
                return
            except _CannotResume as error:
                lost = place.received_ms * 1_000_000, error.reason
            except WindowAway:
                lost = place.received_ms * 1_000_000, WINDOW_AWAY
        first = yield from self._first(viewer, recent)
        if lost:
            # The gap ends now, when the viewer has gone live.
            yield self._gap(viewer, *lost)
        if first:
            yield from self._recent(viewer, *first)
        viewer.end_opening()

    def _gap(self, viewer: Viewer, from_ns: int | None, reason: str, to_ns: int | None = None) -> Frame:
        """to_ns None: now."""
        gap = Gap(from_ns, self.wall_ns() if to_ns is None else to_ns, reason)
        return self.hub.hold(Frame(self.hub.gap_frame(viewer, gap), notice=True))

    def _first(self, viewer: Viewer, count: int) -> Generator[Frame, None, tuple[Spot, int, int] | None]:
        """Goes live, and finds where the last count records before that spot begin: that spot, the position and the index of
        the first of them. None: there are none, or the window is away."""
        for _ in range(int(_PATIENCE_S / _STEP_S)):
            try:
                self._expect_window()
                if self.hub.spot.epoch == self.window.read(None, 0, 0, 0).epoch:
                    spot = self._go_live(viewer)
                    found = yield from self._begin(viewer, spot, count)
                    if found is not None:
                        return (spot, *found) if found != _NONE else None
            except WindowAway:
                break
            # The window has just changed its epoch and the sequencer does not know yet.
            self.sleep(_STEP_S)
        if not viewer.live:
            self._go_live(viewer)
        return None

    def _go_live(self, viewer: Viewer) -> Spot:
        spot = self.hub.go_live(viewer)
        # Of what comes before, nothing comes again.
        viewer.live_place = spot.place()
        return spot

    def _expect_window(self) -> None:
        """Spares a viewer the time-out when it is known that the window is away."""
        if self.hub.sequencer.window_is_away:
            raise WindowAway("it did not answer just now")

    def _begin(self, viewer: Viewer, spot: Spot, count: int) -> Generator[Frame, None, tuple[int, int] | None]:
        """Where the last count records up to the spot begin, as a position and an index; None: the epoch has changed."""
        found, upto, pieces, since_turn_bytes, waited_s = _NONE, spot.position, 4, 0, 0.0
        while count:
            reading = self.window.latest(upto, pieces)
            if reading.epoch != spot.epoch:
                return None
            if not reading.complete_to:
                break
            upto = reading.complete_to - 1
            while reading.entries:
                # Not held while others have their turn.
                entry = reading.entries.pop(0)
                waited_s += yield from self._wait_for_time(viewer)
                if waited_s > _SEARCH_S:
                    return found
                indexes = self._indexes(viewer, entry.batch)
                if indexes:
                    start = max(len(indexes) - count, 0)
                    found = entry.position, indexes[start]
                    count -= len(indexes) - start
                if not count:
                    return found
                since_turn_bytes += entry.batch.raw_bytes
                if since_turn_bytes >= _TURN_BYTES:
                    # A filter that matches little looks through all of the window.
                    since_turn_bytes = 0
                    self.sleep(0)
            if not upto:
                break
            pieces = min(2 * pieces, _MOST_ENTRIES)
        return found

    def _indexes(self, viewer: Viewer, batch: StoredBatch) -> Sequence[int]:
        """Of the records in a batch that the viewer is going to be shown."""
        if batch.name in viewer.seen_loose:
            return ()
        try:
            return self._select(viewer, self.hub.decoder.decode_and_keep(batch)).indexes
        except Exception as error:  # noqa: BLE001 see failures; it is announced when it would be shown
            self.hub.mishaps.note(DECODE, error, batch.name)
            return ()

    def _recent(self, viewer: Viewer, spot: Spot, position: int, index: int) -> Iterator[Frame]:
        """The records from this one up to the spot, as far as the window still has them when the viewer takes them."""
        index -= 1
        if index < 0:
            position, index = position - 1, ALL
        first = True
        while position < spot.position or index < ALL:
            try:
                frames, position, index = self._piece(viewer, spot, position, index, spot.position, resuming=False)
            except _CannotResume as error:
                # Nothing promises a first screen, but it must have no hole.
                if not first:
                    yield self._gap(viewer, _received_ns(viewer), error.reason)
                return
            except WindowAway:
                if not first:
                    yield self._gap(viewer, _received_ns(viewer), WINDOW_AWAY)
                return
            first = first and not frames
            yield from _letting_go(frames)
            yield from self._wait_for_time(viewer)

    def _missed(self, viewer: Viewer, place: Place) -> Iterator[Frame]:
        """All since the place. Raises _CannotResume and WindowAway, maybe after some frames."""
        loose_after = self.hub.sequencer.loose_after
        if self.hub.spot.epoch == place.epoch and loose_after and place.position <= loose_after[0]:
            yield self._gap(viewer, place.received_ms * 1_000_000, UNNUMBERED)
        self._expect_window()
        patience_s = _PATIENCE_S
        position, index = place.position, place.index
        while True:
            spot = self.hub.spot
            if spot.epoch is None or (spot.epoch == place.epoch and position > spot.position):
                # This replica knows less than the one that gave the id; the window says whether it can be true.
                reading = self.window.read(None, 0, 0, 0)
                if reading.epoch != place.epoch or position > reading.position:
                    raise _CannotResume(NEW_EPOCH if reading.epoch != place.epoch else UNKNOWN_PLACE)
                if patience_s <= 0:
                    raise _CannotResume(UNKNOWN_PLACE)
                self.sleep(_STEP_S)
                patience_s -= _STEP_S
                continue
            if spot.epoch != place.epoch:
                raise _CannotResume(NEW_EPOCH)
            if spot.position - position < _FEW_ENTRIES:
                self._go_live(viewer)
            upto = min(spot.position, position + _MOST_ENTRIES)
            while position < upto or index < ALL:
                frames, position, index = self._piece(viewer, spot, position, index, upto, resuming=True)
                yield from _letting_go(frames)
                yield from self._wait_for_time(viewer)
            if viewer.live:
                return

    def _piece(
        self, viewer: Viewer, spot: Spot, position: int, index: int, upto: int, *, resuming: bool
    ) -> tuple[list[Frame], int, int]:
        """Frames of the records after (position, index) and up to all of upto, or as many as are held at a time, and where
        they end. Raises _CannotResume when the window has not all of them."""
        first = position if index < ALL else position + 1
        upto = min(upto, first + _MOST_ENTRIES - 1)
        reading = self.window.read(None, first - 1, upto, upto - first + 1)
        if reading.epoch != spot.epoch:
            raise _CannotResume(NEW_EPOCH)
        last = min(reading.complete_to, upto)
        if last < first:
            raise _CannotResume(PAST_WINDOW)
        by_position = {entry.position: entry for entry in reading.entries}
        frames: list[Frame] = []
        chunk = Chunk(viewer.framing)
        held = seen = 0
        for at in range(first, last + 1):
            entry = by_position.get(at)
            if entry is None and at not in reading.unreadable:
                raise _CannotResume(PAST_WINDOW)
            shown_to = index if at == position else -1
            for frame in self._of_entry(viewer, spot, at, entry, shown_to, chunk, resuming=resuming):
                frames.append(self.hub.hold(frame))
                held += len(frame.body)
                if held >= _PIECE_BYTES and frame.place:
                    place = read_place(frame.place.decode())
                    if place:
                        return frames, place.position, place.index
            position, index = at, ALL
            seen += entry.batch.raw_bytes if entry else 0
            if seen >= _TURN_BYTES:
                break
        frames += map(self.hub.hold, chunk.flush())
        return frames, position, index

    def _of_entry(
        self,
        viewer: Viewer,
        spot: Spot,
        position: int,
        entry: Entry | None,
        shown_to: int,
        chunk: Chunk,
        *,
        resuming: bool,
    ) -> Iterator[Frame]:
        """The frames of a batch's records after the one with this index. What is wrong with it becomes a gap."""
        if entry is None:
            self.hub.mishaps.note(READ, ValueError(f"the entry of position {position} can't be read"))
            yield from chunk.flush()
            yield self._gap(viewer, _received_ns(viewer), UNREADABLE)
            return
        # What the sequencer left out it delivered before: the viewer saw it then or was told of a gap.
        if resuming and position in self.hub.sequencer.doubled:
            return
        batch, reason = entry.batch, DECODE
        try:
            decoded = self.hub.decoder.decode_and_keep(batch)
            reason = FILTER
            selected = self._select(viewer, decoded)
            start = bisect_right(selected.indexes, shown_to)
            # A batch without a record for this viewer need not be remembered: it would show nothing the second time, either.
            if start == len(selected) or not self.hub.show(viewer, batch):
                return
            reason = RENDER
            here = Spot(spot.epoch, position, batch.received_ns // 1_000_000)
            if decoded.raw_bytes <= _WHOLE_BYTES:
                yield from chunk.add(selected.rendered(viewer.framing), start, here)
                return
            while start < len(selected):
                stop = selected.up_to(start, _PIECE_BYTES)
                rendered = selected.only(range(start, stop)).rendered(viewer.framing)
                yield from chunk.add(rendered, 0, here, more=stop < len(selected))
                start = stop
        except Exception as error:  # noqa: BLE001 see failures
            self.hub.mishaps.note(reason, error, batch.name)
            yield from chunk.flush()
            yield self._gap(viewer, batch.received_ns, UNREADABLE, batch.received_ns)

    def _select(self, viewer: Viewer, decoded: Decoded) -> Selection:
        if viewer.sieve is None:
            return select(decoded, None)
        filter_time = self.hub.filter_time
        began_s = filter_time.time()
        selected = select(decoded, viewer.sieve)
        took_s = filter_time.time() - began_s
        viewer.filter_s += took_s
        filter_time.opening.take(took_s)
        return selected

    def _wait_for_time(self, viewer: Viewer) -> Generator[Frame, None, float]:
        """Waits while first screens and returns have taken what time there is for filters, and answers for how many seconds;
        yields heartbeats meanwhile."""
        waited_s = 0.0
        silent_s = 0.0
        while viewer.filter_s > _FREE_S and not self.hub.filter_time.opening.is_left and not viewer.closing:
            self.sleep(_WAIT_S)
            waited_s += _WAIT_S
            silent_s += _WAIT_S
            if silent_s >= HEARTBEAT_S:
                silent_s = 0.0
                yield Frame(HEARTBEAT)
        return waited_s


def _letting_go(frames: list[Frame]) -> Iterator[Frame]:
    """Yields the frames, none of which is held here after that."""
    frames.reverse()
    while frames:
        yield frames.pop()


def _received_ns(viewer: Viewer) -> int | None:
    """When the gateway received the last of what the viewer was sent; None: not known."""
    place = read_place(viewer.place.decode()) if viewer.place else None
    return place.received_ms * 1_000_000 if place else None
