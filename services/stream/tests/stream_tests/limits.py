"""Limits as wide as those of a service with default settings, but for what a test sets."""

from dataclasses import replace
from typing import Any, Final

from logstream_stream.viewers.admission import Limits
from logstream_stream.viewers.filter_time import FilterTimeLimits
from logstream_stream.viewers.viewer import QueueLimits

QUEUE: Final = QueueLimits(records=20_000, bytes=8 * 1024 * 1024)
FILTER_TIME: Final = FilterTimeLimits(process_s=0.5, client_s=0.25)
LIMITS: Final = Limits(
    viewers=10_000,
    viewers_per_client=0,
    filters=1_000,
    max_rate=0,
    viewer_timeout_s=30.0,
    queue=QUEUE,
    held_bytes=192 * 1024 * 1024,
    filter_time=FILTER_TIME,
)


def limits_with(**changed: Any) -> Limits:
    return replace(LIMITS, **changed)


def queue_with(**changed: int) -> QueueLimits:
    return replace(QUEUE, **changed)
