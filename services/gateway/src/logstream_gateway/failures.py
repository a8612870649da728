"""Unexpected errors of handlers: they are counted, logged at most once a second, and not disclosed to the caller."""

import logging
import time
from collections.abc import Callable
from typing import Final

from logstream_gateway.metrics import FailureReason, Metrics

log = logging.getLogger(__name__)

# The only text that a caller gets.
INTERNAL_ERROR: Final = "internal error of the gateway"
_LOG_EVERY_S: Final = 1.0
# grpc.aio uses this logger for errors that it meets around a handler, such as a message that cannot be unpacked.
_GRPC_LOGGER: Final = "grpc._cython.cygrpc"
# aiohttp uses this one for what is no HTTP.
_HTTP_LOGGER: Final = "aiohttp.server"


class Failures:
    def __init__(self, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._throttle = _Throttle(clock)

    def note(self, method: str, error: Exception) -> None:
        reason = FailureReason.MEMORY if isinstance(error, MemoryError) else FailureReason.UNEXPECTED
        self._metrics.failed_calls.labels(method, reason).inc()
        suppressed = self._throttle.suppressed_before()
        if suppressed is not None:
            log.error("a call failed", exc_info=error, extra={"method": method, "unlogged_before": suppressed})


class OncePerSecond(logging.Filter):
    """Lets one record through each second; `unlogged_before` says how many were suppressed before it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._throttle = _Throttle(clock)

    def filter(self, record: logging.LogRecord) -> bool:
        suppressed = self._throttle.suppressed_before()
        record.unlogged_before = suppressed
        return suppressed is not None


def limit_logs() -> None:
    """Without this, a sender can make gRPC or aiohttp log an error and its traceback with every call, at any rate."""
    for name in (_GRPC_LOGGER, _HTTP_LOGGER):
        logging.getLogger(name).addFilter(OncePerSecond())


class _Throttle:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._logged_at_s = float("-inf")
        self._suppressed = 0

    def suppressed_before(self) -> int | None:
        """The number of records suppressed since the last one that was logged; None if it is too early to log another."""
        now_s = self._clock()
        if now_s - self._logged_at_s < _LOG_EVERY_S:
            self._suppressed += 1
            return None
        suppressed, self._suppressed, self._logged_at_s = self._suppressed, 0, now_s
        return suppressed
