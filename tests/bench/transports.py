"""The ways on which a producer's requests reach the gateway. They must not wait for one answer before the next request."""

import http.client
import queue
import threading
from collections.abc import Callable
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import grpc
from harness.senders import CHANNEL_OPTIONS, FAULTS
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

OK: Final = "OK"
# Connections of a producer over HTTP, each with one request at a time.
_CONNECTIONS: Final = 16
_CONNECT_S: Final = 30
_HEADERS: Final = {"Content-Type": "application/x-protobuf", "User-Agent": "logstream-bench"}
# Source: OpenTelemetry protocol, "OTLP/HTTP Response", "Retryable Response Codes"; the last is a connection that broke.
_HTTP_FAULTS: Final = frozenset({"429", "502", "503", "504", "BROKEN"})

# Called with OK or another status, and what the gateway says of it.
Answered = Callable[[str, str], object]


class Transport(Protocol):
    """faults: statuses after which the same bytes may be accepted."""

    faults: frozenset[str]

    def open(self) -> None:
        """Returns when connected."""

    def send(self, raw: bytes, answered: Answered) -> None:
        """Returns at once; calls answered from another thread."""

    def close(self) -> None: ...


class Grpc:
    """method: such as wire.PUSH. check: finds in an answer why it is no success, or nothing."""

    faults = FAULTS

    def __init__(self, address: str, method: str, deadline_s: float, check: Callable[[bytes], str] | None = None) -> None:
        self._channel = grpc.insecure_channel(address, options=CHANNEL_OPTIONS)
        self._call = self._channel.unary_unary(method)
        self._deadline_s = deadline_s
        self._check = check

    def open(self) -> None:
        grpc.channel_ready_future(self._channel).result(_CONNECT_S)

    def send(self, raw: bytes, answered: Answered) -> None:
        call = self._call.future(raw, timeout=self._deadline_s)
        call.add_done_callback(lambda done: self._answered(done, answered))

    def close(self) -> None:
        self._channel.close()

    def _answered(self, done: Any, answered: Answered) -> None:
        code = done.code()
        if code is not grpc.StatusCode.OK:
            answered(code.name, done.details())
        elif self._check and (problem := self._check(done.result())):
            answered("PARTLY_REFUSED", problem)
        else:
            answered(OK, "")


class Http:
    """OTLP over HTTP with protobuf; url: without a path."""

    faults = _HTTP_FAULTS

    def __init__(self, url: str, deadline_s: float) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._deadline_s = deadline_s
        self._waiting: queue.SimpleQueue[tuple[bytes, Answered] | None] = queue.SimpleQueue()
        self._connections = [self._connection() for _ in range(_CONNECTIONS)]

    def open(self) -> None:
        for connection in self._connections:
            connection.connect()
            threading.Thread(target=self._serve, args=(connection,), name="http", daemon=True).start()

    def send(self, raw: bytes, answered: Answered) -> None:
        self._waiting.put((raw, answered))

    def close(self) -> None:
        for _ in self._connections:
            self._waiting.put(None)

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._host, self._port, timeout=self._deadline_s)

    def _serve(self, connection: http.client.HTTPConnection) -> None:
        while given := self._waiting.get():
            raw, answered = given
            try:
                connection.request("POST", "/v1/logs", raw, _HEADERS)
                answer = connection.getresponse()
                status, body = answer.status, answer.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                answered("BROKEN", repr(error))
                continue
            if status != http.HTTPStatus.OK:
                answered(str(status), body[:300].decode(errors="replace"))
            elif problem := partly_refused(body):
                answered("PARTLY_REFUSED", problem)
            else:
                answered(OK, "")
        connection.close()


def partly_refused(response: bytes) -> str:
    """What an encoded ExportLogsServiceResponse says of records that were not taken, or nothing."""
    if not response:
        return ""
    partial = ExportLogsServiceResponse.FromString(response).partial_success
    return f"{partial.rejected_log_records} rejected: {partial.error_message}" if partial.rejected_log_records else ""
