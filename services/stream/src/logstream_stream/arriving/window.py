"""What the stream service asks of the recent window, whoever keeps it. It must never be asked to change anything: only
writers append."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from logstream_stream.arriving.stored import StoredBatch

# How many names a reading has at most.
NAMES_READ: Final = 1_000


class WindowUnavailable(Exception):
    """The window can't be reached now; the text says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    position: int
    batch: StoredBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSnapshot:
    """What the window held at one moment."""

    epoch: str  # empty: nothing was ever appended to this memory
    position: int  # of the newest batch; 0: none
    # Name of the batch at the position asked about; None: not remembered.
    anchor: str | None
    entries: list[Entry]
    # No position from the first one asked for up to this one is in the window but not in entries.
    complete_to: int
    # Positions of entries that are in the window and that nobody can read.
    unreadable: frozenset[int] = frozenset()
    # The names of the last batches by position, when the newest one was asked about.
    names: Mapping[int, str] = field(default_factory=dict)


class Window(Protocol):
    """Both calls answer from one moment, may block for a bounded time, and raise WindowAway."""

    def read(self, *, anchor: int | None, after: int, upto: int, count: int) -> WindowSnapshot:
        """The first count entries at positions in (after, upto], or fewer if they are large, oldest first; count 0: none,
        complete_to is `after`.

        anchor: the position whose batch is asked about; 0: the newest one; None: none.
        """

    def latest(self, upto: int, count: int) -> WindowSnapshot:
        """The last count entries at positions up to upto, or fewer if they are large, newest first. anchor is None;
        complete_to is the lowest position that was read, 0: none was there."""
