"""The records on their way to the viewers who watch the same: one framing, one filter, one rate. It must not know how they
are queued.

While no more matches than the rate allows, batches become frames as they come. What is more waits for the next flush, and of
all that came until then an even sample is shown; the rest is announced before it.
"""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from logstream_contract.filters import Filter

from logstream_stream.allowance import Allowance, spread
from logstream_stream.chunk import Chunk, Frame, Spot
from logstream_stream.framing import Framing
from logstream_stream.history import query_of
from logstream_stream.selection import Selection, Sieve
from logstream_stream.viewer import RATE, Viewer

# What waits is sampled before the next flush when it is more than this. bytes: of the encoded batches.
_WAITING_RECORDS: Final = 20_000
_WAITING_BYTES: Final = 16 * 1024 * 1024


class Channel:
    """Each generator must be run to its end. max_rate: records a second, 0: all. clock: monotonic seconds."""

    def __init__(
        self, framing: Framing, wanted: Filter | None, sieve: Sieve | None, max_rate: int, clock: Callable[[], float]
    ) -> None:
        self.framing = framing
        self.sieve = sieve
        self.filter_query = query_of(wanted)
        self.viewers: set[Viewer] = set()
        self._chunk = Chunk(framing)
        self._allowance = Allowance(max_rate, clock) if max_rate else None
        self._waiting: list[tuple[Selection, Spot]] = []
        self._waiting_records = 0
        self._waiting_bytes = 0

    def add(self, selected: Selection, spot: Spot) -> Iterator[Frame]:
        """Takes the records of a batch, one or more, and yields the frames that are full. Position 0 in spot: unnumbered."""
        allowance = self._allowance
        if allowance is None or (not self._waiting and allowance.take_all(len(selected))):
            yield from self._chunk.add(selected.rendered(self.framing), 0, spot)
            return
        if self._waiting and (self._waiting[0][1].place() is None) != (spot.place() is None):
            yield from self._sample(allowance)
        self._waiting.append((selected, spot))
        self._waiting_records += len(selected)
        self._waiting_bytes += selected.raw_bytes
        if self._waiting_records >= _WAITING_RECORDS or self._waiting_bytes >= _WAITING_BYTES:
            yield from self._sample(allowance)

    def flush(self) -> Iterator[Frame]:
        """Yields the frames of all that was taken."""
        if self._waiting and self._allowance:
            yield from self._sample(self._allowance)
        yield from self._chunk.flush()

    def _sample(self, allowance: Allowance) -> Iterator[Frame]:
        waiting, total = self._waiting, self._waiting_records
        self._waiting, self._waiting_records, self._waiting_bytes = [], 0, 0
        kept = allowance.take(total)
        shown = _parts(waiting, spread(total, kept, np.random.default_rng()))
        if kept < total:
            yield self._left_out(waiting, shown, total - kept)
        parts = [(selected, spot, rows) for (selected, spot), rows in zip(waiting, shown, strict=True) if rows]
        for number, (selected, spot, rows) in enumerate(parts, 1):
            # With the last of them all that was announced as left out is behind the viewer, too: it must not come again.
            through = waiting[-1][1] if number == len(parts) else spot
            yield from self._chunk.add(selected.only(rows).rendered(self.framing), 0, spot, through)

    def _left_out(self, waiting: list[tuple[Selection, Spot]], shown: list[list[int]], records: int) -> Frame:
        """Announces the records that are not shown."""
        times = [np.delete(selected.times_us, rows) for (selected, _), rows in zip(waiting, shown, strict=True)]
        together = np.concatenate(times)
        from_us, to_us = int(together.min()), int(together.max())
        numbered = waiting[0][1].place() is not None
        body = self.framing.dropped(records, from_us, to_us, RATE)
        return Frame(body, from_us=from_us, to_us=to_us, numbered=numbered, left_out=records)


def _parts(waiting: list[tuple[Selection, Spot]], chosen: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> list[list[int]]:
    """Of each batch the chosen places in it; chosen: places in all of them together."""
    ends = np.cumsum([len(selected) for selected, _ in waiting])
    cuts = [0, *np.searchsorted(chosen, ends).tolist()]
    return [
        (chosen[first:last] - (end - len(selected))).tolist()
        for (selected, _), first, last, end in zip(waiting, cuts[:-1], cuts[1:], ends.tolist(), strict=True)
    ]
