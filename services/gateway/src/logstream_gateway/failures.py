"""What is done about an error that nobody expected in a handler: counted, logged once a second at most, never told."""

import logging
import time
from collections.abc import Callable
from typing import Final

from logstream_gateway.metrics import Metrics

log = logging.getLogger(__name__)

# All that a caller learns.
TEXT: Final = "internal error of the gateway"
_LOG_EVERY_S: Final = 1.0


class Failures:
    def __init__(self, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._clock = clock
        self._logged_at_s = float("-inf")
        self._unlogged = 0

    def note(self, method: str, error: Exception) -> None:
        reason = "memory" if isinstance(error, MemoryError) else "unexpected"
        self._metrics.failed_calls.labels(method, reason).inc()
        now_s = self._clock()
        if now_s - self._logged_at_s < _LOG_EVERY_S:
            self._unlogged += 1
            return
        log.error("a call failed", exc_info=error, extra={"method": method, "unlogged_before": self._unlogged})
        self._logged_at_s, self._unlogged = now_s, 0
