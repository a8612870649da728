"""Turns signals into an orderly stop: the first SIGTERM or SIGINT drains the process, the second ends it at once."""

import logging
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

log = logging.getLogger(__name__)

EXIT_KILLED = 130


def on_stop_signals(stop: Callable[[], object]) -> None:
    """Calls stop() in the main thread at the first signal; must be called from the main thread."""
    seen = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        if seen.is_set():
            os._exit(EXIT_KILLED)
        seen.set()
        log.info("stopping", extra={"signal": signal.Signals(number).name})
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)
