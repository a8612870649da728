"""The routes under /api."""

from collections.abc import Callable

from flask import Blueprint, Response, request
from logstream_contract.rows.records import record
from logstream_contract.rows.timestamps import iso_micros

from logstream_query.metrics import Metrics
from logstream_query.questions.cursors import Cursor
from logstream_query.questions.queries import page_query
from logstream_query.routes.responses import json_response
from logstream_query.search.answering import Answering
from logstream_query.search.search import Search


def api_routes(search: Search, answering: Answering, metrics: Metrics, clock: Callable[[], int]) -> Blueprint:
    """clock: microseconds since the epoch."""
    routes = Blueprint("api", __name__, url_prefix="/api")

    @routes.get("/logs")
    def logs() -> Response:
        asked = page_query(request.environ["QUERY_STRING"], clock())
        found = search.find(asked.filter, asked.order, asked.after, asked.limit)
        total = asked.found + len(found.records)
        next_cursor = None
        if found.position:
            next_cursor = Cursor(asked.order, asked.asked_at_us, found.position, total).encode()
        metrics.returned_records.labels("/api/logs").inc(len(found.records))
        metrics.full_answers.labels("/api/logs").inc(found.is_full)
        body = {
            "records": [record(*row) for row in found.records],
            "next_cursor": next_cursor,
            "complete": found.position is None,
            "scanned_until": None if found.scanned_until_us is None else iso_micros(found.scanned_until_us),
            "found": total,
        }
        return json_response(answering, body)

    return routes
