"""A viewer process: reads /stream as a browser does, counts what it is shown and measures how old it is. It must keep up
with any storm, so it looks into a sample of the records and only counts the others."""

import re
import socket
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import orjson

from bench.batches import Kind

_RECORD = b'{"sequence":'
_SAMPLED = re.compile(rb'"time":"([^"]+)".*?#\d{8}\.(\d{4})"', re.DOTALL)
_SAMPLES_AN_EVENT = 8
_READ_BYTES = 1 << 20


@dataclass
class Sight:
    """What the viewer saw. lags: (nanoseconds since the Unix epoch when it arrived, lag in ms) of the sampled records."""

    records: int = 0
    events: int = 0
    bytes: int = 0
    dropped: int = 0
    gaps: int = 0
    lags: list[tuple[int, float]] = field(default_factory=list)
    error: str = ""


# Slots of the counters a viewer shares with its parent.
SEEN, LAG_US, VIEWING, SLOTS = 0, 1, 2, 3


def view(page_url: str, kind: Kind, counters: Any, stop: Any, results: Any) -> None:
    """Runs in a process of its own until stop is set and nothing more has come for a moment; puts a Sight.

    Lag is counted from the sending of a record's batch, whose records are of this kind.
    """
    sight = Sight()
    try:
        _view(page_url, kind, sight, counters, stop)
    except Exception as error:  # noqa: BLE001 the parent reports it
        sight.error = repr(error)
    results.put(sight)


def _view(page_url: str, kind: Kind, sight: Sight, counters: Any, stop: Any) -> None:
    parts = urlsplit(page_url)
    connection = socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 80), timeout=10)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    # HTTP/1.0: the answer comes as it is, without chunks.
    connection.sendall(b"GET /stream?recent=0 HTTP/1.0\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
    connection.settimeout(0.25)
    rest = b""
    headed = False
    while True:
        try:
            got = connection.recv(_READ_BYTES)
        except TimeoutError:
            if stop.is_set():
                return
            continue
        if not got:
            raise ConnectionError("the stream ended")
        arrived_ns = time.time_ns()
        rest += got
        if not headed:
            head, separator, rest = rest.partition(b"\r\n\r\n")
            if not separator:
                rest = head
                continue
            if b" 200 " not in head.split(b"\r\n", 1)[0]:
                raise ConnectionError(head.decode(errors="replace"))
            headed = True
            counters[VIEWING] = 1
        sight.bytes += len(got)
        *events, rest = rest.split(b"\n\n")
        for event in events:
            _take(event, arrived_ns, kind, sight)
        counters[SEEN] = sight.records
        if sight.lags:
            counters[LAG_US] = int(sight.lags[-1][1] * 1_000)
        if stop.is_set() and not any(b"event: logs" in event for event in events):
            return


def _take(event: bytes, arrived_ns: int, kind: Kind, sight: Sight) -> None:
    if b"event: logs\n" in event:
        count = event.count(_RECORD)
        sight.records += count
        sight.events += 1
        # Evenly spread over the event, its first and its last record among them.
        starts = {int(i * (len(event) - 1) / (_SAMPLES_AN_EVENT - 1)) for i in range(_SAMPLES_AN_EVENT - 1)}
        found = {match.start(): match for start in starts if (match := _SAMPLED.search(event, start))}
        last = _SAMPLED.search(event, event.rindex(_RECORD)) if count else None
        for match in (*found.values(), *([last] if last and last.start() not in found else [])):
            moment_us = round(datetime.fromisoformat(match[1].decode()).timestamp() * 1e6)
            gathered_ns = (kind.records - 1 - int(match[2])) * kind.apart_ns
            sight.lags.append((arrived_ns, (arrived_ns - gathered_ns) / 1e6 - moment_us / 1e3))
    elif b"event: dropped\n" in event:
        data = event[event.index(b"data: ") + 6 :]
        sight.dropped += int(orjson.loads(data)["records"])
    elif b"event: gap\n" in event:
        sight.gaps += 1
