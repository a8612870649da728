"""The gRPC methods: receive a message, check it, hand it on, answer after the broker's confirm. Valid batches are forwarded
unchanged.

The README lists every wait of a call, and which module ends it."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final, NoReturn, Protocol, cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from logstream_contract.rows.rows import MAX_TIMESTAMP_CHARACTERS
from logstream_contract.rows.timestamps import read_timestamp
from logstream_contract.wire.batches import Limits, Rejected, RejectionReason, check_batch, check_node
from logstream_contract.wire.pb.logger_pb2 import LogRequest, LogResponse
from logstream_contract.wire.pb.logs_pb2 import LogRecord, PushResult

from logstream_gateway.admission import Admission, Reception
from logstream_gateway.coalescer import Coalescer
from logstream_gateway.failures import INTERNAL_ERROR, Failures
from logstream_gateway.metrics import EXPORT, NO_MESSAGE, Metrics
from logstream_gateway.otlp import Otlp, otlp_retry_ms
from logstream_gateway.publisher import Publisher
from logstream_gateway.streams import Stream, Streams
from logstream_gateway.unavailable import Unavailable, UnavailableReason

# An answer must reach the caller before its deadline, also when many answers are sent at once.
_DEADLINE_MARGIN_S: Final = 0.1
_DEADLINE_MARGIN_SHARE: Final = 0.1
# How many batches of a PushStream may wait for their confirm.
_STREAM_WINDOW_BATCHES: Final = 32
# Of so many connections it is remembered how large their messages are.
_KNOWN_SENDERS: Final = 4096
_STATUS_DETAILS: Final = "grpc-status-details-bin"
# OpenTelemetry's exporter for Python reads this one, and gives up when it is told to wait for longer than its time-out.
_RETRY_INFO: Final = "google.rpc.retryinfo-bin"
_SUCCESS: Final = LogResponse(success=True).SerializeToString()
# The largest time that a record's field can hold: in the year 2554.
_LATEST_UNIX_NANO: Final = 2**64 - 1


class Context(Protocol):
    """The part of grpc.aio.ServicerContext that is used here."""

    def peer(self) -> str: ...

    async def read(self) -> object: ...

    async def write(self, message: bytes) -> None: ...

    def time_remaining(self) -> float | None: ...

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: tuple[tuple[str, bytes], ...] = ()
    ) -> NoReturn: ...


class Ingest:
    """The handlers; they run on one loop.

    All are stream handlers for gRPC, also those of unary methods, which are the same on the wire. So a handler starts when
    the headers arrive, and reads the message only when there is room for it. It drops the message once it is handed on.
    """

    def __init__(
        self,
        *,
        publisher: Publisher,
        frame: Callable[[bytes], bytes],
        coalescer: Coalescer,
        otlp: Otlp,
        admission: Admission,
        streams: Streams,
        limits: Limits,
        legacy_zone: tzinfo,
        timeout_s: float,
        retry_after_ms: int,
        metrics: Metrics,
    ) -> None:
        self._publisher = publisher
        self._frame = frame
        self._coalescer = coalescer
        self._otlp = otlp
        self._admission = admission
        self._streams = streams
        self._limits = limits
        self._legacy_zone = legacy_zone
        self._timeout_s = timeout_s
        self._retry_after_ms = retry_after_ms
        self._metrics = metrics
        self._failures = Failures(metrics)
        self._loop = asyncio.get_running_loop()
        self._ending: set[asyncio.Future[None]] = set()
        # Connections of which it is known whether they send messages larger than an ordinary slot. Of others, an Export may
        # be one.
        self._large_senders: OrderedDict[str, bool] = OrderedDict()
        self._accept_send_log = _counting(metrics, "SendLog")
        self._accept_push = _counting(metrics, "Push")
        self._accept_export = _counting(metrics, EXPORT)
        self._accept_push_stream = _counting(metrics, "PushStream")

    async def send_log(self, _: object, context: Context) -> bytes:
        return await self._unary("SendLog", self._send_log, context)

    async def push(self, _: object, context: Context) -> bytes:
        return await self._unary("Push", self._push, context)

    async def export(self, _: object, context: Context) -> bytes:
        """OpenTelemetry's method. Its message may be larger than those of other methods."""
        return await self._unary(EXPORT, self._export, context)

    async def _unary(
        self,
        method: str,
        serve: "Callable[[Reception, Context], Awaitable[bytes]]",
        context: Context,
    ) -> bytes:
        """A call of a method with one message, from its headers to its answer."""
        now_s = self._loop.time()
        large = self._may_be_large(method, context)
        try:
            self._admission.enter(now_s)
            try:
                reception = self._admission.begin(method, context, now_s, self._otlp.max_bytes if large else None)
                return await serve(reception, context)
            finally:
                self._admission.leave()
        except Rejected as error:
            await self._reject(method, error, context)
        except Unavailable as error:
            await self._unavailable(method, error, context)
        except grpc.aio.BaseError:
            raise
        except Exception as error:  # noqa: BLE001 the caller must not get its text
            await self._fail(method, error, context)

    async def _receive(self, method: str, reception: Reception, context: Context) -> bytes:
        """Waits for room, then for the call's message. Raises Unavailable."""
        if reception.turn is not None:
            await reception.turn
        raw = await context.read()
        if not isinstance(raw, bytes):
            self._metrics.unreceived_calls.labels(method, NO_MESSAGE).inc()
            # Has no effect if gRPC has already sent its own answer.
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the call has no message")
        if method == EXPORT or len(raw) > reception.size_bytes:
            self._note_size(context.peer(), len(raw))
        return raw

    def _may_be_large(self, method: str, context: Context) -> bool:
        """Whether to expect a message that is larger than an ordinary slot."""
        return self._large_senders.get(context.peer(), method == EXPORT) if self._large_senders else method == EXPORT

    def _note_size(self, peer: str, size_bytes: int) -> None:
        if size_bytes > self._admission.ordinary_bytes:
            self._large_senders[peer] = True
        else:
            self._large_senders.setdefault(peer, False)
        self._large_senders.move_to_end(peer)
        if len(self._large_senders) > _KNOWN_SENDERS:
            self._large_senders.popitem(last=False)

    async def _send_log(self, reception: Reception, context: Context) -> bytes:
        try:
            raw = await self._receive("SendLog", reception, context)
            size = len(raw)
            if size > self._limits.batch_bytes:
                raise Rejected(
                    RejectionReason.BATCH_BYTES, f"request: {size} bytes, expected at most {self._limits.batch_bytes}"
                )
            try:
                request = LogRequest.FromString(raw)
            except DecodeError as error:
                raise Rejected(RejectionReason.UNDECODABLE, f"request: not a LoggerService.LogRequest: {error}") from error
            check_node(request.node)
            wait_s = _wait_s(context, self._timeout_s)
            confirmed = self._coalescer.add(request.node, self._record_of(request), size, wait_s)
            del raw, request
        finally:
            self._admission.finish(reception)
        await confirmed
        self._accept_send_log(1, size)
        return _SUCCESS

    async def _push(self, reception: Reception, context: Context) -> bytes:
        try:
            published = self._publish(await self._receive("Push", reception, context))
        finally:
            self._admission.finish(reception)
        await self.confirm(published.confirmed, _wait_s(context, self._timeout_s))
        self._accept_push(published.records, published.size_bytes)
        return published.answer()

    async def _export(self, reception: Reception, context: Context) -> bytes:
        try:
            raw = await self._receive(EXPORT, reception, context)
            size = len(raw)
            self._admission.arrive(reception, size)
            published = await self._otlp.publish(raw)
            del raw
        finally:
            self._admission.finish(reception)
        until_s = self._loop.time() + _wait_s(context, self._timeout_s)
        for confirmed in published.confirms:
            await self.confirm(confirmed, until_s - self._loop.time())
        self._accept_export(published.records, size)
        # An ExportLogsServiceResponse without a partial success.
        return b""

    async def push_stream(self, _: object, context: Context) -> None:
        """Publishes batches as they arrive and answers them in order; the first one that is not accepted ends the stream."""
        stream: Stream | None = None
        reading: asyncio.Future[None] | None = None
        # Each batch that was published, in order. Last None, or the error that ends the stream.
        window: asyncio.Queue[_Published | Exception | None] = asyncio.Queue(_STREAM_WINDOW_BATCHES)
        try:
            stream = self._streams.open(
                context.peer(), lambda error: self._end_stream(reading, window, error), self._loop.time()
            )
            reading = asyncio.ensure_future(self._read_batches(context, stream, window))
            while (entry := await window.get()) is not None:
                if isinstance(entry, Exception):
                    raise entry
                left_s = entry.expires_s - self._loop.time()
                await self.confirm(entry.confirmed, _wait_s(context, left_s))
                self._accept_push_stream(entry.records, entry.size_bytes)
                await context.write(entry.answer())
        except Rejected as error:
            await self._reject("PushStream", error, context)
        except Unavailable as error:
            await self._unavailable("PushStream", error, context)
        except grpc.aio.BaseError:
            raise
        except Exception as error:  # noqa: BLE001 the caller must not get its text
            await self._fail("PushStream", error, context)
        finally:
            if reading is not None:
                reading.cancel()
            if stream is not None:
                self._streams.close(stream)
            if window.full():
                # _end_stream may wait to put its error, and nothing else empties the queue any more.
                window.get_nowait()

    async def _read_batches(
        self, context: Context, stream: Stream, window: "asyncio.Queue[_Published | Exception | None]"
    ) -> None:
        """Publishes batches until the stream ends or a batch is not accepted."""
        end: Exception | None = None
        try:
            while isinstance(raw := await context.read(), bytes):
                stream.silent_since_s = None
                published = self._publish(raw)
                del raw
                await window.put(published)
                stream.silent_since_s = self._loop.time()
        except Exception as error:  # noqa: BLE001 push_stream ends the stream with it
            end = error
        await window.put(end)

    def _end_stream(
        self,
        reading: asyncio.Future[None] | None,
        window: "asyncio.Queue[_Published | Exception | None]",
        error: Unavailable,
    ) -> None:
        """Ends a stream with this error, after the results of all batches that were read."""
        if reading is not None:
            reading.cancel()
        self._spawn(window.put(error))

    def end(self, reception: Reception, error: Unavailable) -> None:
        """Ends a call from outside its handler, which waits for a message that it will not get."""
        context = cast(Context, reception.call)
        self._spawn(self._unavailable(reception.method, error, context))

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        ending = asyncio.ensure_future(_unless_ended(work))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    def _record_of(self, request: LogRequest) -> LogRecord:
        timestamp = request.timestamp
        nanos = read_timestamp(timestamp, self._legacy_zone)
        if nanos is not None and nanos > _LATEST_UNIX_NANO:
            nanos = None
        record = LogRecord(time_unix_nano=nanos or 0, level=request.level, message=request.message)
        # 0 means that there is no time, so the first moment of 1970 is kept as text, too.
        if not nanos and timestamp:
            record.original_timestamp = timestamp[:MAX_TIMESTAMP_CHARACTERS]
        return record

    def _publish(self, raw: bytes) -> "_Published":
        """Raises Rejected or Unavailable."""
        batch = check_batch(raw, self._limits)
        records = len(batch.records)
        confirmed = self._publisher.publish(self._frame(raw), records, time.time_ns())
        return _Published(
            batch_id=batch.batch_id,
            records=records,
            size_bytes=len(raw),
            confirmed=confirmed,
            expires_s=self._loop.time() + self._timeout_s,
        )

    async def confirm(self, confirmed: asyncio.Future[None], wait_s: float) -> None:
        """Waits for a confirm. Raises Unavailable. Cancelling the wait does not withdraw the message."""
        if confirmed.done():
            return confirmed.result()
        expiry = self._loop.call_later(max(0.0, wait_s), self._expire, confirmed)
        try:
            await confirmed
        finally:
            expiry.cancel()

    def _expire(self, confirmed: asyncio.Future[None]) -> None:
        if not confirmed.done():
            confirmed.set_exception(self._publisher.timeout_error())

    async def _reject(self, method: str, error: Rejected, context: Context) -> NoReturn:
        self._metrics.rejected_calls.labels(method, error.reason).inc()
        _drop_tracebacks(error)
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

    async def _unavailable(self, method: str, error: Unavailable, context: Context) -> NoReturn:
        if isinstance(error.reason, UnavailableReason):  # `streams` counts its own
            self._metrics.unavailable_calls.labels(method, error.reason).inc()
        _drop_tracebacks(error)
        retry = error_details_pb2.RetryInfo()
        retry_ms = otlp_retry_ms(self._retry_after_ms) if method == EXPORT else self._retry_after_ms
        retry.retry_delay.FromMilliseconds(retry_ms)
        status = status_pb2.Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message=str(error))
        status.details.add().Pack(retry)
        details = ((_STATUS_DETAILS, status.SerializeToString()), (_RETRY_INFO, retry.SerializeToString()))
        await context.abort(grpc.StatusCode.UNAVAILABLE, str(error), details)

    async def _fail(self, method: str, error: Exception, context: Context) -> NoReturn:
        self._failures.note(method, error)
        _drop_tracebacks(error)
        await context.abort(grpc.StatusCode.INTERNAL, INTERNAL_ERROR)


