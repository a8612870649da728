"""The route /api/logs: the records that match, page by page."""

from collections.abc import Callable

from flask import Blueprint, Response, request
from logstream_contract.rows.records import record
from logstream_contract.rows.timestamps import iso_micros

from logstream_query.metrics import Metrics
from logstream_query.questions.cursors import Cursor
from logstream_query.questions.queries import page_query
from logstream_query.routes.responses import json_response
from logstream_query.search.answer_limiter import AnswerLimiter
from logstream_query.search.search import Search


def logs_routes(search: Search, answer_limiter: AnswerLimiter, metrics: Metrics, *, clock: Callable[[], int]) -> Blueprint:
    """clock: microseconds since the epoch."""
    routes = Blueprint("logs", __name__, url_prefix="/api")

    @routes.get("/logs")
    def logs() -> Response:
        query = page_query(request.environ["QUERY_STRING"], clock())
        result = search.find(query.filter, query.order, query.after, query.limit)
        total = query.records_sent + len(result.records)
        next_cursor = None
        if result.position:
            next_cursor = Cursor(
                order=query.order, requested_at_us=query.requested_at_us, position=result.position, records_sent=total
            ).encode()
        metrics.returned_records.labels("/api/logs").inc(len(result.records))
        metrics.full_answers.labels("/api/logs").inc(result.is_full)
        body = {
            "records": [record(*row) for row in result.records],
            "next_cursor": next_cursor,
            "complete": result.position is None,
            "scanned_until": None if result.scanned_until_us is None else iso_micros(result.scanned_until_us),
            "found": total,
        }
        return json_response(answer_limiter, body)

    return routes
