"""The one policy by which services wait for a broker, database or Redis that is away: exponential, jittered, bounded."""

import logging
import threading
from collections.abc import Callable

from tenacity import RetryCallState, Retrying, retry_if_exception_type, sleep_using_event, stop_when_event_set
from tenacity.wait import wait_random_exponential

log = logging.getLogger(__name__)

FIRST_S = 0.1
LONGEST_S = 5.0

WAIT = wait_random_exponential(multiplier=FIRST_S, max=LONGEST_S, min=FIRST_S / 2)


def until_stopped(
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
        wait=WAIT,
        stop=stop_when_event_set(stopping),
        sleep=sleep_using_event(stopping),
        before_sleep=before_sleep,
        reraise=True,
    )