@dataclass(slots=True, kw_only=True)
class _Published:
    """A batch that was handed to the publisher."""

    batch_id: bytes
    records: int
    size_bytes: int
    confirmed: asyncio.Future[None]
    expires_s: float  # of the loop's clock

    def answer(self) -> bytes:
        return PushResult(batch_id=self.batch_id, accepted=self.records).SerializeToString()


def _drop_tracebacks(error: BaseException | None) -> None:
    """Removes the tracebacks of an error. The abort that follows holds the error and is part of a reference cycle, so the
    frames and the message in them would stay in memory until the garbage collector runs."""
    while error is not None:
        error.__traceback__ = None
        error = error.__context__


async def _unless_ended(work: Coroutine[object, object, None]) -> None:
    """Runs the end of a call, which may have ended by itself in the meantime."""
    with suppress(grpc.aio.BaseError):
        await work


def _counting(metrics: Metrics, method: str) -> Callable[[int, int], None]:
    """Returns a function that counts an accepted call's (records, bytes). The label is looked up once: a lookup costs more
    than counting."""
    count_records = metrics.accepted_records.labels(method).inc
    count_bytes = metrics.accepted_bytes.labels(method).inc

    def count(records: int, size_bytes: int) -> None:
        count_records(records)
        count_bytes(size_bytes)

    return count


def _wait_s(context: Context, timeout_s: float) -> float:
    """How long a call may wait: timeout_s, or less so that its answer arrives before its deadline."""
    remaining = context.time_remaining()
    if remaining is None:
        return max(0.0, timeout_s)
    return max(0.0, min(timeout_s, remaining - max(_DEADLINE_MARGIN_S, remaining * _DEADLINE_MARGIN_SHARE)))
