"""The WSGI application: joins the routes, turns every error into a problem+json response, and counts every request."""

import logging
import time
from collections.abc import Callable
from typing import Final

from flask import Flask, Response, g, request
from logstream_contract.filters.parameters import InvalidParameters, label_of, names_of
from logstream_contract.filters.query_string import parameter_problem
from logstream_runtime.guard import Guard
from prometheus_client import CollectorRegistry
from werkzeug.exceptions import HTTPException

from logstream_query.config import Config
from logstream_query.metrics import Metrics
from logstream_query.questions.clients import KnownClients
from logstream_query.questions.parameters import HistoricalLogsParameters, LogsParameters
from logstream_query.routes.aggregate_routes import AGGREGATE_PARAMETERS, aggregate_routes
from logstream_query.routes.documentation import documentation_routes
from logstream_query.routes.health import health_routes
from logstream_query.routes.historical_logs import historical_logs_routes
from logstream_query.routes.logs import logs_routes
from logstream_query.routes.problems import problem_response
from logstream_query.search.answer_limiter import AnswerLimiter, AnswerLimits
from logstream_query.search.search import Search, SearchLimits
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
    config: Config,
    *,
    clock: Callable[[], int] = now_us,
) -> Flask:
    """registry: returns the one that /metrics shows. clock: microseconds since the epoch."""
    app = Flask("logstream_query", static_folder=None)
    app.wsgi_app = KnownClients(app.wsgi_app)  # type: ignore[method-assign]
    answer_limiter = AnswerLimiter(metrics, AnswerLimits.from_config(config))
    search = Search(store, metrics, limits=SearchLimits.from_config(config), answer_limiter=answer_limiter)
    app.register_blueprint(logs_routes(search, answer_limiter, metrics, clock=clock))
    for routes in aggregate_routes(
        store,
        search,
        answer_limiter,
        metrics=metrics,
        clock=clock,
        count_budget_s=config.count_budget_s,
        export_records=config.export_records,
    ):
        app.register_blueprint(routes)
    app.register_blueprint(
        historical_logs_routes(store, search, answer_limiter, metrics=metrics, zone=config.legacy_timezone, clock=clock)
    )
    app.register_blueprint(documentation_routes())
    app.register_blueprint(health_routes(store, registry))
    _answer_errors(app, metrics)
    _count_requests(app, metrics)
    metrics.expect_routes(rule.rule for rule in app.url_map.iter_rules())
    app.wsgi_app = Guard(  # type: ignore[method-assign]
        application=app.wsgi_app,
        hosts=config.allowed_hosts,
        origins=config.allowed_origins,
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
        expected = f"a valid PostgreSQL regular expression: {error}"
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
        text = "There is no such path. /api/docs lists all paths." if nowhere else error.description
        return problem_response(error.code or 500, text or "", headers=headers)

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        log.error("request failed", extra={"route": _route()}, exc_info=error)
        return problem_response(500, "The service failed to process the request; see its log for details.")


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
