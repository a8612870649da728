"""Health and reflection, gRPC's own services, made as careful as ours: a message that can't be read is INVALID_ARGUMENT, and
no error's text reaches a caller. Check is always answered; what stays open counts as a call."""

from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError

from logstream_gateway.admission import Admission
from logstream_gateway.failures import TEXT, Failures
from logstream_gateway.metrics import OTHER_METHOD, Metrics
from logstream_gateway.unavailable import Unavailable

_FIRST: Final = frozenset({"Check"})
_UNREADABLE: Final = "not the message that this method takes"


class CarefulHandlers:
    """Stands in for a server where generated code registers its handlers."""

    def __init__(self, metrics: Metrics, admission: Admission, clock: Callable[[], float]) -> None:
        self._metrics = metrics
        self._failures = Failures(metrics)
        self._admission = admission
        self._clock = clock
        self._first: list[tuple[str, dict[str, Any]]] = []
        self._others: list[tuple[str, dict[str, Any]]] = []

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        careful = {name: self._careful(handler) for name, handler in handlers.items()}
        self._first.append((service, {name: one for name, one in careful.items() if name in _FIRST}))
        self._others.append((service, {name: one for name, one in careful.items() if name not in _FIRST}))

    def add_generic_rpc_handlers(self, handlers: object) -> None:
        """The same methods in their other form, which is not needed."""

    def register(self, server: grpc.aio.Server) -> None:
        """Check as a registered method: gRPC keeps a queue for each of these, so that it does not wait behind other calls.
        The loop pays for each of them at every call."""
        for service, methods in self._first:
            server.add_registered_method_handlers(service, methods)
        server.add_generic_rpc_handlers(
            tuple(grpc.method_handlers_generic_handler(service, methods) for service, methods in self._others)
        )

    def _careful(self, handler: Any) -> Any:
        parse, serialize = handler.request_deserializer, handler.response_serializer
        if not handler.response_streaming:
            return grpc.unary_unary_rpc_method_handler(
                self._unary(handler.unary_unary, parse), response_serializer=serialize
            )
        if not handler.request_streaming:
            return grpc.unary_stream_rpc_method_handler(
                self._watching(handler.unary_stream, parse), response_serializer=serialize
            )
        return grpc.stream_stream_rpc_method_handler(
            self._asking(handler.stream_stream, parse), response_serializer=serialize
        )

    def _unary(self, serve: Any, parse: Callable[[bytes], Any]) -> Any:
        async def call(raw: bytes, context: Any) -> Any:
            try:
                return await serve(parse(raw), context)
            except Exception as error:  # noqa: BLE001 the caller must not learn its text
                await self._end(error, context)

        return call

    def _watching(self, serve: Any, parse: Callable[[bytes], Any]) -> Any:
        async def call(raw: bytes, context: Any) -> None:
            try:
                self._admission.enter(self._clock())
                try:
                    await serve(parse(raw), context)
                finally:
                    self._admission.leave()
            except Exception as error:  # noqa: BLE001 the caller must not learn its text
                await self._end(error, context)

        return call

    def _asking(self, serve: Any, parse: Callable[[bytes], Any]) -> Any:
        async def parsed(requests: AsyncIterator[bytes]) -> AsyncIterator[Any]:
            async for raw in requests:
                yield parse(raw)

        async def call(requests: AsyncIterator[bytes], context: Any) -> None:
            try:
                self._admission.enter(self._clock())
                try:
                    async for answer in serve(parsed(requests), context):
                        await context.write(answer)
                finally:
                    self._admission.leave()
            except Exception as error:  # noqa: BLE001 the caller must not learn its text
                await self._end(error, context)

        return call

    async def _end(self, error: Exception, context: Any) -> None:
        if isinstance(error, grpc.aio.BaseError):
            raise error
        if isinstance(error, Unavailable):
            self._metrics.unavailable_calls.labels(OTHER_METHOD, error.reason).inc()
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        if isinstance(error, DecodeError):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, _UNREADABLE)
        self._failures.note(OTHER_METHOD, error)
        await context.abort(grpc.StatusCode.INTERNAL, TEXT)
