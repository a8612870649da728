"""The route /api/logs/<sequence>/context: the records around one."""

from flask import Blueprint, Response, request
from logstream_contract.filters.parameters import InvalidParameters
from logstream_contract.filters.query_string import parameter_problem
from logstream_contract.rows.records import Record, record
from typing_extensions import TypedDict
from werkzeug.exceptions import NotFound

from logstream_query.metrics import Metrics
from logstream_query.questions.aggregate_parameters import ContextParameters, read_whole_number
from logstream_query.questions.cursors import MAX_SEQUENCE
from logstream_query.routes.responses import json_response
from logstream_query.search.answer_limiter import AnswerLimiter
from logstream_query.store import Neighbours

_ROUTE = "/api/logs/<sequence>/context"


class Complete(TypedDict):
    """Whether a side holds as many records as requested, or all that there are. Otherwise the search ended early or the
    records were too large, and there may be more."""

    before: bool
    after: bool


class Context(TypedDict):
    """Oldest first."""

    before: list[Record]
    record: Record
    after: list[Record]
    complete: Complete


def context_routes(neighbours: Neighbours, answer_limiter: AnswerLimiter, metrics: Metrics) -> Blueprint:
    routes = Blueprint("context", __name__)

    @routes.get(_ROUTE)
    def context(sequence: str) -> Response:
        parameters, problems = ContextParameters.read(request.environ["QUERY_STRING"])
        number = 0
        try:
            number = read_whole_number(sequence, 0, MAX_SEQUENCE)
        except ValueError as error:
            problems.append(parameter_problem("sequence", sequence, str(error)))
        if problems:
            raise InvalidParameters(problems)
        neighbourhood = answer_limiter.make(
            lambda begin_large: neighbours.of(
                number, parameters.before, parameters.after, same_node=parameters.scope == "node", begin_large=begin_large
            )
        )
        if neighbourhood is None:
            raise NotFound(f"no record with sequence {number} is stored: it never existed, or it was deleted by retention")
        metrics.returned_records.labels(_ROUTE).inc(len(neighbourhood.before.records) + 1 + len(neighbourhood.after.records))
        metrics.full_answers.labels(_ROUTE).inc(neighbourhood.before.is_full or neighbourhood.after.is_full)
        body: Context = {
            "before": [record(*row) for row in reversed(neighbourhood.before.records)],
            "record": record(*neighbourhood.record),
            "after": [record(*row) for row in neighbourhood.after.records],
            "complete": {"before": neighbourhood.before.complete, "after": neighbourhood.after.complete},
        }
        return json_response(answer_limiter, body)

    return routes
