"""A process that holds all viewers of a run: one loop over their sockets, so that a thousand cost little of the machine.
What they are shown is judged elsewhere."""

import heapq
import itertools
import random
import resource
import select
import socket
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from logstream_runtime.files import allow_files

from bench.audience import WANTED, Manner, Seat
from bench.shown import Ints, Library, Reader, Shelf, Sight, Unexpected

_READ_BYTES: Final = 256 << 10
_TINY_BUFFER_BYTES: Final = 4 << 10
_SLOW_READ_BYTES: Final = 2 << 10
_SLOW_PAUSE_S: Final = 0.1
_AGAIN_S: Final = 1.0  # after the server ended a stream or did not take a viewer
# Connections that wait for their answer at a time: more would only wait in the listener's queue.
_MOST_CONNECTING: Final = 200
_TURN_S: Final = 0.05
_MORE_FILES: Final = 256
# On close the connection is reset, as by a client that is gone.
_RESET: Final = struct.pack("ii", 1, 0)

# Slots of the counters a crowd shares with its parent. PLACED: viewers that have an id to come back with; REACHED: those
# that have seen all up to the end they were given.
CONNECTED, PLACED, RECORDS, REACHED, RESUMES, SLOTS = range(6)

# What the parent says, as (word, argument): misbehave with seconds of the load; finish with the last place; close.
MISBEHAVE: Final = "misbehave"
FINISH: Final = "finish"
CLOSE: Final = "close"


@dataclass
class Seen:
    """sights: of each seat. cpu_s: of this process."""

    sequences: list[Ints] = field(default_factory=list)
    sights: list[Sight] = field(default_factory=list)
    refused: int = 0  # connections that were not taken, after the first of a viewer
    ended: int = 0  # connections that the server ended
    cpu_s: float = 0.0
    error: str = ""


def hold(url: str, seats: Sequence[Seat], counters: Any, commands: Any, results: Any) -> None:
    """Runs in a process of its own until it is told to close; puts a Seen. url: of the server of /stream."""
    crowd = Crowd(url, seats, counters, commands)
    try:
        crowd.run()
    except Exception as error:  # noqa: BLE001 the parent reports it
        crowd.seen.error = repr(error)
    used = resource.getrusage(resource.RUSAGE_SELF)
    crowd.seen.cpu_s = used.ru_utime + used.ru_stime
    results.put(crowd.seen)


class _Viewer:
    def __init__(self, number: int, seat: Seat, sight: Sight, shelf: Shelf) -> None:
        self.number = number
        self.seat = seat
        self.sight = sight
        self.shelf = shelf
        self.connection: socket.socket | None = None
        self.reader = Reader(sight, shelf)
        self.placed = False
        self.silent = False
        self.reached = False


