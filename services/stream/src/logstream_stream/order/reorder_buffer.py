"""The line of positions of one epoch: batches go in as they come and leave gaplessly. It must not decide when to give a
missing one up."""

from dataclasses import dataclass, field

from logstream_stream.arriving.stored import StoredBatch


@dataclass(slots=True, kw_only=True)
class ReorderBuffer:
    """position: of the last batch that left. A batch that waits is at a position after it."""

    epoch: str
    position: int
    # Positions up to here were in the window before this replica began; they are nobody's live records.
    baseline: int
    # Name of the batch at position; None: not known. It tells whether another epoch goes on with the same positions.
    anchor: str | None = None
    # Highest position known to be given.
    known: int = 0
    # No position up to here will ever be read from the window again.
    gone: int = 0
    waiting: dict[int, StoredBatch] = field(default_factory=dict)
    waiting_bytes: int = 0

    def put(self, position: int, batch: StoredBatch) -> bool:
        """Whether the batch is new to the line."""
        self.known = max(self.known, position)
        if position <= self.position or position in self.waiting:
            return False
        self.waiting[position] = batch
        self.waiting_bytes += len(batch.data)
        return True

    def take(self) -> StoredBatch | None:
        """The batch at the next position, if it is here."""
        batch = self.waiting.pop(self.position + 1, None)
        if batch is not None:
            self.position += 1
            self.anchor = batch.name
            self.waiting_bytes -= len(batch.data)
        return batch

    def skip_to(self, position: int) -> None:
        """Goes on after this position, which is not before the present one."""
        self.position = position
        self.anchor = None

    @property
    def next_is_missing(self) -> bool:
        """Whether a batch is known to exist that did not leave; take() has been tried."""
        return self.known > self.position

    @property
    def next_waiting(self) -> int | None:
        """The lowest position that waits."""
        return min(self.waiting, default=None)
