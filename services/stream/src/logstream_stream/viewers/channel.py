"""The records on their way to viewers who watch the same: one framing, one filter, one rate. It must not know how frames are
queued.

While the matching records stay within the rate, batches become frames as they arrive. Beyond that they wait for the next
flush, which sends an even sample of everything that has arrived and announces the rest before it.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from logstream_contract.filters.filters import Filter
from logstream_contract.units import MIB

from logstream_stream.failures import RENDER, Failures
from logstream_stream.order.history import query_of
from logstream_stream.order.live_position import LivePosition
from logstream_stream.order.outcomes import Gap
from logstream_stream.records.chunk import Chunk, Frame
from logstream_stream.records.framing import Framing
from logstream_stream.records.selection import CompiledFilter, Selection
from logstream_stream.viewers.token_bucket import TokenBucket, spread
from logstream_stream.viewers.viewer import RATE, Viewer

COST: Final = "cost"
UNREADABLE: Final = "unreadable batch"

# Waiting records are sampled before the next flush if there are more than this. Bytes are those of the encoded batches.
_WAITING_RECORDS: Final = 20_000
_WAITING_BYTES: Final = 8 * MIB


@dataclass(slots=True, kw_only=True)
class _PassedOver:
    """Records in batches that the filter skipped, all numbered or all unnumbered."""

    records: int
    from_us: int
    to_us: int
    numbered: bool


class Channel:
    """Each generator must be run to its end. max_rate: records a second, 0: no limit. clock: monotonic seconds; failures:
    counts batches that cannot be rendered, each of which becomes a gap."""

    def __init__(
        self,
        framing: Framing,
        *,
        filter_: Filter | None,
        compiled_filter: CompiledFilter | None,
        max_rate: int,
        clock: Callable[[], float],
        failures: Failures,
    ) -> None:
        self.framing = framing
        self.compiled_filter = compiled_filter
        self.filter_query = query_of(filter_)
        self.viewers: set[Viewer] = set()
        self._failures = failures
        self._chunk = Chunk(framing)
        self._token_bucket = TokenBucket(max_rate, clock) if max_rate else None
        self._waiting: deque[tuple[Selection, LivePosition]] = deque()
        self._waiting_records = 0
        self._waiting_bytes = 0
        self._passed_over: _PassedOver | None = None

    def add(self, selected: Selection, live_position: LivePosition) -> Iterator[Frame]:
        """Adds the records of a batch, at least one, and yields the frames that are full. Position 0: unnumbered."""
        frames = self._add(selected, live_position)
        return self._announced_first(frames) if self._passed_over else frames

    def flush(self) -> Iterator[Frame]:
        """Yields the frames of everything that was added."""
        return self._flush_announced() if self._passed_over else self._flush()

    def pass_over(self, selected: Selection, live_position: LivePosition) -> Iterator[Frame]:
        """Notes records that the filter skipped. They are announced before anything that follows."""
        times_us, numbered = selected.times_us, live_position.event_id() is not None
        if not len(times_us):
            return
        from_us, to_us = int(times_us.min()), int(times_us.max())
        if self._passed_over and self._passed_over.numbered != numbered:
            yield from self._announce_passed_over()
        if over := self._passed_over:
            over.records += len(times_us)
            over.from_us, over.to_us = min(over.from_us, from_us), max(over.to_us, to_us)
        else:
            self._passed_over = _PassedOver(records=len(times_us), from_us=from_us, to_us=to_us, numbered=numbered)

    def _flush_announced(self) -> Iterator[Frame]:
        yield from self._announced_first(self._flush())
        yield from self._announce_passed_over()

    def _announced_first(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            if self._passed_over:
                yield from self._announce_passed_over()
            yield frame

    def _announce_passed_over(self) -> Iterator[Frame]:
        over, self._passed_over = self._passed_over, None
        if over:
            body = self.framing.dropped(records=over.records, from_us=over.from_us, to_us=over.to_us, reason=COST)
            yield Frame(
                body,
                from_us=over.from_us,
                to_us=over.to_us,
                numbered=over.numbered,
                left_out=over.records,
                reason=COST,
            )

    def _add(self, selected: Selection, live_position: LivePosition) -> Iterator[Frame]:
        token_bucket = self._token_bucket
        if token_bucket is None or (not self._waiting and token_bucket.take_all(len(selected))):
            yield from self._show(selected, live_position, live_position)
            return
        if self._waiting and (self._waiting[0][1].event_id() is None) != (live_position.event_id() is None):
            yield from self._sample(token_bucket)
        self._waiting.append((selected, live_position))
        self._waiting_records += len(selected)
        self._waiting_bytes += selected.raw_bytes
        if self._waiting_records >= _WAITING_RECORDS or self._waiting_bytes >= _WAITING_BYTES:
            yield from self._sample(token_bucket)

    def _flush(self) -> Iterator[Frame]:
        if self._waiting and self._token_bucket:
            yield from self._sample(self._token_bucket)
        yield from self._chunk.flush()

    def _show(self, selected: Selection, live_position: LivePosition, through: LivePosition) -> Iterator[Frame]:
        try:
            rendered = selected.rendered(self.framing)
        except Exception as error:  # noqa: BLE001 see failures
            self._failures.note(RENDER, error)
            received_ns = live_position.received_ms * 1_000_000
            yield from self._chunk.flush()
            yield Frame(self.framing.gap(Gap(received_ns, received_ns, UNREADABLE), self.filter_query), notice=True)
            return
        yield from self._chunk.add(rendered, 0, live_position, through=through)

    def _sample(self, token_bucket: TokenBucket) -> Iterator[Frame]:
        waiting, total = self._waiting, self._waiting_records
        self._waiting, self._waiting_records, self._waiting_bytes = deque(), 0, 0
        granted = token_bucket.take(total)
        shown = _parts(waiting, spread(total, granted, np.random.default_rng()))
        if granted < total:
            yield self._left_out(waiting, shown, total - granted)
        last = waiting[-1][1]
        left = sum(1 for rows in shown if rows)
        for rows in shown:
            # Frees each batch before the next one is rendered.
            selected, live_position = waiting.popleft()
            if rows:
                left -= 1
                # The last one also moves the viewer past the records announced as left out, so that they do not come again.
                yield from self._show(selected.only(rows), live_position, live_position if left else last)

    def _left_out(self, waiting: Sequence[tuple[Selection, LivePosition]], shown: list[list[int]], records: int) -> Frame:
        """Announces the records that are left out."""
        times = [np.delete(selected.times_us, rows) for (selected, _), rows in zip(waiting, shown, strict=True)]
        together = np.concatenate(times)
        from_us, to_us = int(together.min()), int(together.max())
        numbered = waiting[0][1].event_id() is not None
        body = self.framing.dropped(records=records, from_us=from_us, to_us=to_us, reason=RATE)
        return Frame(body, from_us=from_us, to_us=to_us, numbered=numbered, left_out=records, reason=RATE)


def _parts(
    waiting: Sequence[tuple[Selection, LivePosition]], chosen: "np.ndarray[tuple[int], np.dtype[np.int64]]"
) -> list[list[int]]:
    """The chosen indexes within each batch. chosen: indexes in all batches together."""
    ends = np.cumsum([len(selected) for selected, _ in waiting])
    cuts = [0, *np.searchsorted(chosen, ends).tolist()]
    return [
        (chosen[first:last] - (end - len(selected))).tolist()
        for (selected, _), first, last, end in zip(waiting, cuts[:-1], cuts[1:], ends.tolist(), strict=True)
    ]
