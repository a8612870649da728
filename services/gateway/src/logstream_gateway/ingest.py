"""The gRPC methods: check what came, hand it on, answer after the broker's confirm. Good batches go on unchanged."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import tzinfo
from typing import Final, NoReturn, Protocol

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from logstream_contract.batches import Limits, Rejected, check_batch, check_node, frame
from logstream_contract.pb.logger_pb2 import LogRequest, LogResponse
from logstream_contract.pb.logs_pb2 import LogRecord, PushResult
from logstream_contract.rows import ORIGINAL_TIMESTAMP
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
_TOO_LONG_FOR_AN_ATTRIBUTE: Final = 256


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
        coalescer: Coalescer,
        limits: Limits,
        legacy_zone: tzinfo,
        timeout_s: float,
        retry_after_ms: int,
        metrics: Metrics,
    ) -> None:
        self._publisher = publisher
        self._coalescer = coalescer
        self._limits = limits
        self._legacy_zone = legacy_zone
        self._timeout_s = timeout_s
        self._retry_after_ms = retry_after_ms
        self._metrics = metrics

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
        confirmed = self._coalescer.add(request.node, self._record_of(request), len(raw))
        await self._confirm("SendLog", confirmed, context)
        self._accept("SendLog", 1, len(raw))
        return _SUCCESS

    async def push(self, raw: bytes, context: Context) -> bytes:
        batch_id, records = await self._check("Push", raw, context)
        await self._confirm("Push", await self._publish("Push", raw, records, context), context)
        self._accept("Push", records, len(raw))
        return PushResult(batch_id=batch_id, accepted=records).SerializeToString()

    async def push_stream(self, requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
        """Publishes batches as they come and answers each in order; the first one not accepted ends the stream."""
        window: asyncio.Queue[asyncio.Task[bytes] | None] = asyncio.Queue(_STREAM_WINDOW)

        async def take() -> None:
            async for raw in requests:
                await window.put(asyncio.ensure_future(self._stream_one(raw)))
            await window.put(None)

        taking = asyncio.ensure_future(take())
        try:
            while True:
                getting = asyncio.ensure_future(window.get())
                await asyncio.wait({getting, taking}, return_when=asyncio.FIRST_COMPLETED)
                if not getting.done() and taking.exception() is not None:
                    getting.cancel()
                    taking.result()
                answer = await getting
                if answer is None:
                    return
                yield await self._stream_answer(answer, context)
        finally:
            taking.cancel()
            while not window.empty():
                left = window.get_nowait()
                if left is not None:
                    left.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def _stream_one(self, raw: bytes) -> bytes:
        batch = check_batch(raw, self._limits)
        records = len(batch.records)
        batch_id = batch.batch_id
        confirmed = self._publisher.publish(frame(raw), records, time.time_ns())
        del batch
        await self._wait(confirmed, self._timeout_s)
        self._accept("PushStream", records, len(raw))
        return PushResult(batch_id=batch_id, accepted=records).SerializeToString()

    async def _stream_answer(self, answer: asyncio.Task[bytes], context: Context) -> bytes:
        done, _ = await asyncio.wait({answer}, timeout=_patience_s(context, self._timeout_s))
        try:
            if not done:
                answer.add_done_callback(lambda task: task.cancelled() or task.exception())
                raise self._publisher.late()
            return answer.result()
        except Rejected as error:
            await self._reject("PushStream", error, context)
        except Unavailable as error:
            await self._unavailable("PushStream", error, context)

    def _record_of(self, request: LogRequest) -> LogRecord:
        record = LogRecord(level=request.level, message=request.message)
        nanos = read_timestamp(request.timestamp, self._legacy_zone)
        if nanos is not None:
            record.time_unix_nano = nanos
        elif request.timestamp:
            record.attributes[ORIGINAL_TIMESTAMP] = request.timestamp[:_TOO_LONG_FOR_AN_ATTRIBUTE]
        return record

    async def _check(self, method: str, raw: bytes, context: Context) -> tuple[bytes, int]:
        try:
            batch = check_batch(raw, self._limits)
        except Rejected as error:
            await self._reject(method, error, context)
        return batch.batch_id, len(batch.records)

    async def _publish(self, method: str, raw: bytes, records: int, context: Context) -> asyncio.Future[None]:
        try:
            return self._publisher.publish(frame(raw), records, time.time_ns())
        except Unavailable as error:
            await self._unavailable(method, error, context)

    async def _confirm(self, method: str, confirmed: asyncio.Future[None], context: Context) -> None:
        try:
            await self._wait(confirmed, _patience_s(context, self._timeout_s))
        except Unavailable as error:
            await self._unavailable(method, error, context)

    async def _wait(self, confirmed: asyncio.Future[None], timeout_s: float) -> None:
        # asyncio.wait leaves the future alone when this call is cancelled or late: others share it, and its bytes stay
        # counted until the broker has answered.
        await asyncio.wait({confirmed}, timeout=timeout_s)
        if not confirmed.done():
            raise self._publisher.late()
        confirmed.result()

    def _accept(self, method: str, records: int, size_bytes: int) -> None:
        self._metrics.accepted_records.labels(method).inc(records)
        self._metrics.accepted_bytes.labels(method).inc(size_bytes)

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


def _patience_s(context: Context, timeout_s: float) -> float:
    """How long a call may wait: timeout_s, or less so that its answer comes before its own deadline."""
    remaining = context.time_remaining()
    if remaining is None:
        return timeout_s
    return max(0.0, min(timeout_s, remaining - max(_DEADLINE_MARGIN_S, remaining * _DEADLINE_MARGIN_SHARE)))
