"""The HTTP routes: /stream and /logs for viewers, /livez, /readyz and /metrics for operators. It must not know where records
come from; it writes what the opening and the viewer's queue hold."""

import logging
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from flask import Flask, Response, request
from gevent.event import Event
from logstream_contract.filters.filters import Filter
from logstream_contract.filters.parameters import InvalidParameters, label_of, names_of
from logstream_runtime.guard import Guard, Hosts, Origins
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from werkzeug.exceptions import HTTPException

from logstream_stream.admission import Full
from logstream_stream.client import Networks, client_of
from logstream_stream.departures import Departures
from logstream_stream.framing import Framing, NativeFraming, SeedFraming, placed, retry
from logstream_stream.hub import Hub
from logstream_stream.metrics import Metrics
from logstream_stream.opening import Opening
from logstream_stream.parameters import StreamParameters
from logstream_stream.problems import problem_response
from logstream_stream.refusals import full
from logstream_stream.viewer import Viewer, slices

log = logging.getLogger(__name__)

# The seed shows the latest 10 first.
SEED_RECENT_RECORDS: Final = 10
_RETRY_MS: Final = 2_000
# Bytes that were sent and are not acknowledged for so long mean that the viewer has vanished.
_VANISHED_MS: Final = 30_000
_HEADERS: Final = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
_PARAMETERS: Final = frozenset(names_of(StreamParameters)) | StreamParameters.elsewhere.keys()


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """recent_records: of a first screen; max_rate: records a second to a viewer, 0: all."""

    recent_records: int
    max_rate: int
    trusted_proxies: Networks
    allowed_hosts: Hosts
    allowed_origins: Origins


def create_app(
    hub: Hub,
    opening: Opening,
    metrics: Metrics,
    registry: CollectorRegistry,
    problem: Callable[[], str | None],
    departures: Departures,
    settings: RouteSettings,
) -> Flask:
    """problem: why this replica is of no use now, or None."""
    app = Flask("logstream_stream", static_folder=None)
    app.wsgi_app = Guard(  # type: ignore[method-assign]
        application=app.wsgi_app,
        hosts=settings.allowed_hosts,
        origins=settings.allowed_origins,
        on_refusal=lambda reason: metrics.refused_requests.labels(reason).inc(),
    )
    native, seed = NativeFraming(), SeedFraming()
    live = _Live(hub, opening, metrics, departures, settings.trusted_proxies)

    @app.get("/stream")
    def stream() -> Response:
        asked, problems = StreamParameters.read(request.environ["QUERY_STRING"])
        too_fast = asked.rate_problem(settings.max_rate)
        problems += [too_fast] if too_fast else []
        if problems:
            for found in problems:
                name = label_of(found["name"])
                metrics.rejected_parameters.labels(name if name in _PARAMETERS else "unknown").inc()
            return problem_response(400, str(InvalidParameters(problems)), title="Invalid parameters", problems=problems)
        # A browser that reconnects by itself sends the header and repeats the address, whose id is older.
        after = request.headers.get("Last-Event-ID") or asked.after or None
        recent = settings.recent_records if asked.recent is None else asked.recent
        return live.answer(native, "/stream", after, recent, asked.wanted(), asked.max_rate)

    @app.get("/logs")
    def logs() -> Response:
        return live.answer(seed, "/logs", request.headers.get("Last-Event-ID") or None, SEED_RECENT_RECORDS)

    @app.get("/livez")
    def livez() -> Response:
        return _plain(None)

    @app.get("/readyz")
    def readyz() -> Response:
        return _plain(problem())

    @app.get("/metrics")
    def show_metrics() -> Response:
        encode, kind = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(registry), content_type=kind)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        headers = {name: value for name, value in error.get_headers() if name == "Allow"}
        return problem_response(error.code or 500, error.description or "", headers=headers)

    return app


class _Live:
    """Answers with a viewer's stream."""

    def __init__(
        self, hub: Hub, opening: Opening, metrics: Metrics, departures: Departures, trusted_proxies: Networks
    ) -> None:
        self._hub = hub
        self._opening = opening
        self._metrics = metrics
        self._trusted_proxies = trusted_proxies
        self._departures = departures

    def answer(
        self,
        framing: Framing,
        route: str,
        after: str | None,
        recent: int,
        wanted: Filter | None = None,
        max_rate: int | None = None,
    ) -> Response:
        if request.method == "HEAD":
            return Response(mimetype="text/event-stream", headers=_HEADERS)
        connection = request.environ.get("gunicorn.socket")
        _notice_vanishing(connection)
        ready = Event()
        try:
            client = client_of(request.remote_addr or "", request.headers.get("X-Forwarded-For", ""), self._trusted_proxies)
            viewer = self._hub.join(
                framing, ready.set, lambda: _cut_off(connection), wanted, max_rate=max_rate, client=client
            )
        except Full as error:
            self._metrics.refused.labels(error.reason).inc()
            return full(error.reason, request.headers.get("Accept", ""), request.headers.get("Last-Event-ID", ""))
        if connection is not None:
            self._departures.watch(connection.fileno(), viewer)
        body = _Body(self._hub, viewer, self._bytes(viewer, ready, route, after, recent), self._departures)
        return Response(body, mimetype="text/event-stream", headers=_HEADERS)

    def _bytes(self, viewer: Viewer, ready: Event, route: str, after: str | None, recent: int) -> Iterator[bytes]:
        delivered = self._metrics.delivered.labels(route)
        # The first block with data goes on with this line.
        yield retry(_RETRY_MS)
        if status := self._status(viewer.framing):
            yield status
        for frame in self._opening.frames(viewer, after, recent):
            yield from self._parts(viewer, viewer.told(frame), held=True)
            delivered.inc(frame.records)
        # From here on every record that is stored is sent: who reads history now misses none in between.
        if live := viewer.framing.live():
            yield placed(live, viewer.place)
        while True:
            ready.clear()
            piece, records = viewer.take()
            if piece:
                yield from self._parts(viewer, piece)
                delivered.inc(records)
            elif viewer.closing:
                return
            else:
                ready.wait()

    def _parts(self, viewer: Viewer, piece: bytes, *, held: bool = False) -> Iterator[bytes]:
        """held: the piece itself is counted already."""
        for part in slices(piece):
            # The server copies what it sends.
            self._hub.writes(viewer, (0 if held else len(piece)) + 2 * len(part))
            yield part
        self._hub.writes(viewer, 0)

    def _status(self, framing: Framing) -> bytes:
        return framing.status(self._hub.status) if "down" in self._hub.status.values() else b""


class _Body:
    """A response body that leaves the hub when it is closed, and says how long its reader takes."""

    def __init__(self, hub: Hub, viewer: Viewer, pieces: Iterator[bytes], departures: Departures) -> None:
        self._hub = hub
        self._viewer = viewer
        self._pieces = pieces
        self._departures = departures

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self._viewer.writing_since = None
        piece = next(self._pieces)
        self._viewer.writing_since = time.monotonic()
        return piece

    def close(self) -> None:
        """Called by the server whatever way the response ends, and before it closes the connection."""
        self._departures.forget(self._viewer)
        self._hub.leave(self._viewer)


def _plain(problem: str | None) -> Response:
    return Response(f"{problem or 'ok'}\n", status=503 if problem else 200, mimetype="text/plain")


def _notice_vanishing(connection: Any) -> None:
    if connection is not None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _VANISHED_MS)


def _cut_off(connection: Any) -> None:
    """Wakes a write that waits for a viewer who doesn't read: it fails, and the server closes the response."""
    if connection is not None:
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError as error:
            log.debug("viewer is gone already", extra={"error": str(error)})
