"""What is known of epochs other than the current one, and what a change of epoch means. It must not deliver batches or
announce gaps: the sequencer does.

An epoch is a name for one run of positions. Writers begin a new one in two cases: Redis lost its memory, so that positions
begin again at 1; or a writer published batches without positions, because it could not reach Redis for a while, so that
positions go on. A replica sees only the new name, and compares the window with the batch at its own last position, the
anchor:

| in the new epoch the window has                | so                                | then                                |
|------------------------------------------------|-----------------------------------|-------------------------------------|
| the same batch at the anchor's position        | SAME_MEMORY: positions go on      | the buffer goes on under a new name |
| another batch there, or its positions do not   | MEMORY_LOST: all of it was stored | a new buffer reads it from          |
| reach as far as ours                           | after what we delivered           | position 1                          |
| no batch there any more; or the epoch was left | UNKNOWN: Redis may have come back | a gap is announced, and a new       |
| before                                         | with an older memory              | buffer begins at the newest batch   |

Batches of an epoch that the window was not asked about yet are held until it was. Delivered at once, they might come before
their predecessors.
"""

from enum import Enum, auto
from typing import Final

from logstream_stream.arriving.recent_set import RecentSet
from logstream_stream.arriving.stored import StoredBatch
from logstream_stream.arriving.window import WindowSnapshot
from logstream_stream.order.window_request import WindowRequest

# Of epochs that are over, so many are remembered.
_RECENT_EPOCHS: Final = 16


class EpochChange(Enum):
    """See the table of the module."""

    SAME_MEMORY = auto()
    MEMORY_LOST = auto()
    UNKNOWN = auto()


def change_of_epoch(request: WindowRequest, snapshot: WindowSnapshot, *, is_over: bool) -> EpochChange:
    """What it means that the snapshot has another epoch than the request. is_over: it is an epoch that was left before."""
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
        # Epochs that are over, the oldest first, with their baselines: up to there positions were in the window before this
        # replica began. A batch that comes late is live only after its epoch's baseline.
        self._over: dict[str, int] = {}
        # Batches by position of epochs that the window was not asked about yet, in the order in which the epochs were first
        # heard of.
        self._held: dict[str, dict[int, StoredBatch]] = {}
        # When the first of them was held, in seconds of the clock. While the window is unavailable they must not wait for
        # ever.
        self.held_since = 0.0
        # Epochs whose memory Redis lost: what did not arrive of them can never be read.
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
        """Keeps a batch until it is known what its epoch is."""
        if not self._held:
            self.held_since = now_s
        self._held.setdefault(epoch, {})[position] = batch

    def first_held(self, epoch: str) -> int:
        """The lowest position that is held of this epoch, of which at least one is."""
        return min(self._held[epoch])

    def take(self, epoch: str) -> dict[int, StoredBatch]:
        """What is held of the epoch, and is held no longer."""
        return self._held.pop(epoch, {})

    def begin(self, epoch: str) -> dict[int, StoredBatch]:
        """The epoch is the current one from now on. Returns what was held of it."""
        self._over.pop(epoch, None)
        return self.take(epoch)

    def end(self, epoch: str, baseline: int) -> None:
        """The epoch is over: what comes of it now is late."""
        self._over[epoch] = baseline
        if len(self._over) > _RECENT_EPOCHS:
            del self._over[next(iter(self._over))]

    def lose(self, epoch: str) -> None:
        """Redis lost the memory of this epoch."""
        self._lost.add(epoch)
