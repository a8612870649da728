"""What a task of maintenance is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from logstream_writer.store.session import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run of a task did.

    done: amounts by kind, counted in metrics, hence a fixed set of kinds a task. state: gauges to set, by their names in
    Metrics.maintenance_state. facts: for the log line only. routine: done every few seconds, so no news for the log.
    """

    done: Mapping[str, int] = field(default_factory=dict)
    freed_bytes: int = 0
    state: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)
    routine: bool = False

    @property
    def changed(self) -> bool:
        """Whether the run changed anything."""
        return bool(self.freed_bytes) or any(self.done.values())


class Task(Protocol):
    """One thing to do regularly, under the lock of maintenance, so by one process at a time. A second run right after
    one changes nothing."""

    @property
    def name(self) -> str:
        """As metrics and log lines call it."""
        ...

    @property
    def every_s(self) -> float:
        """Seconds from the end of a run to the next one."""
        ...

    def run(self, connection: Connection) -> Report:
        """Works on a connection in autocommit mode, blocking, for minutes at most.

        Each change is complete by itself, in one transaction: a run that is killed leaves nothing half done. The
        driver's errors pass through: the task is then run again, later and later.
        """
        ...
