"""A connection that speaks HTTP/2 and has none of a gRPC client's manners: calls without a message, messages that stop
half-way, more streams than the server allows."""

import socket
import struct
import time
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.exceptions

_RECEIVE_BYTES = 65_536
_CONNECT_S = 10.0


class _Unmannered(h2.connection.H2Connection):
    """Opens streams past the limit that the server set."""

    @property
    def open_outbound_streams(self) -> int:
        return 0


class Http2:
    """Not thread-safe. Streams are named by their numbers."""

    def __init__(self, address: str) -> None:
        host, port = address.rsplit(":", 1)
        self._address = address
        self._socket = socket.create_connection((host, int(port)), _CONNECT_S)
        self._connection = _Unmannered(h2.config.H2Configuration(header_encoding="utf-8"))
        self._connection.initiate_connection()
        self._flush()
        self.statuses: dict[int, tuple[str, str]] = {}  # grpc-status and grpc-message of streams that ended with one
        self.resets: set[int] = set()
        self.closed = False  # by the server
        self.receive(_CONNECT_S)  # the settings of the server, which must be acknowledged

    def __enter__(self) -> "Http2":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def call(self, path: str, *headers: tuple[str, str]) -> int:
        """Sends the headers of a call; answers its stream."""
        stream = self._connection.get_next_available_stream_id()
        self._connection.send_headers(
            stream,
            [
                (":method", "POST"),
                (":scheme", "http"),
                (":path", path),
                (":authority", self._address),
                ("te", "trailers"),
                ("content-type", "application/grpc"),
                *headers,
            ],
        )
        self._flush()
        return stream

    def send(self, stream: int, data: bytes, *, within_s: float = 0.0, end: bool = False) -> int:
        """Sends what the windows let through within that time; answers how many bytes."""
        until_s = time.monotonic() + within_s
        sent = 0
        while stream not in self.statuses and stream not in self.resets and not self.closed:
            size = min(
                len(data) - sent,
                self._connection.local_flow_control_window(stream),
                self._connection.max_outbound_frame_size,
            )
            if size > 0:
                self._connection.send_data(stream, data[sent : sent + size])
                self._flush()
                sent += size
                continue
            if sent == len(data):
                if end:
                    self._connection.end_stream(stream)
                    self._flush()
                break
            if time.monotonic() >= until_s:
                break
            self.receive(0.05)
        return sent

    def receive(self, within_s: float) -> None:
        """Takes what the server sends within that time, or the first piece of it."""
        if self.closed:
            return
        self._socket.settimeout(within_s)
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
        except TimeoutError:
            return
        except OSError:
            data = b""
        if not data:
            self.closed = True
            return
        for event in self._connection.receive_data(data):
            self._note(event)
        self._flush()

    def _note(self, event: Any) -> None:
        if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
            headers = {str(name): str(value) for name, value in event.headers}
            if "grpc-status" in headers:
                self.statuses[event.stream_id] = (headers["grpc-status"], headers.get("grpc-message", ""))
        elif isinstance(event, h2.events.StreamReset):
            self.resets.add(event.stream_id)

    def _flush(self) -> None:
        self._socket.settimeout(_CONNECT_S)
        try:
            self._socket.sendall(self._connection.data_to_send())
        except OSError:
            self.closed = True


def framed(message: bytes, *, compressed: bool = False) -> bytes:
    """A message with gRPC's prefix. Source: gRPC over HTTP2, "Length-Prefixed-Message"."""
    return struct.pack(">BI", compressed, len(message)) + message
