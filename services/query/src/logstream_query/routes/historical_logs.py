"""The route /historical-logs of grpc-log-stream, unchanged except for its order: by time, then sequence."""

from collections.abc import Callable
from datetime import tzinfo

from flask import Blueprint, Response, request
from logstream_contract.rows.records import seed_record

from logstream_query.metrics import Metrics
from logstream_query.questions.queries import historical_query
from logstream_query.routes.responses import json_response
from logstream_query.search.answer_limiter import AnswerLimiter
from logstream_query.search.search import Search
from logstream_query.store import Store, StoredRecord


def historical_logs_routes(
    store: Store, search: Search, answer_limiter: AnswerLimiter, *, metrics: Metrics, zone: tzinfo, clock: Callable[[], int]
) -> Blueprint:
    """zone: of times without one. clock: microseconds since the epoch."""
    routes = Blueprint("historical_logs", __name__)

    @routes.get("/historical-logs")
    def historical_logs() -> Response:
        query = historical_query(request.environ["QUERY_STRING"], clock(), zone)
        records: list[StoredRecord] = []
        after = None if query.after_sequence is None else store.position_of(query.after_sequence)
        # What came after a record that is no longer stored was older still, so it is gone too.
        if after or query.after_sequence is None:
            result = search.find_all(query.filter, "desc", after, query.limit)
            records = result.records
            metrics.full_answers.labels("/historical-logs").inc(result.is_full)
        metrics.returned_records.labels("/historical-logs").inc(len(records))
        body = [
            seed_record(sequence, time_us, level, node, message) for sequence, time_us, _, level, node, message, _ in records
        ]
        return json_response(answer_limiter, body)

    return routes
