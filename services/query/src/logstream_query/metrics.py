"""Every metric of the query service, declared in one place.

Counters start at 0 for every known label value. A series that appears only with its first event shows no increase.
"""

from collections.abc import Iterable
from itertools import product
from typing import Final

from logstream_runtime import guard
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from logstream_query import unavailable

UNAVAILABLE: Final = (
    unavailable.DatabaseUnavailable.reason,
    unavailable.DatabaseBusy.reason,
    unavailable.SchemaMissing.reason,
    unavailable.StatementTimeout.reason,
    unavailable.ClientGone.reason,
    unavailable.TooManySearches.reason,
    unavailable.TooManyAnswers.reason,
    unavailable.RegexTooExpensive.reason,
)
ROUTES_OF_RECORDS: Final = ("/api/logs", "/api/logs/facets", "/api/logs/<sequence>/context", "/historical-logs")
EXPORTS: Final = tuple(product(("csv", "ndjson"), ("complete", "capped", "left", "failed")))
_STATUSES: Final = ("200", "400", "500", "503")
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """`route` is the template of a route, or `unmatched`. Gauges are summed over the processes that are alive."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "logstream_query_requests", "Requests with a response.", ["route", "method", "status"], registry=registry
        )
        self.request_seconds = Histogram(
            "logstream_query_request_seconds",
            "Time from reading a request until its response was ready to be sent.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.refused_requests = Counter(
            "logstream_query_refused_requests",
            "Requests refused unread: host (a host name that is not allowed), origin (a page of another origin).",
            ["reason"],
            registry=registry,
        )
        self.rejected_parameters = Counter(
            "logstream_query_rejected_parameters",
            "Parameters named in a 400 response; `parameter` is `unknown` for a name that the route does not have.",
            ["route", "parameter"],
            registry=registry,
        )
        self.returned_records = Counter(
            "logstream_query_returned_records", "Records sent in responses.", ["route"], registry=registry
        )
        self.exports = Counter(
            "logstream_query_exports",
            "Finished exports: complete, capped (more records match), left (the client disconnected), failed.",
            ["format", "outcome"],
            registry=registry,
        )
        self.unavailable_requests = Counter(
            "logstream_query_unavailable_requests",
            "Requests that failed: away (the database is unavailable), busy (no connection free in time), timeout, schema "
            "(no tables), searches (too many at the same time), answers (too many responses or bytes of responses), regex "
            "(too expensive), client_gone (the client disconnected).",
            ["reason"],
            registry=registry,
        )
        self.held_bytes = Gauge(
            "logstream_query_held_bytes",
            "Bytes of responses that are ready and that clients have not read yet.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.full_answers = Counter(
            "logstream_query_full_answers",
            "Responses that ended before they had the requested records, because of their size.",
            ["route"],
            registry=registry,
        )
        self.searches = Gauge(
            "logstream_query_searches",
            "Requests that are searching records.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.slice_timeouts = Counter(
            "logstream_query_slice_timeouts",
            "Slices of searches that took too long and were retried with a smaller size.",
            registry=registry,
        )
        self.cancelled_transactions = Counter(
            "logstream_query_cancelled_transactions",
            "Transactions cancelled in the database: client_gone (the client disconnected).",
            ["reason"],
            registry=registry,
        )
        self.pool_waiting_requests = Gauge(
            "logstream_query_pool_waiting_requests",
            "Requests waiting for a database connection.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.pool_used_connections = Gauge(
            "logstream_query_pool_used_connections",
            "Database connections in use by a request.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        for reason in guard.REFUSED:
            self.refused_requests.labels(reason)
        for reason in UNAVAILABLE:
            self.unavailable_requests.labels(reason)
        for export in EXPORTS:
            self.exports.labels(*export)
        self.cancelled_transactions.labels("client_gone")
        for route in ROUTES_OF_RECORDS:
            self.full_answers.labels(route)

    def expect_routes(self, routes: Iterable[str]) -> None:
        """Starts the counters of these routes at 0. routes: their templates."""
        for route in routes:
            self.request_seconds.labels(route)
            for status in _STATUSES:
                self.requests.labels(route, "GET", status)
