"""The gRPC methods: check what came, hand it on, answer after the broker's confirm. Good batches go on unchanged."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final, NoReturn, Protocol

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from logstream_contract.batches import Limits, Rejected, check_batch, check_node
from logstream_contract.pb.logger_pb2 import LogRequest, LogResponse
from logstream_contract.pb.logs_pb2 import LogRecord, PushResult
from logstream_contract.rows import MAX_TIMESTAMP_CHARACTERS
from logstream_contract.timestamps import read_timestamp

from logstream_gateway.coalescer import Coalescer
from logstream_gateway.metrics import Metrics
from logstream_gateway.publisher import Publisher, Unavailable

# An answer must arrive before the caller's deadline has passed on the caller's clock, also when many are sent at once.
_DEADLINE_MARGIN_S: Final = 0.1
_DEADLINE_MARGIN_SHARE: Final = 0.1
# Batches of one PushStream that may wait for their confirm at a time.
_STREAM_WINDOW: Final = 32
_STATUS_DETAILS: Final = "grpc-status-details-bin"
_SUCCESS: Final = LogResponse(success=True).SerializeToString()


class Context(Protocol):
    """What is used of grpc.aio.ServicerContext."""

    def time_remaining(self) -> float | None: ...

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: tuple[tuple[str, bytes], ...] = ()
    ) -> NoReturn: ...


class Ingest:
    """The handlers, all (request bytes) -> response bytes; they run on one loop."""

    def __init__(
        self,
        publisher: Publisher,
        frame: Callable[[bytes], bytes],
        coalescer: Coalescer,
        limits: Limits,
        legacy_zone: tzinfo,
        timeout_s: float,
        retry_after_ms: int,
        metrics: Metrics,
    ) -> None:
        self._publisher = publisher
        self._frame = frame
        self._coalescer = coalescer
        self._limits = limits
        self._legacy_zone = legacy_zone
        self._timeout_s = timeout_s
        self._retry_after_ms = retry_after_ms
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._accept_send_log = _counting(metrics, "SendLog")
        self._accept_push = _counting(metrics, "Push")
        self._accept_push_stream = _counting(metrics, "PushStream")

    async def send_log(self, raw: bytes, context: Context) -> bytes:
        try:
            try:
                request = LogRequest.FromString(raw)
            except DecodeError as error:
                raise Rejected("undecodable", f"request: not a LoggerService.LogRequest: {error}") from error
            check_node(request.node)
            if len(raw) > self._limits.batch_bytes:
                raise Rejected("batch_bytes", f"request: {len(raw)} bytes, expected at most {self._limits.batch_bytes}")
        except Rejected as error:
            await self._reject("SendLog", error, context)
        patience_s = _patience_s(context, self._timeout_s)
        try:
            await self._coalescer.add(request.node, self._record_of(request), len(raw), patience_s)
        except Unavailable as error:
            await self._unavailable("SendLog", error, context)
        self._accept_send_log(1, len(raw))
        return _SUCCESS

    async def push(self, raw: bytes, context: Context) -> bytes:
        try:
            published = self._publish(raw)
            await self._confirm(published, _patience_s(context, self._timeout_s))
        except Rejected as error:
            await self._reject("Push", error, context)
        except Unavailable as error:
            await self._unavailable("Push", error, context)
        self._accept_push(published.records, len(raw))
        return published.answer()

    async def push_stream(self, requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
        """Publishes batches as they come and answers each in order; the first one not accepted ends the stream."""
        # What became of each batch that came; last None, or what ended the stream.
        window: asyncio.Queue[_Published | Exception | None] = asyncio.Queue(_STREAM_WINDOW)
        taking = asyncio.ensure_future(self._take(requests, window))
        try:
            while (taken := await window.get()) is not None:
                if isinstance(taken, Exception):
                    raise taken
                left_s = taken.until_s - self._loop.time()
                await self._confirm(taken, _patience_s(context, left_s))
                self._accept_push_stream(taken.records, taken.size_bytes)
                yield taken.answer()
        except Rejected as error:
            await self._reject("PushStream", error, context)
        except Unavailable as error:
            await self._unavailable("PushStream", error, context)
        finally:
            taking.cancel()

    async def _take(self, requests: AsyncIterator[bytes], window: "asyncio.Queue[_Published | Exception | None]") -> None:
        """Publishes until the stream ends or a batch can't be taken."""
        end: Exception | None = None
        try:
            async for raw in requests:
                await window.put(self._publish(raw))
        except Exception as error:  # noqa: BLE001 it ends the stream where the answers are given
            end = error
        await window.put(end)

    def _record_of(self, request: LogRequest) -> LogRecord:
        timestamp = request.timestamp
        nanos = read_timestamp(timestamp, self._legacy_zone)
        record = LogRecord(time_unix_nano=nanos or 0, level=request.level, message=request.message)
        # 0 says that there is no time, so the first moment of 1970 is kept as text, too.
        if not nanos and timestamp:
            record.original_timestamp = timestamp[:MAX_TIMESTAMP_CHARACTERS]
        return record

    def _publish(self, raw: bytes) -> "_Published":
        """Raises Rejected or Unavailable."""
        batch = check_batch(raw, self._limits)
        records = len(batch.records)
        confirmed = self._publisher.publish(self._frame(raw), records, time.time_ns())
        return _Published(batch.batch_id, records, len(raw), confirmed, self._loop.time() + self._timeout_s)

    async def _confirm(self, published: "_Published", patience_s: float) -> None:
        """Raises Unavailable. Whoever is cancelled here cancels only this future: the message stays."""
        confirmed = published.confirmed
        if confirmed.done():
            return confirmed.result()
        expiry = self._loop.call_later(patience_s, self._expire, confirmed)
        try:
            await confirmed
        finally:
            expiry.cancel()

    def _expire(self, confirmed: asyncio.Future[None]) -> None:
        if not confirmed.done():
            confirmed.set_exception(self._publisher.late())

    async def _reject(self, method: str, error: Rejected, context: Context) -> NoReturn:
        self._metrics.rejected_calls.labels(method, error.reason).inc()
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

    async def _unavailable(self, method: str, error: Unavailable, context: Context) -> NoReturn:
        self._metrics.unavailable_calls.labels(method, error.reason).inc()
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(self._retry_after_ms)
        status = status_pb2.Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message=str(error))
        status.details.add().Pack(retry)
        details = ((_STATUS_DETAILS, status.SerializeToString()),)
        await context.abort(grpc.StatusCode.UNAVAILABLE, str(error), details)


@dataclass(slots=True)
class _Published:
    """A batch on its way to the broker."""

    batch_id: bytes
    records: int
    size_bytes: int
    confirmed: asyncio.Future[None]
    until_s: float  # of the loop's clock

    def answer(self) -> bytes:
        return PushResult(batch_id=self.batch_id, accepted=self.records).SerializeToString()


def _counting(metrics: Metrics, method: str) -> Callable[[int, int], None]:
    """Counts an accepted call's (records, bytes). Children are looked up once: a look-up costs more than the counting."""
    count_records = metrics.accepted_records.labels(method).inc
    count_bytes = metrics.accepted_bytes.labels(method).inc

    def count(records: int, size_bytes: int) -> None:
        count_records(records)
        count_bytes(size_bytes)

    return count


def _patience_s(context: Context, timeout_s: float) -> float:
    """How long a call may wait: timeout_s, or less so that its answer comes before its own deadline."""
    remaining = context.time_remaining()
    if remaining is None:
        return max(0.0, timeout_s)
    return max(0.0, min(timeout_s, remaining - max(_DEADLINE_MARGIN_S, remaining * _DEADLINE_MARGIN_SHARE)))
