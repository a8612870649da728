"""/livez, /readyz and /metrics, for operators. The page's proxy does not pass them on."""

from collections.abc import Callable

from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from logstream_query.store import Store


def health_routes(store: Store, registry: Callable[[], CollectorRegistry]) -> Blueprint:
    """registry: returns the one that /metrics shows."""
    routes = Blueprint("health", __name__)

    @routes.get("/livez")
    def livez() -> Response:
        return _plain(None)

    @routes.get("/readyz")
    def readyz() -> Response:
        return _plain(store.problem())

    @routes.get("/metrics")
    def metrics() -> Response:
        encode, kind = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(registry()), content_type=kind)

    return routes


def _plain(problem: str | None) -> Response:
    return Response(f"{problem or 'ok'}\n", status=503 if problem else 200, mimetype="text/plain")
