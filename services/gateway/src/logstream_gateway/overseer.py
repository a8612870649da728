"""Watches over a gateway process: ten times a second it ends calls and streams that take too long or too much memory, and
updates readiness, grpc.health.v1 and the gauges. It must not block the loop.

The README lists every wait that it ends."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from grpc_health.v1 import health, health_pb2

from logstream_gateway import memory
from logstream_gateway.admission import Admission, Reception
from logstream_gateway.metrics import Metrics
from logstream_gateway.publisher import Publisher
from logstream_gateway.streams import Streams
from logstream_gateway.unavailable import Unavailable

log = logging.getLogger(__name__)

_TICK_S: Final = 0.1
# A process is full when it has refused calls for lack of room for this long, and until it has refused none for a second.
_FULL_S: Final = 2.0
_NOT_FULL_S: Final = 1.0
# When memory is short, a tick ends this many streams and this many calls, and one more call for each _SHED_CALL_BYTES too
# much. That is how much a call can hold while it waits to be received, and there may be thousands of them. Only calls that
# take longer than _SLOW_S end.
_SHED_COUNT: Final = 16
_SHED_CALL_BYTES: Final = 512 * 1024
_SLOW_S: Final = 1.0
# So far past the limit any call ends: messages that are larger than their method takes arrive faster than they are slow.
_FAR_BYTES: Final = 64 * 1024 * 1024


class Readiness:
    """Why the process cannot accept records, or None; read from other threads."""

    def __init__(self) -> None:
        self.not_ready: str | None = "starting"

    def __call__(self) -> str | None:
        return self.not_ready


class Overseer:
    def __init__(
        self,
        *,
        publisher: Publisher,
        end: Callable[[Reception, Unavailable], None],
        admission: Admission,
        streams: Streams,
        health_servicer: health.aio.HealthServicer,
        services: tuple[str, ...],
        readiness: Readiness,
        metrics: Metrics,
        memory_bytes: int,
    ) -> None:
        self._publisher = publisher
        self._end = end
        self._admission = admission
        self._streams = streams
        self._health_servicer = health_servicer
        self._services = services
        self._readiness = readiness
        self._metrics = metrics
        self._memory_bytes = memory_bytes
        self._full_since_s: float | None = None
        self._published_status: int | None = None

    async def run(self) -> None:
        """Runs until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self.tick(loop.time())
            await self._publish_health()
            await asyncio.sleep(_TICK_S)

    def tick(self, now_s: float) -> None:
        for reception, error in self._admission.sweep(now_s):
            self._end(reception, error)
        self._streams.sweep(now_s)
        self._shed(now_s)
        since_s = now_s - _NOT_FULL_S
        if not (self._admission.refused_since(since_s) or self._publisher.refused_since(since_s)):
            self._full_since_s = None
        elif self._full_since_s is None:
            self._full_since_s = now_s
        full = self._full_since_s is not None and now_s - self._full_since_s >= _FULL_S
        self._readiness.not_ready = self._publisher.not_ready or ("calls are refused for lack of room" if full else None)
        metrics = self._metrics
        metrics.inflight_bytes.set(self._publisher.held_bytes + self._admission.reserved_bytes)
        metrics.calls.set(self._admission.calls)
        metrics.streams.set(len(self._streams))
        metrics.ready.set(int(self._readiness.not_ready is None))

    def _shed(self, now_s: float) -> None:
        """Frees memory when it is short. gRPC may hold a part of a batch for each PushStream that waits for one, and these
        parts can be neither measured nor reserved."""
        if not (self._admission.receiving or len(self._streams)) or memory.resident_bytes() <= self._memory_bytes:
            return
        started_s = time.monotonic()
        memory.trim()
        resident_bytes = memory.resident_bytes()
        if resident_bytes <= self._memory_bytes:
            return
        limit = _SHED_COUNT + (resident_bytes - self._memory_bytes) // _SHED_CALL_BYTES
        slower_than_s = _SLOW_S if resident_bytes <= self._memory_bytes + _FAR_BYTES else 0.0
        calls, receiving = self._admission.shed(limit, slower_than_s, now_s)
        for reception, error in receiving:
            self._end(reception, error)
        ended = self._streams.shed(_SHED_COUNT, now_s)
        log.warning(
            "short of memory",
            extra={
                "resident_bytes": resident_bytes,
                "ended_streams": ended,
                "ended_calls": calls,
                "looked_for_s": round(time.monotonic() - started_s, 3),
            },
        )

    async def _publish_health(self) -> None:
        states = health_pb2.HealthCheckResponse
        status = states.NOT_SERVING if self._readiness.not_ready else states.SERVING
        if status != self._published_status:
            for name in ("", *self._services):
                await self._health_servicer.set(name, status)
            self._published_status = status
