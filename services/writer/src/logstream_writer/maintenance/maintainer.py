"""Runs the tasks: each at its interval in the background of a writer, or all of them once."""

import logging
import random
import threading
import time
from collections.abc import Sequence

from prometheus_client import Gauge

from logstream_writer.maintenance.task import Report, Task
from logstream_writer.metrics import Metrics
from logstream_writer.store.errors import StoreUnavailable
from logstream_writer.store.session import Session

log = logging.getLogger(__name__)

POLL_S = 30.0
FIRST_BACKOFF_S = 10.0
_LONGEST_BACKOFF_S = 600.0
_LOCK = "lock"  # the label of failures before any task
# Without the lock nothing is done, and trying to get it only costs a connection, so the pause stays short.
_LONGEST_LOCK_BACKOFF_S = 30.0


class Maintainer:
    """Owns the session. Keeps the lock from its first success to close() or the loss of its connection.

    leading: the gauge that says whether it has the lock. poll_s: how often a process without the lock asks for it.
    first_backoff_s: the pause after a failure, doubled with each up to longest_backoff_s.
    """

    def __init__(
        self,
        session: Session,
        tasks: Sequence[Task],
        metrics: Metrics,
        *,
        leading: Gauge | None = None,
        poll_s: float = POLL_S,
        first_backoff_s: float = FIRST_BACKOFF_S,
        longest_backoff_s: float = _LONGEST_BACKOFF_S,
    ) -> None:
        self._session = session
        self._tasks = tasks
        self._metrics = metrics
        self._leading = leading or metrics.maintenance_leading
        self._poll_s = poll_s
        self._first_backoff_s = first_backoff_s
        self._longest_backoff_s = longest_backoff_s
        self._due_s = {task.name: 0.0 for task in tasks}
        self._failures = dict.fromkeys((_LOCK, *self._due_s), 0)
        metrics.expect_tasks(self._due_s)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="maintenance", daemon=True)

    def start(self) -> None:
        """Runs the tasks in a thread of its own until close()."""
        self._thread.start()

    def close(self, within_s: float) -> None:
        """Interrupts what runs and gives the lock back. What was interrupted is undone by the database."""
        self._stopping.set()
        until_s = time.monotonic() + within_s
        # A task has several statements, and the stop is looked for between tasks only.
        while self._thread.is_alive() and time.monotonic() < until_s:
            self._session.cancel()
            self._thread.join(0.2)

    def once(self) -> int:
        """Runs every task one time in this thread, with a log line for each. The exit status: 1 if anything failed."""
        try:
            if not self._session.acquire():
                log.info("another process performs maintenance", extra={"holder": self._session.holder()})
                return 0
        except StoreUnavailable as error:
            self._failed(_LOCK, error, error.sqlstate_class)
            return 1
        try:
            failed = [task.name for task in self._tasks if not self._run(task, always_log=True)]
            return 1 if failed else 0
        finally:
            self._session.close()

    def _loop(self) -> None:
        try:
            while not self._stopping.wait(self._safe_pass()):
                pass
        finally:
            self._session.close()
            self._leading.set(0)

    def _safe_pass(self) -> float:
        try:
            return self._pass()
        except Exception as error:  # noqa: BLE001  # the top of the loop, which ends with the writer and not before
            return self._failed(_LOCK, error, "internal")

    def _pass(self) -> float:
        """Runs what is due; the seconds until something is again."""
        try:
            leading = self._session.acquire()
            self._failures[_LOCK] = 0
        except StoreUnavailable as error:
            leading = False
            return self._failed(_LOCK, error, error.sqlstate_class)
        finally:
            self._leading.set(leading)
        if not leading:
            return self._poll_s
        for task in self._tasks:
            if self._stopping.is_set() or not self._session.has_lock:
                break
            if self._due_s[task.name] <= time.monotonic():
                self._run(task)
        return max(0.0, min(min(self._due_s.values()) - time.monotonic(), self._poll_s))

    def _run(self, task: Task, always_log: bool = False) -> bool:
        """One run of a task, whose next one is set; whether it succeeded."""
        started_s = time.monotonic()
        try:
            report = self._session.run(task.run)
        except StoreUnavailable as error:
            pause_s = self._failed(task.name, error, error.sqlstate_class)
        except Exception as error:  # noqa: BLE001  # a fault in one task must not keep the others from running
            pause_s = self._failed(task.name, error, "internal")
        else:
            self._failures[task.name] = 0
            pause_s = task.every_s
            self._succeeded(task, report, time.monotonic() - started_s, always_log)
        done = self._failures[task.name] == 0
        self._metrics.maintenance_runs.labels(task.name, "done" if done else "failed").inc()
        self._metrics.maintenance_seconds.labels(task.name).observe(time.monotonic() - started_s)
        self._due_s[task.name] = time.monotonic() + pause_s
        return done

    def _succeeded(self, task: Task, report: Report, seconds: float, always_log: bool) -> None:
        for what, amount in report.done.items():
            self._metrics.maintenance_done.labels(task.name, what).inc(amount)
        self._metrics.maintenance_freed_bytes.labels(task.name).inc(report.freed_bytes)
        for name, value in report.state.items():
            self._metrics.maintenance_state[name].set(value)
        said = {**report.done, "freed_bytes": report.freed_bytes, **report.state, **report.facts}
        level = logging.INFO if always_log or (report.changed and not report.routine) else logging.DEBUG
        log.log(level, "maintenance", extra={"task": task.name, "seconds": round(seconds, 3), **said})

    def _failed(self, name: str, error: Exception, sqlstate_class: str) -> float:
        """Records the failure. Returns the seconds until the next try: longer each time, and different in each process. A
        formula of its own, since a failed task must rest for at least half of the bound."""
        if self._stopping.is_set():
            return 0
        self._failures[name] += 1
        longest_s = _LONGEST_LOCK_BACKOFF_S if name == _LOCK else self._longest_backoff_s
        pause_s: float = min(self._first_backoff_s * 2 ** (self._failures[name] - 1), longest_s) * random.uniform(0.5, 1)
        self._metrics.maintenance_failures.labels(name, sqlstate_class).inc()
        log.warning(
            "maintenance failed and will be tried again",
            extra={"task": name, "error": str(error) or repr(error), "again_s": round(pause_s)},
            exc_info=error if sqlstate_class == "internal" else None,
        )
        return pause_s
