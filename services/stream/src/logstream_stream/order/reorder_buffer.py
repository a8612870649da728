"""Reorders the batches of one epoch: they go in as they arrive and come out in the order of their positions, without a hole.
It must not decide when to give up a missing batch."""

from dataclasses import dataclass, field

from logstream_stream.arriving.stored import StoredBatch


@dataclass(slots=True, kw_only=True)
class ReorderBuffer:
    """position: that of the last batch taken out. Waiting batches have later positions."""

    epoch: str
    position: int
    # Positions up to here were in the window before this replica began. They were never live here.
    baseline: int
    # Name of the batch at position; None: not known. It shows whether another epoch continues the same positions.
    anchor: str | None = None
    # The highest position that is known to be assigned.
    known: int = 0
    # The window has been read up to here. A position that is still missing was trimmed and is not in the window any more.
    gone: int = 0
    waiting: dict[int, StoredBatch] = field(default_factory=dict)
    waiting_bytes: int = 0

    def put(self, position: int, batch: StoredBatch) -> bool:
        """Adds a batch. Returns whether it is new here."""
        self.known = max(self.known, position)
        if position <= self.position or position in self.waiting:
            return False
        self.waiting[position] = batch
        self.waiting_bytes += len(batch.data)
        return True

    def take(self) -> StoredBatch | None:
        """Takes out the batch at the next position, if it is here."""
        batch = self.waiting.pop(self.position + 1, None)
        if batch is not None:
            self.position += 1
            self.anchor = batch.name
            self.waiting_bytes -= len(batch.data)
        return batch

    def skip_to(self, position: int) -> None:
        """Continues after this position, which is not before the present one."""
        self.position = position
        self.anchor = None

    @property
    def next_is_missing(self) -> bool:
        """Whether the next position is known to be assigned; call it when take() has returned None."""
        return self.known > self.position

    @property
    def next_waiting(self) -> int | None:
        """The lowest position of the waiting batches."""
        return min(self.waiting, default=None)
