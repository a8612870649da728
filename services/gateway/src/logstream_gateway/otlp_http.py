"""OTLP over HTTP: POST /v1/logs, as protobuf or JSON. It must not know the broker.

Source: OpenTelemetry protocol, "OTLP/HTTP": paths, content types, statuses, and a google.rpc.Status as the body of an error,
in the encoding of the request.
"""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import grpc
from aiohttp import web
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from logstream_contract.wire.batches import Rejected, RejectionReason
from logstream_runtime.address import Address
from logstream_runtime.guard import Origins

from logstream_gateway.admission import Admission, Reception
from logstream_gateway.failures import INTERNAL_ERROR, Failures
from logstream_gateway.metrics import EXPORT_HTTP, NO_MESSAGE, Metrics
from logstream_gateway.otlp import Otlp, PublishedExport, otlp_retry_ms
from logstream_gateway.unavailable import Unavailable, UnavailableReason

PATH: Final = "/v1/logs"
PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
_GZIP: Final = "gzip"
_PLAIN_ENCODINGS: Final = ("", "identity")
# What slots count as: powers of two from here, so that a size says little about what else fits.
_LEAST_SLOT_BYTES: Final = 64 * 1024
_READ_BYTES: Final = 64 * 1024
# Most bodies without a length are small. The rest of one that is not is read with a larger slot; so many of these wait for
# it at a time, because what has arrived of them counts as nothing.
_UNKNOWN_BYTES: Final = 1024 * 1024
_MOST_GROWING: Final = 16
# A connection closes when it has had no request for so long, or only a part of its headers.
_IDLE_S: Final = 75.0
_MOST_HEADERS: Final = 64
_BACKLOG: Final = 1024
# How long responses may take to leave when the process stops.
_CLOSE_S: Final = 1.0
# Senders give a request up after 10 s, and the response has a way to go.
_MOST_WAIT_S: Final = 9.0
# `*` does not stand for Authorization.
_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Content-Type, Content-Encoding, Authorization, *",
    "Access-Control-Max-Age": "600",
}
_STATUS_OF: Final = {
    RejectionReason.REQUEST_BYTES: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    RejectionReason.MEDIA_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    RejectionReason.ORIGIN: HTTPStatus.FORBIDDEN,
}


@dataclass(slots=True, eq=False)
class _Call:
    """A request, as the admission knows it."""

    request: web.Request
    reading: asyncio.Timeout | None = None
    error: Unavailable | None = None

    def peer(self) -> str:
        return f"http:{id(self.request.transport)}"

    def end(self, error: Unavailable) -> None:
        """Ends it while its body is read."""
        if self.reading is not None and not self.reading.expired():
            self.error = error
            self.reading.reschedule(asyncio.get_running_loop().time())


