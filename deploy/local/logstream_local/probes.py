"""Tells whether a server answers, by talking to it as a client would. Never waits for longer than a few seconds."""

import base64
import socket
import urllib.error
import urllib.request

from logstream_local.ports import HOST

_TIMEOUT_S = 3.0
# Loopback only: a proxy of the host must not come between.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def http_answers(url: str, user: str | None = None, password: str = "") -> str | None:
    """None when a GET is answered with 2xx, otherwise what happened."""
    request = urllib.request.Request(url)
    if user is not None:
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    try:
        with _OPENER.open(request, timeout=_TIMEOUT_S):
            return None
    except urllib.error.HTTPError as error:
        body = error.read(300).decode("utf-8", "replace").strip()
        return f"{url} answers {error.code} {body}".strip()
    except OSError as error:
        return f"{url}: {_reason(error)}"


def exchange(port: int, request: bytes, expected: bytes) -> str | None:
    """None when the answer to `request` on a loopback port contains `expected` in its first bytes."""
    try:
        with socket.create_connection((HOST, port), timeout=_TIMEOUT_S) as connection:
            connection.sendall(request)
            answer = connection.recv(256)
    except OSError as error:
        return f"port {port}: {_reason(error)}"
    return None if expected in answer else f"port {port} answers {answer[:60]!r}"


def amqp_answers(port: int) -> str | None:
    """None when a broker opens the AMQP 0-9-1 handshake: the protocol header is answered with a method frame."""
    return exchange(port, b"AMQP\x00\x00\x09\x01", b"\x01\x00\x00")


def redis_answers(port: int) -> str | None:
    """None when Redis answers PING (it says LOADING while it is not usable)."""
    return exchange(port, b"PING\r\n", b"+PONG")


def epmd_answers(port: int) -> str | None:
    """None when epmd answers a names request (110), which begins with its own port in four bytes."""
    return exchange(port, b"\x00\x01\x6e", port.to_bytes(4, "big"))


def _reason(error: OSError) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return str(cause)
