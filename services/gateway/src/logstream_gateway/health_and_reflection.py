"""Health and reflection, gRPC's own services, guarded like the gateway's methods: a message that cannot be decoded gets
INVALID_ARGUMENT, no error's text reaches a caller, and few messages are received at a time. Check is always answered; the
methods that stay open count as calls."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError

from logstream_gateway.admission import Admission
from logstream_gateway.failures import INTERNAL_ERROR, Failures
from logstream_gateway.metrics import OTHER_METHOD, Metrics
from logstream_gateway.unavailable import Unavailable, UnavailableReason

_ANSWERED_FIRST: Final = frozenset({"Check"})
_UNREADABLE: Final = "the message is not the request type of this method"
# Messages that are read at a time: each may be as large as the largest batch. A proper one arrives at once, so one more ends
# the oldest instead of waiting for it, and a check is answered while other senders stop in the middle of theirs.
_MAX_RECEIVING: Final = 16


class GuardedHandlers:
    """Takes the place of the server when generated code registers its handlers."""

    def __init__(self, *, metrics: Metrics, admission: Admission, receive_s: float, clock: Callable[[], float]) -> None:
        self._metrics = metrics
        self._failures = Failures(metrics)
        self._admission = admission
        self._receive_s = receive_s
        self._clock = clock
        self._receiving: dict[asyncio.Timeout, None] = {}  # oldest first
        self._answered_first: list[tuple[str, dict[str, Any]]] = []
        self._others: list[tuple[str, dict[str, Any]]] = []

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        guarded = {name: self._guarded(handler) for name, handler in handlers.items()}
        self._answered_first.append(
            (service, {name: handler for name, handler in guarded.items() if name in _ANSWERED_FIRST})
        )
        self._others.append((service, {name: handler for name, handler in guarded.items() if name not in _ANSWERED_FIRST}))

    def add_generic_rpc_handlers(self, handlers: object) -> None:
        """The same methods in another form, which is not needed."""

    def register(self, server: grpc.aio.Server) -> None:
        """Adds Check as a registered method: gRPC has a separate queue for each of these, so Check does not wait behind
        other calls. Only Check, because every registered method costs the loop time at each call."""
        for service, methods in self._answered_first:
            server.add_registered_method_handlers(service, methods)
        server.add_generic_rpc_handlers(
            tuple(grpc.method_handlers_generic_handler(service, methods) for service, methods in self._others)
        )

    def _guarded(self, handler: Any) -> Any:
        """All are stream handlers for gRPC, as in ingest: then it reads a message only when the handler asks for it."""
        parse, serialize = handler.request_deserializer, handler.response_serializer
        if not handler.response_streaming:
            return grpc.stream_unary_rpc_method_handler(
                self._unary_unary(handler.unary_unary, parse), response_serializer=serialize
            )
        serve = self._unary_stream if not handler.request_streaming else self._stream_stream
        return grpc.stream_stream_rpc_method_handler(
            serve(handler.unary_stream or handler.stream_stream, parse), response_serializer=serialize
        )

    def _unary_unary(self, serve: Any, parse: Callable[[bytes], Any]) -> Any:
        async def call(_: object, context: Any) -> Any:
            async with self._answering_errors(context):
                return await serve(parse(await self._only_message(context)), context)

        return call

    def _unary_stream(self, serve: Any, parse: Callable[[bytes], Any]) -> Any:
        async def call(_: object, context: Any) -> None:
            async with self._answering_errors(context), self._counted():
                await serve(parse(await self._only_message(context)), context)

        return call

    def _stream_stream(self, serve: Any, parse: Callable[[bytes], Any]) -> Any:
        async def messages(context: Any) -> AsyncIterator[Any]:
            while isinstance(raw := await self._receive(context), bytes):
                yield parse(raw)

        async def call(_: object, context: Any) -> None:
            async with self._answering_errors(context), self._counted():
                async for answer in serve(messages(context), context):
                    await context.write(answer)

        return call

    async def _only_message(self, context: Any) -> bytes:
        """The only message of a call. Raises Unavailable, and DecodeError if there is none."""
        raw = await self._receive(context)
        if not isinstance(raw, bytes):
            raise DecodeError
        return raw

    async def _receive(self, context: Any) -> object:
        """The next message, or gRPC's marker for the end. Raises Unavailable."""
        if len(self._receiving) >= _MAX_RECEIVING:
            oldest = next(iter(self._receiving))
            del self._receiving[oldest]
            if not oldest.expired():
                oldest.reschedule(self._clock())
        try:
            async with asyncio.timeout(self._receive_s) as timeout:
                self._receiving[timeout] = None
                try:
                    return await context.read()
                finally:
                    self._receiving.pop(timeout, None)
        except TimeoutError as error:
            raise Unavailable(UnavailableReason.SLOW_MESSAGE, "the message did not arrive in time") from error

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        self._admission.enter(self._clock())
        try:
            yield
        finally:
            self._admission.leave()

    @asynccontextmanager
    async def _answering_errors(self, context: Any) -> AsyncIterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 the caller must not get its text
            await self._end(error, context)

    async def _end(self, error: Exception, context: Any) -> None:
        if isinstance(error, grpc.aio.BaseError):
            raise error
        if isinstance(error, Unavailable):
            self._metrics.unavailable_calls.labels(OTHER_METHOD, error.reason).inc()
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        if isinstance(error, DecodeError):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, _UNREADABLE)
        self._failures.note(OTHER_METHOD, error)
        await context.abort(grpc.StatusCode.INTERNAL, INTERNAL_ERROR)
