"""A reader that asks and reads nothing but the head of the answer. It must not read on its own."""

import socket
from types import TracebackType
from urllib.parse import urlsplit

RECEIVE_BYTES = 4096
TIMEOUT_S = 60


class SlowReader:
    """One GET whose answer waits at the other end; usable as a context manager. status: of the answer, whose head came."""

    def __init__(self, url: str, **headers: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.socket()
        self._socket.settimeout(TIMEOUT_S)
        # Before it connects: the window is offered then.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        self._socket.connect((parts.hostname or "", parts.port or 80))
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        lines = [f"GET {path} HTTP/1.1", f"Host: {parts.netloc}", *(f"{name}: {value}" for name, value in headers.items())]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        head = b""
        while b"\r\n" not in head:
            part = self._socket.recv(64)
            assert part, f"GET {url}: no answer"
            head += part
        self.status = int(head.split()[1])

    def __enter__(self) -> "SlowReader":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()
