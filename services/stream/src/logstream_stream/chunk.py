"""Gathers records into frames: each is serialised once and shared by all who are sent it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from logstream_contract.rows import Rows

from logstream_stream.framing import Framing
from logstream_stream.place import ALL, Place

FRAME_RECORDS: Final = 200
# Of message text; what makes a frame large is messages.
FRAME_TEXT_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Frame:
    """Bytes for viewers. Frames with records may be dropped for a slow viewer, `notice` ones never."""

    body: bytes
    records: int = 0
    from_us: int = 0  # earliest and latest record time
    to_us: int = 0
    # Not numbered: its records are at no position.
    numbered: bool = True
    notice: bool = False


@dataclass(frozen=True, slots=True)
class Spot:
    """A position in the live order; epoch None: Redis was not read yet; empty: it held nothing."""

    epoch: str | None
    position: int
    received_ms: int = 0

    def place(self, index: int = ALL) -> Place | None:
        """After the record with this index of the batch here; None where nothing can be resumed."""
        return Place(self.epoch, self.position, index, self.received_ms) if self.epoch and self.position else None


class Chunk:
    """Records on their way into frames of one framing. Numbered and unnumbered batches never share a frame."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._records: list[Mapping[str, Any]] = []
        self._place: Place | None = None
        self._from_us = self._to_us = 0
        self._text_bytes = 0

    def add(self, rows: Rows, indexes: Sequence[int], spot: Spot) -> Iterator[Frame]:
        """Takes these records of a batch and yields the frames that are full; must be run to its end.

        indexes: ascending. Position 0 in spot: unnumbered. The last index counts as the end of the batch.
        """
        if self._records and (self._place is None) != (spot.place() is None):
            yield from self.flush()
        for count, index in enumerate(indexes, 1):
            time_us = rows.times_us[index]
            if self._records:
                self._from_us, self._to_us = min(self._from_us, time_us), max(self._to_us, time_us)
            else:
                self._from_us = self._to_us = time_us
            self._records.append(self._framing.record(rows, index))
            self._text_bytes += len(rows.messages[index])
            self._place = spot.place(ALL if count == len(indexes) else index)
            if len(self._records) >= FRAME_RECORDS or self._text_bytes >= FRAME_TEXT_BYTES:
                yield from self.flush()

    def flush(self) -> Iterator[Frame]:
        """Yields the frame of what was gathered, if anything was."""
        if self._records:
            body = self._framing.logs(self._records, self._place)
            yield Frame(body, len(self._records), self._from_us, self._to_us, self._place is not None)
            self._records, self._place, self._text_bytes = [], None, 0
