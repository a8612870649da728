"""Collects records into frames. A frame is built once and shared by all viewers who are sent it."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from itertools import accumulate
from typing import Final

from logstream_stream.order.event_id import EventId
from logstream_stream.order.live_position import LivePosition
from logstream_stream.records.framing import Framing
from logstream_stream.records.ledger import Ledger
from logstream_stream.records.rendering import Rendered

FRAME_RECORDS: Final = 200
# Bytes of messages and attributes as they are written, which make up most of a frame. The last record may exceed it.
FRAME_TEXT_BYTES: Final = 256 * 1024


@dataclass(slots=True, eq=False)
class Frame:
    """Bytes for viewers. For a slow viewer, frames with records may be dropped, notices never, and announcements of records
    left out are merged. Only the fields of the ledger ever change."""

    body: bytes
    _: KW_ONLY
    records: int = 0
    from_us: int = 0  # earliest and latest record time
    to_us: int = 0
    # False: its records have no position.
    numbered: bool = True
    notice: bool = False
    # How many records this frame announces as left out, with times from from_us to to_us, and the reason.
    left_out: int = 0
    reason: str = ""
    # The id in the frame, with which a viewer resumes after it; b"": none.
    event_id: bytes = b""
    # The ledger that counts it, and its number there; later frames have higher numbers.
    ledger: Ledger | None = None
    number: int = 0

    def __del__(self) -> None:
        # Viewers share a frame; its memory is free when the last of them releases it.
        if self.ledger is not None:
            self.ledger.release(len(self.body))


class Chunk:
    """Collects records for one framing. Numbered and unnumbered batches never share a frame."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._pieces: list[bytes] = []
        self._records = 0
        self._event_id: EventId | None = None
        self._from_us = self._to_us = 0
        self._text_bytes = 0

    def add(
        self,
        rendered: Rendered,
        start: int,
        live_position: LivePosition,
        *,
        through: LivePosition | None = None,
        more: bool = False,
    ) -> Iterator[Frame]:
        """Adds the records of a batch from index start on, and yields the frames that are full. It must be run to its end.

        live_position: that of the batch, with position 0 if it is unnumbered. through: the position that a viewer has
        reached after these records, counting those that were left out; None: live_position. more: further records of this
        batch follow."""
        if self._records and (self._event_id is None) != (live_position.event_id() is None):
            yield from self.flush()
        while start < len(rendered):
            stop = min(start + FRAME_RECORDS - self._records, len(rendered))
            text_bytes = rendered.size(start, stop)
            if self._text_bytes + text_bytes >= FRAME_TEXT_BYTES:
                stop, text_bytes = self._as_much_text(rendered, start, stop)
            self._take(rendered, start, stop, text_bytes)
            self._text_bytes += text_bytes
            is_end = stop == len(rendered) and not more
            self._event_id = (
                (through or live_position).event_id() if is_end else live_position.event_id(rendered.indexes[stop - 1])
            )
            if self._records >= FRAME_RECORDS or self._text_bytes >= FRAME_TEXT_BYTES:
                yield from self.flush()
            start = stop

    def flush(self) -> Iterator[Frame]:
        """Yields the frame of the collected records, if there are any."""
        if self._records:
            event_id = self._event_id
            body = self._framing.logs(self._pieces, event_id)
            identity = str(event_id).encode() if event_id else b""
            yield Frame(
                body,
                records=self._records,
                from_us=self._from_us,
                to_us=self._to_us,
                numbered=event_id is not None,
                event_id=identity,
            )
            self._pieces, self._records, self._event_id, self._text_bytes = [], 0, None, 0

    def _as_much_text(self, rendered: Rendered, start: int, stop: int) -> tuple[int, int]:
        """Where the text fills this frame, and how many bytes that is. The records up to stop fill it."""
        sums = list(accumulate(rendered.sizes(start, stop)))
        last = bisect_left(sums, FRAME_TEXT_BYTES - self._text_bytes)
        return start + last + 1, sums[last]

    def _take(self, rendered: Rendered, start: int, stop: int, text_bytes: int) -> None:
        times_us = rendered.times_us[start:stop]
        from_us, to_us = int(times_us.min()), int(times_us.max())
        if self._records:
            from_us, to_us = min(from_us, self._from_us), max(to_us, self._to_us)
        self._from_us, self._to_us = from_us, to_us
        self._pieces += rendered.slice(start, stop, text_bytes)
        self._records += stop - start
