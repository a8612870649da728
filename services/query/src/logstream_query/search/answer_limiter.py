"""Limits what all responses of a process hold in memory: how many are being prepared at the same time, and the bytes of
those that are ready but that clients have not read yet. It knows neither HTTP nor SQL."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Final, TypeVar

from logstream_query.config import Config
from logstream_query.metrics import Metrics
from logstream_query.unavailable import TooManyAnswers

# A response as small as this is not refused because of large ones: a part of the bytes is reserved for small responses.
SMALL_BYTES: Final = 256 * 1024
_KEPT_FOR_SMALL: Final = 1 / 6
# Responses that may be made at a time besides those that have a connection: between two statements one has none.
_MAKING_BESIDE: Final = 4


T = TypeVar("T")


class _LargeLater(Exception):
    """Large records have to be read, and no turn for them is free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLimits:
    """making: responses being prepared at the same time, each within a Room. large: those of them that read records larger
    than their shares, which keeps the database busy for long. wait_s: how long other requests wait for their turn.
    held_bytes: of the responses that are ready.
    """

    making: int
    large: int = 3
    wait_s: float
    held_bytes: int

    @classmethod
    def from_config(cls, config: Config) -> "AnswerLimits":
        return cls(making=config.pool_connections + _MAKING_BESIDE, wait_s=config.pool_wait_s, held_bytes=config.held_bytes)


class AnswerLimiter:
    """Usable by many greenlets or threads at once."""

    def __init__(self, metrics: Metrics, limits: AnswerLimits) -> None:
        self._metrics = metrics
        self._limits = limits
        self._turns = threading.BoundedSemaphore(self._limits.making)
        self._large_turns = threading.BoundedSemaphore(self._limits.large)
        self._lock = threading.Lock()
        self._held_bytes = 0

    def make(self, read: Callable[[Callable[[], None]], T]) -> T:
        """Returns the result of `read`, which reads records into a Room. It passes its argument on to the Room as
        begin_large.

        If too many requests read large records already, read is aborted, and called again when one of them is done: a
        waiting request holds no connection and none of the turns that others need. Raises TooManyAnswers.
        """
        with ExitStack() as held:

            def begin_at_once() -> None:
                if not has_turn:
                    if not self._large_turns.acquire(blocking=False):
                        raise _LargeLater
                    held.callback(self._large_turns.release)
                    has_turn.append(True)

            has_turn: list[bool] = []
            # The exception holds on to what was read, so it ends before the wait.
            with suppress(_LargeLater), self._making():
                return read(begin_at_once)
            self._wait(self._large_turns, f"{self._limits.large} responses with large records are already being prepared")
            held.callback(self._large_turns.release)
            has_turn.append(True)
            with self._making():
                return read(begin_at_once)

    @contextmanager
    def _making(self) -> Iterator[None]:
        self._wait(self._turns, f"{self._limits.making} responses are already being prepared")
        try:
            yield
        finally:
            self._turns.release()

    def _wait(self, turns: threading.Semaphore, what: str) -> None:
        if not turns.acquire(timeout=self._limits.wait_s):
            raise TooManyAnswers(f"{what}: try again in a moment")

    def hold(self, size_bytes: int) -> Callable[[], None]:
        """Counts a response of this size until the returned function is called, once or more often. Raises
        TooManyAnswers."""
        most_bytes = self._limits.held_bytes
        if size_bytes > SMALL_BYTES:
            most_bytes = int(most_bytes * (1 - _KEPT_FOR_SMALL))
        with self._lock:
            # A single response that is larger than the limit still gets through.
            if self._held_bytes and self._held_bytes + size_bytes > most_bytes:
                raise TooManyAnswers(
                    "too many responses of this process are still waiting to be read by their clients: try again in a moment"
                )
            self._held_bytes += size_bytes
        self._metrics.held_bytes.inc(size_bytes)
        is_held = [True]

        def release() -> None:
            with self._lock:
                if not is_held:
                    return
                is_held.clear()
                self._held_bytes -= size_bytes
            self._metrics.held_bytes.dec(size_bytes)

        return release
