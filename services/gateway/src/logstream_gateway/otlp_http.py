"""OTLP over HTTP: POST /v1/logs, as protobuf or JSON. It must not know the broker.

Source: OpenTelemetry protocol, "OTLP/HTTP": paths, content types, statuses, and a google.rpc.Status as the body of an error,
in the encoding of the request.
"""

import asyncio
import json
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import grpc
from aiohttp import ClientConnectionResetError, web
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from logstream_contract.wire.batches import Rejected, RejectionReason
from logstream_runtime.address import Address
from logstream_runtime.guard import Origins

from logstream_gateway.admission import Admission, Reception
from logstream_gateway.failures import INTERNAL_ERROR, Failures
from logstream_gateway.metrics import EXPORT_HTTP, NO_MESSAGE, Metrics
from logstream_gateway.otlp import Otlp, PublishedExport
from logstream_gateway.unavailable import Unavailable, UnavailableReason

PATH: Final = "/v1/logs"
PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
_GZIP: Final = "gzip"
_PLAIN_ENCODINGS: Final = ("", "identity")
# zlib's window with the header of gzip.
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
# What slots count as: powers of two from here, so that there are few different ones.
_LEAST_SLOT_BYTES: Final = 64 * 1024
_READ_BYTES: Final = 64 * 1024
_UNKNOWN_BYTES: Final = 1024 * 1024
# The longest that senders wait before they try again.
_MOST_RETRY_S: Final = 3
_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Content-Type, Content-Encoding",
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
    reading: "asyncio.Task[None] | None" = None
    error: Unavailable | None = None

    def peer(self) -> str:
        return f"http:{id(self.request.transport)}"

    def end(self, error: Unavailable) -> None:
        """Ends it while its body is read."""
        self.error = error
        if self.reading is not None:
            self.reading.cancel()


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
        self._retry_after_ms = min(retry_after_ms, _MOST_RETRY_S * 1000)
        self._metrics = metrics
        self._failures = Failures(metrics)
        self._loop = asyncio.get_running_loop()
        self._stopping = False
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None

    async def start(self, listen: Address, *, share_port: bool) -> None:
        """Raises OSError when the port is in use."""
        application = web.Application()
        application.router.add_post(PATH, self._post)
        application.router.add_options(PATH, self._preflight)
        # Bodies are unpacked here, where there is a bound.
        self._runner = web.AppRunner(application, access_log=None, handle_signals=False, auto_decompress=False)
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, listen.host, listen.port, reuse_port=share_port or None)
        await self._site.start()

    async def stop(self, timeout_s: float) -> None:
        """Accepts no more, and waits so long for the requests in progress."""
        self._stopping = True
        if self._runner is None:
            return
        if self._site is not None:
            await self._site.stop()
        server = self._runner.server
        if server is not None:
            await server.shutdown(timeout_s)
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
        is_json = request.content_type == JSON
        try:
            return await self._serve(request, is_json)
        except Rejected as error:
            self._metrics.rejected_calls.labels(EXPORT_HTTP, error.reason).inc()
            status = _STATUS_OF.get(RejectionReason(error.reason), HTTPStatus.BAD_REQUEST)
            return self._failed(request, is_json, status, grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except Unavailable as error:
            self._metrics.unavailable_calls.labels(EXPORT_HTTP, error.reason).inc()
            return self._unavailable(request, is_json, str(error))
        except ClientConnectionResetError:
            self._metrics.unreceived_calls.labels(EXPORT_HTTP, NO_MESSAGE).inc()
            raise
        except Exception as error:  # noqa: BLE001 the caller must not get its text
            self._failures.note(EXPORT_HTTP, error)
            return self._failed(request, is_json, HTTPStatus.INTERNAL_SERVER_ERROR, grpc.StatusCode.INTERNAL, INTERNAL_ERROR)

    async def _serve(self, request: web.Request, is_json: bool) -> web.Response:
        now_s = self._loop.time()
        if self._stopping:
            raise Unavailable(UnavailableReason.STOPPING, "the gateway is stopping")
        self._admission.enter(now_s)
        try:
            if "Origin" in request.headers and not self._allows(request):
                raise Rejected(
                    RejectionReason.ORIGIN,
                    "Pages of other origins may not make this request. The operator of logstream can add an origin to "
                    "LOGSTREAM_GATEWAY_OTLP_ORIGINS.",
                )
            packed = _is_packed(request)
            published, size_bytes = await self._receive(request, is_json, packed)
            until_s = self._loop.time() + self._timeout_s
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

    async def _receive(self, request: web.Request, is_json: bool, packed: bool) -> tuple[PublishedExport, int]:
        """Reads the body when there is room for it, and hands on what is in it. Returns its size, too."""
        length = request.content_length
        if length is not None:
            self._otlp.check_size(length)
        call, parts = _Call(request), list[bytes]()
        # Most bodies without a length are small, so they are only read on with a large slot.
        for limit_bytes in (_UNKNOWN_BYTES, self._otlp.max_bytes) if length is None else (length,):
            reception = self._admission.begin(EXPORT_HTTP, call, self._loop.time(), _slot_bytes(limit_bytes))
            try:
                if reception.turn is not None:
                    await reception.turn
                await self._read(call, parts, limit_bytes)
                if request.content.at_eof():
                    body = b"".join(parts)
                    parts.clear()
                    size_bytes = len(body)
                    if packed:
                        body = self._unpack(body)
                    return await self._otlp.publish(body, is_json=is_json), size_bytes
            finally:
                self._admission.finish(reception)
        raise AssertionError("a body past its limit is rejected while it is read")

    async def _read(self, call: _Call, parts: list[bytes], limit_bytes: int) -> None:
        """Reads until the end of the body, or a little past the limit."""
        call.reading = self._loop.create_task(self._read_parts(call.request, parts, limit_bytes))
        try:
            await call.reading
        except asyncio.CancelledError:
            if call.error is None:
                raise
            raise call.error from None
        finally:
            call.reading.cancel()

    async def _read_parts(self, request: web.Request, parts: list[bytes], limit_bytes: int) -> None:
        size = sum(map(len, parts))
        while size <= limit_bytes and (part := await request.content.read(_READ_BYTES)):
            size += len(part)
            self._otlp.check_size(size)
            parts.append(part)

    def _unpack(self, body: bytes) -> bytes:
        """Source: RFC 1952; one member, as all senders write it."""
        unpacker = zlib.decompressobj(_GZIP_WINDOW)
        try:
            unpacked = unpacker.decompress(body, self._otlp.max_bytes + 1)
        except zlib.error as error:
            raise Rejected(RejectionReason.UNDECODABLE, f"request: not gzip: {error}") from error
        if len(unpacked) > self._otlp.max_bytes:
            raise Rejected(
                RejectionReason.REQUEST_BYTES,
                f"request: more than LOGSTREAM_GATEWAY_OTLP_MAX_BYTES={self._otlp.max_bytes} bytes when it is unpacked",
            )
        if not unpacker.eof or unpacker.unused_data:
            raise Rejected(RejectionReason.UNDECODABLE, "request: gzip that is cut off or goes on after its end")
        return unpacked

    def _allows(self, request: web.Request) -> bool:
        return self._origins.allow(request.headers.get("Origin", ""))

    def _cors(self, request: web.Request) -> dict[str, str]:
        if "Origin" not in request.headers or not self._allows(request):
            return {}
        return {"Access-Control-Allow-Origin": request.headers["Origin"], "Vary": "Origin"}

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
            # The rest of its body would be taken for the next request, and is not worth reading.
            response.force_close()
        return response


def _is_packed(request: web.Request) -> bool:
    """Whether the body is gzip. Raises Rejected."""
    if request.content_type not in (PROTOBUF, JSON):
        raise Rejected(RejectionReason.MEDIA_TYPE, f"Content-Type: {request.content_type}, expected {PROTOBUF} or {JSON}")
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in (_GZIP, *_PLAIN_ENCODINGS):
        raise Rejected(RejectionReason.MEDIA_TYPE, f"Content-Encoding: {encoding[:100]}, expected {_GZIP} or none")
    return encoding == _GZIP


def _slot_bytes(size_bytes: int) -> int:
    return max(_LEAST_SLOT_BYTES, 1 << (size_bytes - 1).bit_length()) if size_bytes else _LEAST_SLOT_BYTES
