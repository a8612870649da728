"""Bounded waiting for something to come true. It must never measure: a wait says only that it ended."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE_S = 0.1
GENEROUS_S = 90.0


def wait_for(
    what: str,
    probe: Callable[[], T],
    accept: Callable[[T], bool] = bool,
    *,
    timeout_s: float = GENEROUS_S,
    tolerate: tuple[type[Exception], ...] = (),
    pause_s: float = PAUSE_S,
) -> T:
    """Calls probe until accept takes its answer, which is returned.

    Raises AssertionError naming `what`, the time and the last answer, or the last tolerated error.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        seen: object
        try:
            answer = probe()
            if accept(answer):
                return answer
            seen = answer
        except tolerate as error:
            seen = error
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:.0f} s for {what}; last seen: {_short(seen)}")
        time.sleep(pause_s)


def _short(seen: object) -> str:
    text = repr(seen)
    return text if len(text) <= 500 else f"{text[:500]}... ({len(text)} characters)"
