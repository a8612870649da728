"""The WSGI application: routes joined, every error turned into a problem+json answer, every request counted."""

import logging
import time
from collections.abc import Callable
from datetime import tzinfo
from typing import Final

from flask import Flask, Response, g, request
from logstream_contract.filters.parameters import label_of
from logstream_runtime.guard import Guard, Hosts, Origins
from prometheus_client import CollectorRegistry
from werkzeug.exceptions import HTTPException

from logstream_query.aggregate_routes import AGGREGATE_PARAMETERS, aggregate_routes
from logstream_query.answering import Answering, AnswerLimits
from logstream_query.api import api_routes
from logstream_query.clients import KnownClients
from logstream_query.documentation import documentation_routes
from logstream_query.health import health_routes
from logstream_query.historical_logs import historical_logs_routes
from logstream_query.metrics import Metrics
from logstream_query.parameters import HistoricalLogsParameters, LogsParameters, names_of
from logstream_query.problems import InvalidParameters, parameter_problem, problem_response
from logstream_query.search import Search, SearchLimits
from logstream_query.store import InvalidRegex, Store
from logstream_query.unavailable import Unavailable

log = logging.getLogger(__name__)

_PARAMETERS: Final = frozenset(names_of(LogsParameters) + names_of(HistoricalLogsParameters) + AGGREGATE_PARAMETERS)
_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


def now_us() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1_000


def create_app(
    store: Store,
    metrics: Metrics,
    registry: Callable[[], CollectorRegistry],
    zone: tzinfo,
    clock: Callable[[], int] = now_us,
    limits: SearchLimits | None = None,
    *,
    answer_limits: AnswerLimits | None = None,
    count_budget_s: float = 1.0,
    export_records: int = 1_000_000,
    hosts: Hosts | None = None,
    origins: Origins | None = None,
) -> Flask:
    """registry: gives the one to answer /metrics from. zone: of /historical-logs times that name none. hosts, origins:
    besides our own, see logstream_runtime.guard."""
    app = Flask("logstream_query", static_folder=None)
    app.wsgi_app = KnownClients(app.wsgi_app)  # type: ignore[method-assign]
    answering = Answering(metrics, answer_limits)
    search = Search(store, metrics, limits, answering)
    app.register_blueprint(api_routes(search, answering, metrics, clock))
    for routes in aggregate_routes(store, search, answering, metrics, clock, count_budget_s, export_records):
        app.register_blueprint(routes)
    app.register_blueprint(historical_logs_routes(store, search, answering, metrics, zone, clock))
    app.register_blueprint(documentation_routes())
    app.register_blueprint(health_routes(store, registry))
    _answer_errors(app, metrics)
    _count_requests(app, metrics)
    metrics.expect_routes(rule.rule for rule in app.url_map.iter_rules())
    app.wsgi_app = Guard(  # type: ignore[method-assign]
        application=app.wsgi_app,
        hosts=hosts or Hosts(),
        origins=origins or Origins(),
        on_refusal=lambda reason: metrics.refused_requests.labels(reason).inc(),
    )
    return app


def _answer_errors(app: Flask, metrics: Metrics) -> None:
    @app.errorhandler(InvalidParameters)
    def invalid_parameters(error: InvalidParameters) -> Response:
        for problem in error.problems:
            name = label_of(problem["name"])
            metrics.rejected_parameters.labels(_route(), name if name in _PARAMETERS else "unknown").inc()
        return problem_response(400, str(error), title="Invalid parameters", problems=error.problems)

    @app.errorhandler(InvalidRegex)
    def invalid_regex(error: InvalidRegex) -> Response:
        expected = f"a regular expression as PostgreSQL has them: {error}"
        return invalid_parameters(InvalidParameters([parameter_problem("regex", request.args.get("regex", ""), expected)]))

    @app.errorhandler(Unavailable)
    def unavailable(error: Unavailable) -> Response:
        metrics.unavailable_requests.labels(error.reason).inc()
        headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
        return problem_response(error.status, str(error), title=error.title, headers=headers)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        headers = {name: value for name, value in error.get_headers() if name == "Allow"}
        nowhere = error.code == 404 and not request.url_rule
        text = "There is no such address. /api/docs lists those there are." if nowhere else error.description
        return problem_response(error.code or 500, text or "", headers=headers)

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        log.error("request failed", extra={"route": _route()}, exc_info=error)
        return problem_response(500, "The request failed for a reason of the service's own; its log says more.")


def _count_requests(app: Flask, metrics: Metrics) -> None:
    @app.before_request
    def start() -> None:
        g.started_s = time.monotonic()

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers.setdefault("Cache-Control", "no-store")
        method = request.method if request.method in _METHODS else "other"
        metrics.requests.labels(_route(), method, str(response.status_code)).inc()
        metrics.request_seconds.labels(_route()).observe(time.monotonic() - g.started_s)
        return response


def _route() -> str:
    return request.url_rule.rule if request.url_rule else "unmatched"
