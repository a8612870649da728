"""What the stream service asks of the recent window, whoever keeps it. It must never be asked to change anything: only
writers append."""

from dataclasses import dataclass
from typing import Protocol

from logstream_stream.stored import StoredBatch


class WindowAway(Exception):
    """The window can't be reached now; the text says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    position: int
    batch: StoredBatch


@dataclass(frozen=True, slots=True)
class Reading:
    """What the window held at one moment."""

    epoch: str  # empty: nothing was ever appended to this memory
    position: int  # of the newest batch; 0: none
    # Number of the batch at the position asked about; None: not remembered.
    anchor: int | None
    entries: list[Entry]
    # No position from the first one asked for up to this one is in the window but not in entries.
    complete_to: int


class Window(Protocol):
    """Both calls answer from one moment, may block for a bounded time, and raise WindowAway."""

    def read(self, anchor: int, after: int, upto: int, count: int) -> Reading:
        """The first count entries at positions in (after, upto], oldest first; count 0: none, complete_to is `after`.

        anchor: the position whose batch number is wanted.
        """

    def latest(self, upto: int, count: int) -> Reading:
        """The last count entries at positions up to upto, newest first. anchor is None; complete_to tells nothing."""
