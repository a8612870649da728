"""Bounds what all answers under way in a process hold in memory: how many are being made at a time, and the bytes of those
that are made but not yet taken by their clients. It knows neither HTTP nor SQL."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from logstream_query.metrics import Metrics
from logstream_query.unavailable import TooManyAnswers

# No answer as small as this is refused for large ones: a part of the bytes is kept for such.
SMALL_BYTES: Final = 256 * 1024
_KEPT_FOR_SMALL: Final = 1 / 6


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """making: answers being made at a time, each within a Room. wait_s: how long others wait for their turn. held_bytes: of
    those made."""

    making: int = 14
    wait_s: float = 3.0
    held_bytes: int = 96 * 1024 * 1024


class Answering:
    """Usable by many greenlets or threads at once."""

    def __init__(self, metrics: Metrics, limits: AnswerLimits | None = None) -> None:
        self._metrics = metrics
        self._limits = limits or AnswerLimits()
        self._turns = threading.BoundedSemaphore(self._limits.making)
        self._lock = threading.Lock()
        self._held_bytes = 0

    @contextmanager
    def making(self) -> Iterator[None]:
        """While records for an answer are read. Raises TooManyAnswers."""
        if not self._turns.acquire(timeout=self._limits.wait_s):
            raise TooManyAnswers(f"{self._limits.making} answers are being made already: try again in a moment")
        try:
            yield
        finally:
            self._turns.release()

    def hold(self, size_bytes: int) -> Callable[[], None]:
        """Counts an answer of this size until what is returned is called, once or more often. Raises TooManyAnswers."""
        most_bytes = self._limits.held_bytes
        if size_bytes > SMALL_BYTES:
            most_bytes = int(most_bytes * (1 - _KEPT_FOR_SMALL))
        with self._lock:
            # A single one that is larger than everything still gets through.
            if self._held_bytes and self._held_bytes + size_bytes > most_bytes:
                raise TooManyAnswers(
                    "clients have not yet taken the answers that this process holds for them: try again in a moment"
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