class OtlpHttp:
    """confirm: waits for a confirm for so many seconds. Raises Unavailable."""

    def __init__(
        self,
        *,
        otlp: Otlp,
        admission: Admission,
        confirm: Callable[[asyncio.Future[None], float], Awaitable[None]],
        origins: Origins,
        timeout_s: float,
        retry_after_ms: int,
        metrics: Metrics,
    ) -> None:
        self._otlp = otlp
        self._admission = admission
        self._confirm = confirm
        self._origins = origins
        self._timeout_s = timeout_s
        self._retry_after_ms = otlp_retry_ms(retry_after_ms)
        self._metrics = metrics
        self._failures = Failures(metrics)
        self._loop = asyncio.get_running_loop()
        self._requests = 0
        self._growing = 0
        self._stopping = False
        self._no_requests = asyncio.Event()
        self._no_requests.set()
        self._runner: web.AppRunner | None = None

    async def start(self, listen: Address, *, share_port: bool) -> None:
        """Raises OSError when the port is in use."""
        application = web.Application()
        application.router.add_post(PATH, self._post)
        application.router.add_options(PATH, self._preflight)
        # Bodies are unpacked elsewhere, where there is a bound.
        self._runner = web.AppRunner(
            application,
            access_log=None,
            handle_signals=False,
            auto_decompress=False,
            keepalive_timeout=_IDLE_S,
            max_headers=_MOST_HEADERS,
            read_bufsize=_READ_BYTES,
        )
        await self._runner.setup()
        await web.SockSite(self._runner, _listener(listen, share_port), backlog=_BACKLOG).start()

    async def stop(self, timeout_s: float) -> None:
        """Accepts no more connections and refuses new requests. Those in progress have this long to end."""
        self._stopping = True
        if self._runner is None:
            return
        for site in list(self._runner.sites):
            await site.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._no_requests.wait()
        # Not before: a connection that is shut down receives no more of a body.
        if self._runner.server is not None:
            await self._runner.server.shutdown(_CLOSE_S)
        await self._runner.cleanup()

    def end(self, reception: Reception, error: Unavailable) -> None:
        """Ends a request whose body takes too long."""
        call = reception.call
        assert isinstance(call, _Call)
        call.end(error)

    async def _preflight(self, request: web.Request) -> web.Response:
        if not self._allows(request):
            return web.Response(status=HTTPStatus.FORBIDDEN)
        return web.Response(status=HTTPStatus.NO_CONTENT, headers={**_PREFLIGHT, **self._cors(request)})

    async def _post(self, request: web.Request) -> web.Response:
        """From the headers of a request to its answer."""
        self._requests += 1
        self._no_requests.clear()
        try:
            return await self._answer(request, is_json=request.content_type == JSON)
        finally:
            self._requests -= 1
            if not self._requests:
                self._no_requests.set()

    async def _answer(self, request: web.Request, *, is_json: bool) -> web.Response:
        try:
            return await self._serve(request, is_json)
        except Rejected as error:
            self._metrics.rejected_calls.labels(EXPORT_HTTP, error.reason).inc()
            status = _STATUS_OF.get(RejectionReason(error.reason), HTTPStatus.BAD_REQUEST)
            return self._failed(request, is_json, status, grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except Unavailable as error:
            self._metrics.unavailable_calls.labels(EXPORT_HTTP, error.reason).inc()
            return self._unavailable(request, is_json, str(error))
        except ConnectionError:
            # aiohttp expects it: the client has left in the middle of the body.
            self._metrics.unreceived_calls.labels(EXPORT_HTTP, NO_MESSAGE).inc()
            raise
        except Exception as error:  # noqa: BLE001 the caller must not get its text
            self._failures.note(EXPORT_HTTP, error)
            return self._failed(request, is_json, HTTPStatus.INTERNAL_SERVER_ERROR, grpc.StatusCode.INTERNAL, INTERNAL_ERROR)

    async def _serve(self, request: web.Request, is_json: bool) -> web.Response:
        if self._stopping:
            raise Unavailable(UnavailableReason.STOPPING, "the gateway is stopping")
        self._admission.enter(self._loop.time())
        try:
            if "Origin" in request.headers and not self._allows(request):
                raise Rejected(
                    RejectionReason.ORIGIN,
                    "Pages of other origins may not make this request. The operator of logstream can add an origin to "
                    "LOGSTREAM_GATEWAY_OTLP_ORIGINS.",
                )
            published, size_bytes = await self._receive(request, is_json, _is_gzip(request))
            until_s = self._loop.time() + min(self._timeout_s, _MOST_WAIT_S)
            for confirmed in published.confirms:
                await self._confirm(confirmed, until_s - self._loop.time())
        finally:
            self._admission.leave()
        self._metrics.accepted_records.labels(EXPORT_HTTP).inc(published.records)
        self._metrics.accepted_bytes.labels(EXPORT_HTTP).inc(size_bytes)
        # An ExportLogsServiceResponse without a partial success.
        return web.Response(
            body=b"{}" if is_json else b"", content_type=JSON if is_json else PROTOBUF, headers=self._cors(request)
        )

    async def _receive(self, request: web.Request, is_json: bool, is_gzip: bool) -> tuple[PublishedExport, int]:
        """Reads the body when there is room for it, and hands on what is in it. Returns its size, too."""
        call, parts = _Call(request), list[bytes]()
        length = request.content_length
        if length is not None:
            self._otlp.check_size(length, is_json=is_json)
        limit_bytes = self._otlp.limit_bytes(is_json=is_json)
        first_bytes = min(_UNKNOWN_BYTES, limit_bytes) if length is None else length
        received = await self._receive_within(call, parts, first_bytes, is_json, is_gzip)
        if received is None:
            if self._growing >= _MOST_GROWING:
                raise Unavailable(
                    UnavailableReason.RECEIVING_FULL, f"{self._growing} requests without Content-Length wait to be received"
                )
            self._growing += 1
            try:
                received = await self._receive_within(call, parts, limit_bytes, is_json, is_gzip)
            finally:
                self._growing -= 1
        assert received is not None, "what is past the limit is rejected while it is read"
        return received

    async def _receive_within(
        self, call: _Call, parts: list[bytes], limit_bytes: int, is_json: bool, is_gzip: bool
    ) -> tuple[PublishedExport, int] | None:
        """Reads on with a slot for so many bytes. None: there are more of them."""
        reception = self._admission.begin(EXPORT_HTTP, call, self._loop.time(), _slot_bytes(limit_bytes))
        try:
            if reception.turn is not None:
                await reception.turn
            if not await self._read(call, parts, limit_bytes, is_json):
                return None
            body = b"".join(parts)
            parts.clear()
            self._admission.arrive(reception, len(body))
            return await self._otlp.publish(body, is_json=is_json, is_gzip=is_gzip), len(body)
        finally:
            self._admission.finish(reception)

    async def _read(self, call: _Call, parts: list[bytes], limit_bytes: int, is_json: bool) -> bool:
        """Reads until the end of the body, or a little past the limit. Returns whether it has ended."""
        size = sum(map(len, parts))
        try:
            async with asyncio.timeout(None) as call.reading:
                while size <= limit_bytes:
                    part = await call.request.content.read(_READ_BYTES)
                    if not part:
                        return True
                    size += len(part)
                    self._otlp.check_size(size, is_json=is_json)
                    parts.append(part)
        except TimeoutError:
            if call.error is None:
                raise
            # Another one: what is raised refers to all that waits for it.
            raise Unavailable(call.error.reason, str(call.error)) from None
        except web.RequestPayloadError as error:
            raise Rejected(RejectionReason.UNDECODABLE, f"request: its body breaks off: {error}") from None
        finally:
            call.reading = None
        return False

    def _allows(self, request: web.Request) -> bool:
        return self._origins.allow(request.headers.get("Origin", ""))

    def _cors(self, request: web.Request) -> dict[str, str]:
        if "Origin" not in request.headers or not self._allows(request):
            return {}
        return {
            "Access-Control-Allow-Origin": request.headers["Origin"],
            "Access-Control-Expose-Headers": "Retry-After",
            "Vary": "Origin",
        }

    def _unavailable(self, request: web.Request, is_json: bool, text: str) -> web.Response:
        response = self._failed(
            request, is_json, HTTPStatus.SERVICE_UNAVAILABLE, grpc.StatusCode.UNAVAILABLE, text, self._retry_after_ms
        )
        response.headers["Retry-After"] = str(-(-self._retry_after_ms // 1000))
        if self._stopping:
            response.force_close()
        return response

    def _failed(
        self,
        request: web.Request,
        is_json: bool,
        http_status: HTTPStatus,
        code: grpc.StatusCode,
        text: str,
        retry_ms: int | None = None,
    ) -> web.Response:
        number: int = code.value[0]
        if is_json:
            body = json.dumps({"code": number, "message": text}).encode()
        else:
            status = status_pb2.Status(code=number, message=text)
            if retry_ms is not None:
                delay = Duration()
                delay.FromMilliseconds(retry_ms)
                status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
            body = status.SerializeToString()
        response = web.Response(
            body=body, status=http_status, content_type=JSON if is_json else PROTOBUF, headers=self._cors(request)
        )
        if not request.content.at_eof():
            # The rest of its body is not worth reading.
            response.force_close()
        return response


def _is_gzip(request: web.Request) -> bool:
    """Whether the body is packed. Raises Rejected."""
    if request.content_type not in (PROTOBUF, JSON):
        raise Rejected(RejectionReason.MEDIA_TYPE, f"Content-Type: {request.content_type}, expected {PROTOBUF} or {JSON}")
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in (_GZIP, *_PLAIN_ENCODINGS):
        raise Rejected(RejectionReason.MEDIA_TYPE, f"Content-Encoding: {encoding[:100]}, expected {_GZIP} or none")
    return encoding == _GZIP


def _slot_bytes(size_bytes: int) -> int:
    return max(_LEAST_SLOT_BYTES, 1 << (size_bytes - 1).bit_length()) if size_bytes else _LEAST_SLOT_BYTES


def _listener(listen: Address, share_port: bool) -> socket.socket:
    """As gRPC listens: `::` stands for all addresses, those of IPv4 too. Raises OSError."""
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    try:
        return socket.create_server(
            (listen.host, listen.port), family=family, reuse_port=share_port, dualstack_ipv6=listen.host == "::"
        )
    except OSError as error:
        raise OSError(f"LOGSTREAM_GATEWAY_OTLP_LISTEN={listen}: cannot listen on this address: {error}") from error