class Crowd:
    def __init__(self, url: str, seats: Sequence[Seat], counters: Any, commands: Any) -> None:
        parts = urlsplit(url)
        self._address = parts.hostname or "127.0.0.1", parts.port or 80
        self._counters = counters
        self._commands = commands
        library = Library()
        shelves = [Shelf(library) for _ in WANTED]
        self.seen = Seen(library.sequences, [Sight() for _ in seats])
        self._viewers = [
            _Viewer(number, seat, sight, shelves[seat.wanted])
            for number, (seat, sight) in enumerate(zip(seats, self.seen.sights, strict=True))
        ]
        self._chance = random.Random(len(seats))
        self._poll = select.epoll()
        self._reading: dict[int, _Viewer] = {}
        self._left: list[socket.socket] = []  # open and not read any more
        self._waiting = list(reversed(self._viewers))  # to be connected, the last one first
        self._connecting = 0
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._end: tuple[bytes, int] | None = None  # epoch and position
        self._closing = False

    def run(self) -> None:
        allow_files(2 * len(self._viewers) + _MORE_FILES)
        self._poll.register(self._commands.fileno(), select.EPOLLIN)
        while not self._closing:
            while self._waiting and self._connecting < _MOST_CONNECTING:
                self._connect(self._waiting.pop())
            for number, _ in self._poll.poll(_TURN_S):
                if number == self._commands.fileno():
                    self._told(*self._commands.recv())
                elif number in self._reading:
                    self._read(self._reading[number])
            while self._due and self._due[0][0] <= time.monotonic():
                heapq.heappop(self._due)[2]()

    def _told(self, word: str, argument: Any = None) -> None:
        if word == MISBEHAVE:
            for viewer in self._viewers:
                if viewer.seat.manner is Manner.SILENT:
                    self._later(self._chance.uniform(0, argument / 2), self._fall_silent, viewer)
                elif viewer.seat.manner is Manner.ABRUPT:
                    self._later(self._chance.uniform(0, argument / 2), self._vanish, viewer)
        elif word == FINISH:
            epoch, position = argument
            self._end = epoch.encode(), position
            for viewer in self._viewers:
                if viewer.silent:
                    self._resume(viewer)
                self._check_end(viewer)
        elif word == CLOSE:
            self._closing = True

    def _later(self, seconds: float, act: Callable[[_Viewer], object], viewer: _Viewer) -> None:
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), lambda: act(viewer)))

    def _connect(self, viewer: _Viewer) -> None:
        connection = socket.socket()
        if viewer.seat.manner is Manner.SLOW:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _TINY_BUFFER_BYTES)
        # Each viewer is a client of its own to whoever counts them by address.
        high, low = divmod(viewer.number, 250)
        connection.bind((f"127.1.{high}.{low + 1}", 0))
        connection.settimeout(10)
        connection.connect(self._address)
        query = WANTED[viewer.seat.wanted].query
        resume = f"Last-Event-ID: {viewer.sight.place.decode()}\r\n" if viewer.sight.place else ""
        # HTTP/1.0: the answer comes as it is, without chunks.
        connection.sendall(
            f"GET /stream?recent=0{'&' if query else ''}{query} HTTP/1.0\r\nHost: localhost\r\n{resume}"
            "Accept: text/event-stream\r\n\r\n".encode()
        )
        connection.setblocking(False)
        viewer.connection = connection
        viewer.reader = Reader(viewer.sight, viewer.shelf)
        self._connecting += 1
        self._watch(viewer)

    def _watch(self, viewer: _Viewer) -> None:
        if viewer.connection:
            self._reading[viewer.connection.fileno()] = viewer
            self._poll.register(viewer.connection, select.EPOLLIN)

    def _unwatch(self, viewer: _Viewer) -> None:
        if viewer.connection and self._reading.pop(viewer.connection.fileno(), None):
            self._poll.unregister(viewer.connection)

    def _read(self, viewer: _Viewer) -> None:
        dawdles = viewer.seat.manner is Manner.SLOW and not self._end and viewer.placed
        try:
            got = viewer.connection.recv(_SLOW_READ_BYTES if dawdles else _READ_BYTES) if viewer.connection else b""
        except BlockingIOError:
            return
        except ConnectionError:
            got = b""
        if not got:
            self._ended(viewer)
            return
        was_headed = viewer.reader.headed
        try:
            self._counters[RECORDS] += viewer.reader.feed(got, time.time_ns())
        except Unexpected:
            # At first every viewer must be taken; who comes back may have to wait.
            if was_headed or not viewer.placed:
                raise
            self.seen.refused += 1
            self._ended(viewer)
            return
        if viewer.reader.headed and not was_headed:
            self._connecting -= 1
            if not viewer.sight.resumes:
                self._counters[CONNECTED] += 1
        if not viewer.placed and viewer.sight.place:
            viewer.placed = True
            self._counters[PLACED] += 1
        if self._end:
            self._check_end(viewer)
        elif dawdles:
            self._unwatch(viewer)
            self._later(_SLOW_PAUSE_S, self._watch, viewer)

    def _check_end(self, viewer: _Viewer) -> None:
        if self._end and not viewer.reached and viewer.sight.place:
            epoch, position, *_ = viewer.sight.place.rsplit(b":", 3)
            if epoch == self._end[0] and int(position) >= self._end[1]:
                viewer.reached = True
                self._counters[REACHED] += 1

    def _lost(self, viewer: _Viewer) -> None:
        """The viewer's connection is no longer read."""
        self._unwatch(viewer)
        if not viewer.reader.headed:
            self._connecting -= 1
        viewer.reader.end()
        viewer.connection = None

    def _ended(self, viewer: _Viewer) -> None:
        if viewer.reader.headed:
            self.seen.ended += 1
        connection = viewer.connection
        self._lost(viewer)
        if connection:
            connection.close()
        self._later(_AGAIN_S, self._resume, viewer)

    def _resume(self, viewer: _Viewer) -> None:
        viewer.silent = False
        viewer.sight.resumes += 1
        self._counters[RESUMES] += 1
        self._waiting.append(viewer)

    def _fall_silent(self, viewer: _Viewer) -> None:
        if viewer.connection and not self._end:
            self._left.append(viewer.connection)
            self._lost(viewer)
            viewer.silent = True

    def _vanish(self, viewer: _Viewer) -> None:
        if self._end:
            return
        if viewer.connection and viewer.reader.headed:
            connection = viewer.connection
            self._lost(viewer)
            with suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            connection.close()
            self._later(self._chance.uniform(0.05, 1.5), self._resume, viewer)
        self._later(self._chance.uniform(2, 6), self._vanish, viewer)
