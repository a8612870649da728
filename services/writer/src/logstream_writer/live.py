"""Gives stored batches their live positions and keeps the recent window, in Redis. The only module here that knows redis.

If Redis is unavailable, batches have no position. It must not delay the flush for longer than the timeouts below.
"""

import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

import redis
from logstream_contract.wire import live_window
from redis.backoff import NoBackoff
from redis.retry import Retry

from logstream_writer.failures import described
from logstream_writer.metrics import Metrics

log = logging.getLogger(__name__)

_TIMEOUT_S = 0.4
# After a failure Redis is not called for this long, so that an outage does not delay flushes.
_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class LiveEntry:
    """A stored batch by its name (see live_window.batch_name), its number of rows, and the bytes of its LiveBatch, without
    a position, in pieces."""

    name: str
    records: int
    parts: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Positions:
    """The epoch, and a position for each batch in order."""

    epoch: str
    positions: Sequence[int]


class LiveWindow:
    """Not thread-safe. Blocks for at most two timeouts of 0.4 s, to connect and to get a response."""

    def __init__(self, *, url: str, window_records: int, window_bytes: int, metrics: Metrics) -> None:
        self._redis = redis.Redis.from_url(
            url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S, retry=Retry(NoBackoff(), 0)
        )
        self._append = self._redis.register_script(live_window.APPEND)
        self._limits = (window_records, window_bytes, live_window.REMEMBERED_NUMBERS)
        self._metrics = metrics
        self._silent_until_s = 0.0
        # A batch was announced without a position: the positions after it need a new epoch, so that a viewer that resumes
        # across it learns about the gap.
        self._missed = False

    def miss(self) -> None:
        """A stored batch is not in the window and never will be."""
        self._missed = True

    def append(self, batches: Sequence[LiveEntry]) -> Positions | None:
        """Positions for these batches, or None if Redis is unavailable."""
        if time.monotonic() < self._silent_until_s:
            self._missed = True
            return None
        arguments: list[str | int | bytes] = [f"{time.time_ns():x}{secrets.token_hex(2)}", int(self._missed), *self._limits]
        for batch in batches:
            arguments += (batch.name, batch.records, b"".join(batch.parts))
        try:
            keys = (live_window.HEAD, live_window.WINDOW, live_window.SIZES, live_window.NUMBERS)
            epoch, *numbers = self._append(keys, arguments)
            positions = Positions(epoch.decode(), list(map(int, numbers)))
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 not only redis.RedisError: a response that can't be read is no response
            log.warning("no live positions from Redis", extra={"error": described(error)})
            self._silent_until_s = time.monotonic() + _PAUSE_S
            self._missed = True
            self._metrics.redis_up.set(0)
            return None
        self._missed = False
        self._metrics.redis_up.set(1)
        return positions

    def close(self) -> None:
        self._redis.close()
