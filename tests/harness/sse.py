"""A viewer: reads a server-sent event stream in a thread and keeps what it saw. It must not reconnect on its own, so
that a test decides when and with which Last-Event-ID."""

import http.client
import json
import socket
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from harness.waiting import GENEROUS_S, wait_for

CONNECT_S = 30
READ_BYTES = 1 << 16


@dataclass(frozen=True)
class Event:
    name: str  # `message` when the stream names none
    data: str
    id: str | None  # of this event alone

    def json(self) -> Any:
        return json.loads(self.data)


class Parser:
    """Bytes in, events out. Source: the WHATWG HTML standard, "Interpreting an event stream"."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[str] = []
        self._name = ""
        self._id: str | None = None
        self.comments = 0
        self.retry_ms: int | None = None

    def feed(self, chunk: bytes) -> Iterator[Event]:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for raw in lines:
            line = raw.decode().rstrip("\r")
            if line:
                self._field(line)
                continue
            if self._data:
                yield Event(self._name or "message", "\n".join(self._data), self._id)
            self._data, self._name, self._id = [], "", None

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not name:
            self.comments += 1
        elif name == "data":
            self._data.append(value)
        elif name == "event":
            self._name = value
        elif name == "id":
            self._id = value
        elif name == "retry":
            self.retry_ms = int(value)


class Viewer:
    """One connection to an event stream, open from construction to close(); usable as a context manager.

    events holds everything seen so far, in order; ended is set when the server ended the stream. Raises AssertionError
    when the server does not answer with an event stream.
    """

    def __init__(self, url: str, last_event_id: str | None = None) -> None:
        parts = urlsplit(url)
        self.url = url
        self.events: list[Event] = []
        self.ended = threading.Event()
        self.parser = Parser()
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=CONNECT_S)
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_event_id} if last_event_id else {})
        self._connection.request("GET", parts.path + (f"?{parts.query}" if parts.query else ""), headers=headers)
        self._socket: socket.socket = self._connection.sock
        self.response = self._connection.getresponse()
        kind = self.response.getheader("Content-Type") or ""
        if self.response.status != 200 or not kind.startswith("text/event-stream"):
            body = self.response.read(2_000)
            self._connection.close()
            raise AssertionError(f"GET {url}: {self.response.status} {kind}: {body!r}")
        # The server sends a comment every 15 s, so a longer silence is an end.
        self._socket.settimeout(60)
        self._thread = threading.Thread(target=self._read, name=f"viewer {url}", daemon=True)
        self._thread.start()

    def __enter__(self) -> "Viewer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        with suppress(OSError):  # the server closed it first
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(CONNECT_S)
        self._socket.close()
        self._connection.close()

    def named(self, name: str) -> list[Event]:
        """The events of this name so far."""
        return [event for event in self.events if event.name == name]

    def records(self, *nodes: str) -> list[dict[str, Any]]:
        """The records shown so far in `logs` events, of these nodes or of all."""
        found = [record for event in self.named("logs") for record in event.json()]
        return [record for record in found if record["node"] in nodes] if nodes else found

    def wait_shown(self, messages: Collection[str], *nodes: str) -> None:
        """Waits until every one of these messages was shown in a record of these nodes."""

        def missing() -> list[str]:
            return sorted(set(messages) - {record["message"] for record in self.records(*nodes)})

        wait_for(f"{len(messages)} records at {self.url}", missing, lambda seen: not seen, pause_s=0.3)

    def last_id(self) -> str | None:
        """What a browser would send as Last-Event-ID now."""
        return next((event.id for event in reversed(self.events) if event.id is not None), None)

    def wait(self, what: str, accept: Callable[["Viewer"], bool], timeout_s: float = GENEROUS_S) -> None:
        """Waits until accept(self); tells the tail of what was seen if that never comes."""
        wait_for(f"{what} at {self.url}", lambda: self if accept(self) else self.events[-3:],
                 lambda seen: seen is self, timeout_s=timeout_s)  # fmt: skip

    def _read(self) -> None:
        try:
            while chunk := self.response.read1(READ_BYTES):
                self.events.extend(self.parser.feed(chunk))
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            pass  # cut off, by the server or by close()
        finally:
            self.ended.set()


def open_viewer(page_url: str, last_event_id: str | None = None) -> Viewer:
    """A viewer of /stream that is being served."""
    viewer = Viewer(f"{page_url}/stream", last_event_id)
    viewer.wait("the head of the stream", lambda seen: seen.parser.retry_ms is not None)
    return viewer
