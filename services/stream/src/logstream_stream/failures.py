"""Counts and logs failures that concern a single batch, so that the caller can go on with the next one. It must not swallow
errors of the process as a whole, such as a lack of memory."""

import logging
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

# What was being done with the batch.
READ: Final = "read"
DECODE: Final = "decode"
COUNT: Final = "count"
FILTER: Final = "filter"
RENDER: Final = "render"
DELIVER: Final = "deliver"
REASONS: Final = (READ, DECODE, COUNT, FILTER, RENDER, DELIVER)

_LOG_EVERY_S: Final = 1.0


class Failures:
    """Not thread-safe. clock: monotonic seconds; count: called with the reason of each failure."""

    def __init__(self, clock: Callable[[], float], count: Callable[[str], object]) -> None:
        self._clock = clock
        self._count = count
        self._logged_at = float("-inf")
        self._unlogged = 0

    def note(self, reason: str, error: Exception, batch: str = "") -> None:
        """Counts the failure; logs at most one a second. batch: its name."""
        if isinstance(error, MemoryError):
            raise error
        self._count(reason)
        now = self._clock()
        if now - self._logged_at < _LOG_EVERY_S:
            self._unlogged += 1
            return
        details = {"reason": reason, "batch": batch, "not_logged": self._unlogged}
        log.error("a batch is left out and announced as a gap", extra=details, exc_info=error)
        self._logged_at, self._unlogged = now, 0
