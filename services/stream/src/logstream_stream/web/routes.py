"""The HTTP routes: /stream and /logs for viewers; /livez, /readyz and /metrics for operators. It writes what CatchUp and the
viewer's queue supply, and must not know where records come from."""

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

from logstream_stream.metrics import Metrics
from logstream_stream.records.framing import Framing, NativeFraming, SeedFraming, retry, with_id
from logstream_stream.viewers.admission import Full
from logstream_stream.viewers.catch_up import CatchUp
from logstream_stream.viewers.disconnect_watcher import DisconnectWatcher
from logstream_stream.viewers.hub import Hub
from logstream_stream.viewers.viewer import Viewer, slices
from logstream_stream.web.client import Networks, client_of
from logstream_stream.web.parameters import StreamParameters
from logstream_stream.web.problems import problem_response
from logstream_stream.web.refusals import full

log = logging.getLogger(__name__)

# The seed sends the latest 10 records first.
SEED_RECENT_RECORDS: Final = 10
_RETRY_MS: Final = 2_000
# A viewer that does not acknowledge sent bytes for this long has vanished. LOGSTREAM_STREAM_VIEWER_TIMEOUT_S can only be
# shorter; the page's port has the same limit (services/dashboard/listener/listener.c).
_VANISHED_MS: Final = 30_000
_HEADERS: Final = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
_PARAMETERS: Final = frozenset(names_of(StreamParameters)) | StreamParameters.elsewhere.keys()


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSettings:
    """recent_records: those of a first screen; max_rate: records a second for a viewer, 0: no limit."""

    recent_records: int
    max_rate: int
    trusted_proxies: Networks
    allowed_hosts: Hosts
    allowed_origins: Origins


def create_app(
    *,
    hub: Hub,
    catch_up: CatchUp,
    metrics: Metrics,
    registry: CollectorRegistry,
    problem: Callable[[], str | None],
    disconnect_watcher: DisconnectWatcher,
    settings: RouteSettings,
) -> Flask:
    """problem: returns why this replica is of no use now, or None."""
    app = Flask("logstream_stream", static_folder=None)
    app.wsgi_app = Guard(  # type: ignore[method-assign]
        application=app.wsgi_app,
        hosts=settings.allowed_hosts,
        origins=settings.allowed_origins,
        on_refusal=lambda reason: metrics.refused_requests.labels(reason).inc(),
    )
    native, seed = NativeFraming(), SeedFraming()
    live = _Live(
        hub=hub,
        catch_up=catch_up,
        metrics=metrics,
        disconnect_watcher=disconnect_watcher,
        trusted_proxies=settings.trusted_proxies,
    )

    @app.get("/stream")
    def stream() -> Response:
        parameters, problems = StreamParameters.read(request.environ["QUERY_STRING"])
        too_fast = parameters.rate_problem(settings.max_rate)
        problems += [too_fast] if too_fast else []
        if problems:
            for rejected in problems:
                name = label_of(rejected["name"])
                metrics.rejected_parameters.labels(name if name in _PARAMETERS else "unknown").inc()
            return problem_response(400, str(InvalidParameters(problems)), title="Invalid parameters", problems=problems)
        # A browser that reconnects by itself sends the header, and repeats the address with an older id.
        after = request.headers.get("Last-Event-ID") or parameters.after or None
        recent = settings.recent_records if parameters.recent is None else parameters.recent
        return live.respond(
            native, "/stream", after=after, recent=recent, filter_=parameters.live_filter(), max_rate=parameters.max_rate
        )

    @app.get("/logs")
    def logs() -> Response:
        return live.respond(seed, "/logs", after=request.headers.get("Last-Event-ID") or None, recent=SEED_RECENT_RECORDS)

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
    """Responds with the stream of a viewer."""

    def __init__(
        self,
        *,
        hub: Hub,
        catch_up: CatchUp,
        metrics: Metrics,
        disconnect_watcher: DisconnectWatcher,
        trusted_proxies: Networks,
    ) -> None:
        self._hub = hub
        self._catch_up = catch_up
        self._metrics = metrics
        self._trusted_proxies = trusted_proxies
        self._disconnect_watcher = disconnect_watcher

    def respond(
        self,
        framing: Framing,
        route: str,
        *,
        after: str | None,
        recent: int,
        filter_: Filter | None = None,
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
                framing,
                notify=ready.set,
                abort=lambda: _cut_off(connection),
                filter_=filter_,
                max_rate=max_rate,
                client=client,
            )
        except Full as error:
            self._metrics.refused.labels(error.reason).inc()
            return full(error.reason, request.headers.get("Accept", ""), request.headers.get("Last-Event-ID", ""))
        if connection is not None:
            self._disconnect_watcher.watch(connection.fileno(), viewer)
        body = _Body(
            hub=self._hub,
            viewer=viewer,
            pieces=self._bytes(viewer, ready, route, after, recent),
            disconnect_watcher=self._disconnect_watcher,
        )
        return Response(body, mimetype="text/event-stream", headers=_HEADERS)

    def _bytes(self, viewer: Viewer, ready: Event, route: str, after: str | None, recent: int) -> Iterator[bytes]:
        delivered = self._metrics.delivered.labels(route)
        # This line belongs to the first block with data.
        yield retry(_RETRY_MS)
        if status := self._status(viewer.framing):
            yield status
        for frame in self._catch_up.frames(viewer, after, recent):
            yield from self._parts(viewer, viewer.stamp(frame), held=True)
            delivered.inc(frame.records)
        # From here on every stored record is sent, so a client that reads history now misses none in between.
        if live := viewer.framing.live():
            yield with_id(live, viewer.last_id)
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
        """held: the piece itself is already counted."""
        for part in slices(piece):
            # The server copies each part that it sends.
            self._hub.writes(viewer, (0 if held else len(piece)) + 2 * len(part))
            yield part
        self._hub.writes(viewer, 0)

    def _status(self, framing: Framing) -> bytes:
        return framing.status(self._hub.status) if "down" in self._hub.status.values() else b""


class _Body:
    """A response body that leaves the hub when it is closed, and notes how long its reader takes."""

    def __init__(self, *, hub: Hub, viewer: Viewer, pieces: Iterator[bytes], disconnect_watcher: DisconnectWatcher) -> None:
        self._hub = hub
        self._viewer = viewer
        self._pieces = pieces
        self._disconnect_watcher = disconnect_watcher

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self._viewer.writing_since = None
        piece = next(self._pieces)
        self._viewer.writing_since = time.monotonic()
        return piece

    def close(self) -> None:
        """Called by the server however the response ends, before the connection is closed."""
        self._disconnect_watcher.forget(self._viewer)
        self._hub.leave(self._viewer)


def _plain(problem: str | None) -> Response:
    return Response(f"{problem or 'ok'}\n", status=503 if problem else 200, mimetype="text/plain")


def _notice_vanishing(connection: Any) -> None:
    if connection is not None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _VANISHED_MS)


def _cut_off(connection: Any) -> None:
    """Makes a write fail that waits for a viewer who does not read, so that the server closes the response."""
    if connection is not None:
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError as error:
            log.debug("the viewer is already gone", extra={"error": str(error)})
