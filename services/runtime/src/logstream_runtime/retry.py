"""The one policy by which services wait for a broker, a database or Redis that is unavailable: exponential backoff with
jitter and an upper bound. The published clients have one of their own, since they may not import this package."""

import logging
import random
import threading
from collections.abc import Callable
from typing import Final

from tenacity import RetryCallState, Retrying, retry_if_exception_type, sleep_using_event, stop_when_event_set

log = logging.getLogger(__name__)

# Bounds of the wait after the first failure and after many.
FIRST_S: Final = 0.1
LONGEST_S: Final = 5.0
# 2 to this power is far past the longest wait, and no float overflows.
_MOST_DOUBLINGS: Final = 10


def backoff_s(failures: int) -> float:
    """The seconds to wait after this many failures in a row, counted from 1: random below a bound that doubles each time."""
    bound_s = min(LONGEST_S, FIRST_S * 2 ** min(failures - 1, _MOST_DOUBLINGS))
    return random.uniform(FIRST_S / 2, bound_s)


def retry_until_stopped(
    what: str,
    errors: type[Exception] | tuple[type[Exception], ...],
    stopping: threading.Event,
    on_failure: Callable[[], object] = lambda: None,
) -> Retrying:
    """Retries a call on these errors until it succeeds or stopping is set; then the last error is raised.

    Blocks between tries; each failure is logged with `what` and reported to on_failure.
    """

    def before_sleep(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        on_failure()
        log.warning("waiting for %s", what, extra={"error": str(error).strip(), "tries": state.attempt_number})

    return Retrying(
        retry=retry_if_exception_type(errors),
        wait=lambda state: backoff_s(state.attempt_number),
        stop=stop_when_event_set(stopping),
        sleep=sleep_using_event(stopping),
        before_sleep=before_sleep,
        reraise=True,
    )
