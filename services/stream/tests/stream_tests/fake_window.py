"""A recent window in memory. test_window.py holds it against the one in Redis."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field

from logstream_stream.arriving.stored import StoredBatch
from logstream_stream.arriving.window import NAMES_READ, Entry, WindowSnapshot, WindowUnavailable

from .batches import messages_of


@dataclass
class _Memory:
    epoch: str = ""
    position: int = 0
    entries: dict[int, StoredBatch] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)


class FakeWindow:
    """What the writer's script does (append), what may happen to Redis, and what a Window answers."""

    def __init__(self) -> None:
        self.unavailable = False
        self._memory = _Memory()
        self._epochs = 0

    def append(self, batches: Sequence[StoredBatch], *, new_epoch: bool = False, most_records: int = 1_000_000) -> list[int]:
        memory = self._memory
        if new_epoch or not memory.epoch:
            self._epochs += 1
            memory.epoch = f"e{self._epochs}"
        positions = []
        for batch in batches:
            if batch.name not in memory.names:
                memory.position += 1
                memory.names[batch.name] = memory.position
                memory.entries[memory.position] = batch
            positions.append(memory.names[batch.name])
        while len(memory.entries) > 1 and _records(memory) > most_records:
            del memory.entries[min(memory.entries)]
        return positions

    @property
    def epoch(self) -> str:
        return self._memory.epoch

    def holds(self, batch: StoredBatch) -> bool:
        """Whether the batch is known here, trimmed or not."""
        return batch.name in self._memory.names

    def trim(self, keep: int) -> None:
        """Leaves only the newest `keep` batches."""
        for position in sorted(self._memory.entries)[: -keep or None]:
            del self._memory.entries[position]

    def lose_memory(self) -> None:
        self._memory = _Memory()

    def snapshot(self) -> object:
        return copy.deepcopy(self._memory)

    def restore(self, snapshot: object) -> None:
        """Redis came back with what it had saved."""
        assert isinstance(snapshot, _Memory)
        self._memory = copy.deepcopy(snapshot)

    def read(self, anchor: int | None, after: int, upto: int, count: int) -> WindowSnapshot:
        memory = self._answering()
        by_position = {position: name for name, position in memory.names.items()}
        name = None if anchor is None else by_position.get(anchor or memory.position)
        known = dict(sorted(by_position.items())[-NAMES_READ:]) if anchor == 0 else {}
        if not count or upto <= after:
            return WindowSnapshot(
                epoch=memory.epoch, position=memory.position, anchor=name, entries=[], complete_to=after, names=known
            )
        found = [Entry(at, batch) for at, batch in sorted(memory.entries.items()) if after < at <= upto][:count]
        complete_to = found[-1].position if len(found) == count else upto
        return WindowSnapshot(
            epoch=memory.epoch, position=memory.position, anchor=name, entries=found, complete_to=complete_to, names=known
        )

    def latest(self, upto: int, count: int) -> WindowSnapshot:
        memory = self._answering()
        found = [Entry(at, batch) for at, batch in sorted(memory.entries.items(), reverse=True) if at <= upto]
        found = found[:count]
        return WindowSnapshot(
            epoch=memory.epoch,
            position=memory.position,
            anchor=None,
            entries=found,
            complete_to=found[-1].position if found else 0,
        )

    def _answering(self) -> _Memory:
        if self.unavailable:
            raise WindowUnavailable("the test made it unavailable")
        return self._memory


def _records(memory: _Memory) -> int:
    return sum(len(messages_of(batch)) for batch in memory.entries.values())
