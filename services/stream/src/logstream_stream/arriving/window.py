"""The recent window as the stream service reads it. Nothing here changes the window: only writers append to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from logstream_stream.arriving.stored import StoredBatch

# Most names in one snapshot.
NAMES_READ: Final = 1_000


class WindowUnavailable(Exception):
    """The window cannot be read now. The message says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    position: int
    batch: StoredBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSnapshot:
    """What the window held at one moment."""

    epoch: str  # empty: nothing was ever appended to this memory
    position: int  # of the newest batch; 0: none
    # Name of the batch at the requested position; None: the window does not know it any more.
    anchor: str | None
    entries: list[Entry]
    # Every position up to this one, from the first one requested, is in entries if the window has it.
    complete_to: int
    # Positions of entries that are in the window but cannot be read.
    unreadable: frozenset[int] = frozenset()
    # Names of the last batches by position, if the newest batch was requested as the anchor.
    names: Mapping[int, str] = field(default_factory=dict)


class Window(Protocol):
    """Each call returns a snapshot of one moment, may block for a limited time, and raises WindowUnavailable."""

    def read(self, *, anchor: int | None, after: int, upto: int, count: int) -> WindowSnapshot:
        """The first count entries at positions in (after, upto], fewer if they are large, oldest first. count 0: no entries,
        and complete_to is `after`.

        anchor: the position whose batch name is requested; 0: that of the newest batch; None: none.
        """

    def latest(self, upto: int, count: int) -> WindowSnapshot:
        """The last count entries at positions up to upto, fewer if they are large, newest first. anchor is None;
        complete_to is the lowest position that was read, 0 if there was none."""
