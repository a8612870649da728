"""The routes under /api."""

from collections.abc import Callable

import orjson
from flask import Blueprint, Response, request
from logstream_contract.records import record

from logstream_query.cursors import Cursor, Position
from logstream_query.metrics import Metrics
from logstream_query.queries import page_query
from logstream_query.store import Store


def api_routes(store: Store, metrics: Metrics, clock: Callable[[], int]) -> Blueprint:
    """clock: microseconds since the epoch."""
    routes = Blueprint("api", __name__, url_prefix="/api")

    @routes.get("/logs")
    def logs() -> Response:
        asked = page_query(request.environ["QUERY_STRING"], clock())
        # One more than asked for tells whether there is a next page.
        found = store.page(asked.filter, asked.order, asked.after, asked.limit + 1)
        page = found[: asked.limit]
        next_cursor = None
        if len(found) > asked.limit:
            sequence, time_us, *_ = page[-1]
            next_cursor = Cursor(asked.order, asked.asked_at_us, Position(time_us, sequence)).encode()
        metrics.returned_records.labels("/api/logs").inc(len(page))
        body = {"records": [record(*row) for row in page], "next_cursor": next_cursor}
        return Response(orjson.dumps(body), mimetype="application/json")

    return routes
