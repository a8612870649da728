"""What is known of epochs other than the current one, and what a change of epoch means. It must not deliver batches or
announce gaps: the sequencer does.

An epoch is the name of one run of positions. Writers start a new one in two cases. If Redis lost its memory, positions start
again at 1. If a writer could not reach Redis for a while and published batches without positions, positions continue. A
replica sees only the new name. It compares the window with the batch at its own last position, the anchor:

| in the new epoch the window has                | so                                | then                                |
|------------------------------------------------|-----------------------------------|-------------------------------------|
| the same batch at the anchor's position        | SAME_MEMORY: positions go on      | the buffer goes on under a new name |
| another batch there, or its positions do not   | MEMORY_LOST: all of it was stored | a new buffer reads it from          |
| reach as far as ours                           | after what we delivered           | position 1                          |
| no batch there any more; or the epoch was left | UNKNOWN: Redis may have come back | a gap is announced, and a new       |
| before                                         | with an older memory              | buffer begins at the newest batch   |

Batches of a new epoch are held until the window has been read. Delivered at once, they might come before their
predecessors.
"""

from enum import Enum, auto
from typing import Final

from logstream_stream.arriving.recent_set import RecentSet
from logstream_stream.arriving.stored import StoredBatch
from logstream_stream.arriving.window import WindowSnapshot
from logstream_stream.order.window_request import WindowRequest

# How many epochs that are over are remembered.
_RECENT_EPOCHS: Final = 16


class EpochChange(Enum):
    """See the table of the module."""

    SAME_MEMORY = auto()
    MEMORY_LOST = auto()
    UNKNOWN = auto()


def change_of_epoch(request: WindowRequest, snapshot: WindowSnapshot, *, is_over: bool) -> EpochChange:
    """What it means that the epoch of the snapshot differs from that of the request. is_over: that epoch was left before."""
    if snapshot.anchor is not None and snapshot.anchor == request.anchor_name:
        return EpochChange.SAME_MEMORY
    is_shorter = request.anchor == 0 or snapshot.position < request.anchor
    is_other = snapshot.anchor is not None and request.anchor_name is not None
    return EpochChange.MEMORY_LOST if (is_shorter or is_other) and not is_over else EpochChange.UNKNOWN


def is_older_memory(request: WindowRequest, snapshot: WindowSnapshot) -> bool:
    """Whether Redis came back with an older memory under the same epoch."""
    is_other = None not in (request.anchor_name, snapshot.anchor) and request.anchor_name != snapshot.anchor
    return snapshot.position < request.anchor or is_other


class OtherEpochs:
    """Not thread-safe. Each epoch is in one state: unknown, held, current (then it is not in here), or over."""

    def __init__(self) -> None:
        # Epochs that are over, oldest first, with their baselines: the positions up to which the window was filled before
        # this replica started. A late batch is live only after the baseline of its epoch.
        self._over: dict[str, int] = {}
        # Batches of epochs about which the window has not been read yet, by position. The epochs are in the order in which
        # they appeared.
        self._held: dict[str, dict[int, StoredBatch]] = {}
        # Since when batches are held, in seconds of the clock. While the window is unavailable, they must not wait for ever.
        self.held_since = 0.0
        # Epochs whose memory Redis lost. What did not arrive of them can never be read.
        self._lost: RecentSet[str] = RecentSet(_RECENT_EPOCHS)

    @property
    def held(self) -> tuple[str, ...]:
        """The epochs of which batches are held."""
        return tuple(self._held)

    @property
    def held_bytes(self) -> int:
        """The size of all batches that are held."""
        return sum(len(batch.data) for batches in self._held.values() for batch in batches.values())

    def is_over(self, epoch: str) -> bool:
        return epoch in self._over

    def is_live(self, epoch: str, position: int) -> bool:
        """Whether a batch of an epoch that is over was stored after this replica began."""
        return position > self._over[epoch]

    def was_lost(self, epoch: str) -> bool:
        """Whether Redis lost the memory of this epoch."""
        return epoch in self._lost

    def hold(self, epoch: str, position: int, batch: StoredBatch, now_s: float) -> None:
        """Keeps a batch until the window shows what its epoch is."""
        if not self._held:
            self.held_since = now_s
        self._held.setdefault(epoch, {})[position] = batch

    def first_held(self, epoch: str) -> int:
        """The lowest held position of this epoch, of which at least one batch must be held."""
        return min(self._held[epoch])

    def take(self, epoch: str) -> dict[int, StoredBatch]:
        """Removes and returns the held batches of the epoch."""
        return self._held.pop(epoch, {})

    def begin(self, epoch: str) -> dict[int, StoredBatch]:
        """Makes the epoch the current one. Returns its held batches, which are held no longer."""
        self._over.pop(epoch, None)
        return self.take(epoch)

    def end(self, epoch: str, baseline: int) -> None:
        """Notes that the epoch is over: its batches are late from now on."""
        self._over[epoch] = baseline
        if len(self._over) > _RECENT_EPOCHS:
            del self._over[next(iter(self._over))]

    def lose(self, epoch: str) -> None:
        """Notes that Redis lost the memory of this epoch."""
        self._lost.add(epoch)
