"""The first bytes of a viewer: the recent records, or what it missed since the place it was at, up to where live begins. It
must leave no hole and no double between them, and say so where it can't.

A viewer that comes back reads the window at its own pace; only when little is missing does it go live, so that what is
queued for it meanwhile stays small. What it saw unnumbered before is left out when it turns up in the window, and the other
way round.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from logstream_contract.batches import Undecodable

from logstream_stream.chunk import Chunk, Frame, Spot
from logstream_stream.hub import UNREADABLE, Hub
from logstream_stream.place import ALL, Place, read_place
from logstream_stream.selection import Selection, select
from logstream_stream.sequencer import NEW_EPOCH, PAST_WINDOW, WINDOW_AWAY, Gap
from logstream_stream.viewer import Viewer
from logstream_stream.window import Entry, Window, WindowAway

UNREADABLE_ID: Final = "unreadable id"
UNKNOWN_PLACE: Final = "unknown place"
UNNUMBERED: Final = "records without a place"

_PIECE_ENTRIES: Final = 8
_MOST_ENTRIES: Final = 64
# How long this replica may be behind the window, or the window behind it, before the viewer begins without it.
_PATIENCE_S: Final = 3.0
_STEP_S: Final = 0.05

# Of batches as they are carried, after which others get their turn.
_TURN_BYTES: Final = 256 * 1024

# What of a batch a viewer is shown, from one of these records on.
_Tail = tuple[Selection, int, Spot]


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
            try:
                yield from self._missed(viewer, place)
                return
            except _CannotResume as error:
                lost = place.received_ms * 1_000_000, error.reason
            except WindowAway:
                lost = place.received_ms * 1_000_000, WINDOW_AWAY
        recent_frames = self._recent(viewer, recent)
        if lost:
            # The gap ends now, when the viewer has gone live.
            yield self._gap(viewer, *lost)
        yield from recent_frames

    def _gap(self, viewer: Viewer, from_ns: int | None, reason: str) -> Frame:
        gap = Gap(from_ns, self.wall_ns(), reason)
        return Frame(self.hub.gap_frame(viewer, gap), notice=True)

    def _recent(self, viewer: Viewer, count: int) -> Iterator[Frame]:
        """Goes live; the frames of the last count records before that spot, none when the window is away."""
        steps = int(_PATIENCE_S / _STEP_S)
        found: deque[_Tail] | None = None
        for _ in range(steps):
            try:
                self._expect_window()
                if self.hub.spot.epoch == self.window.read(None, 0, 0, 0).epoch:
                    found = self._latest(viewer, self.hub.go_live(viewer), count)
                if found is not None:
                    break
            except WindowAway:
                break
            # The window has just changed its epoch and the sequencer does not know yet.
            self.sleep(_STEP_S)
        if not viewer.live:
            self.hub.go_live(viewer)
        return _framed(viewer, found or deque())

    def _expect_window(self) -> None:
        """Spares a viewer the time-out when it is known that the window is away."""
        if self.hub.sequencer.window_is_away:
            raise WindowAway("it did not answer just now")

    def _latest(self, viewer: Viewer, spot: Spot, count: int) -> deque[_Tail] | None:
        found: deque[_Tail] = deque()
        upto, pieces, since_turn_bytes = spot.position, 4, 0
        while count:
            reading = self.window.latest(upto, pieces)
            if reading.epoch != spot.epoch:
                return None
            for entry in reading.entries:
                upto = entry.position - 1
                selected = self._select(viewer, entry)
                if selected:
                    start = max(len(selected.indexes) - count, 0)
                    found.appendleft((selected, start, _spot_of(spot, entry)))
                    count -= len(selected.indexes) - start
                if not count:
                    return found
                since_turn_bytes += len(entry.batch.data)
                if since_turn_bytes >= _TURN_BYTES:
                    # A filter that matches little looks through all of the window.
                    since_turn_bytes = 0
                    self.sleep(0)
            if not reading.entries or not upto:
                break
            pieces = min(2 * pieces, _MOST_ENTRIES)
        return found

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
            if spot.position - position < _PIECE_ENTRIES:
                self.hub.go_live(viewer)
            upto = min(spot.position, position + _PIECE_ENTRIES)
            yield from self._piece(viewer, spot, position, index, upto)
            position, index = upto, ALL
            if viewer.live:
                return

    def _piece(self, viewer: Viewer, spot: Spot, position: int, index: int, upto: int) -> Iterator[Frame]:
        """The records after (position, index) and up to all of upto, every position of which must be in the window."""
        first = position if index < ALL else position + 1
        if first > upto:
            return
        reading = self.window.read(None, first - 1, upto, upto - first + 1)
        if reading.epoch != spot.epoch:
            raise _CannotResume(NEW_EPOCH)
        if [entry.position for entry in reading.entries] != list(range(first, upto + 1)):
            raise _CannotResume(PAST_WINDOW)
        found: deque[_Tail] = deque()
        for entry in reading.entries:
            # What the sequencer left out it delivered before: the viewer saw it then or was told of a gap.
            selected = None if entry.position in self.hub.sequencer.doubled else self._select(viewer, entry)
            if selected:
                start = bisect_right(selected.indexes, index) if entry.position == position else 0
                found.append((selected, start, _spot_of(spot, entry)))
        yield from _framed(viewer, found)

    def _select(self, viewer: Viewer, entry: Entry) -> Selection | None:
        """None: the viewer has it already, nothing of it is for the viewer, or nobody can read it, which is announced."""
        try:
            selected = select(self.hub.decoder.decode_and_keep(entry.batch), viewer.sieve)
        except Undecodable:
            received_ns = entry.batch.received_ns
            gap = Gap(received_ns, received_ns, UNREADABLE)
            viewer.offer(Frame(self.hub.gap_frame(viewer, gap), notice=True))
            return None
        # A batch without a record for this viewer need not be remembered: it would show nothing the second time, either.
        return selected if selected.indexes and self.hub.show(viewer, entry.batch) else None


def _framed(viewer: Viewer, found: deque[_Tail]) -> Iterator[Frame]:
    chunk = Chunk(viewer.framing)
    while found:
        selected, start, spot = found.popleft()
        yield from chunk.add(selected.rendered(viewer.framing), start, spot)
    yield from chunk.flush()


def _spot_of(spot: Spot, entry: Entry) -> Spot:
    return Spot(spot.epoch, entry.position, entry.batch.received_ns // 1_000_000)
