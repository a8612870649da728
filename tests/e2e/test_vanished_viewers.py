"""A viewer whose packets just stop is forgotten within a minute, also when only the page's nginx can notice."""

import socket
from contextlib import ExitStack
from urllib.parse import urlsplit

import requests
from harness.stack import Stack
from harness.vanishing import vanish
from harness.waiting import wait_for

FORGOTTEN_S = 60


def test_vanished_viewers_are_forgotten_within_a_minute(stack: Stack) -> None:
    service = stack.admin_url("stream")

    def viewers() -> int:
        lines = requests.get(f"{service}/metrics", timeout=10).text.splitlines()
        return int(next(float(line.split()[1]) for line in lines if line.startswith("logstream_stream_viewers ")))

    wait_for("viewers of other tests to leave", lambda: viewers() == 0)
    with ExitStack() as connections:
        # Nothing is logged: /stream has its counts each second, /logs only heartbeats.
        asked = [
            connections.enter_context(ask(url, path)) for url in (service, stack.page_url) for path in ("/stream", "/logs")
        ]
        wait_for("all viewers to be there", lambda: viewers() == len(asked))
        for connection in asked:
            vanish(connection)
        wait_for("all of them to be forgotten", lambda: viewers() == 0, timeout_s=FORGOTTEN_S)


def ask(url: str, path: str) -> socket.socket:
    """A viewer that has its answer."""
    parts = urlsplit(url)
    client = socket.create_connection((str(parts.hostname), parts.port or 80))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
    assert client.recv(64).startswith(b"HTTP/1.1 200 ")
    return client
