"""The query service: requests, searches, and its connections to the database."""

from typing import Final

from logstream_dashboards.panels import (
    A_SECOND,
    BYTES,
    COUNT,
    RECORDS_A_SECOND,
    SECONDS,
    Board,
    Panel,
    Query,
    Row,
    quantile,
    rate,
)

_SECONDS: Final = "logstream_query_request_seconds"
_ANSWERS: Final = "logstream_query_requests_total"

BOARD: Final = Board(
    "logstream-query",
    "logstream: query",
    "Reading history: requests, their duration, searches, and connections to the database.",
    [
        Row(
            "Requests",
            [
                Panel(
                    "Requests by status",
                    A_SECOND,
                    "Completed requests. 500 is an error in the service; for 503 and 504 see Unavailable below.",
                    [Query(rate(_ANSWERS, "status"), "{{status}}")],
                    stacked=True,
                ),
                Panel(
                    "Requests by route",
                    A_SECOND,
                    "Requests of the page and of scripts.",
                    [Query(f"{rate(_ANSWERS, 'route')} > 0", "{{route}}")],
                    stacked=True,
                ),
                Panel(
                    "Records returned by route",
                    RECORDS_A_SECOND,
                    "Records in responses. The large ones are exports.",
                    [Query(rate("logstream_query_returned_records_total", "route"), "{{route}}")],
                    stacked=True,
                ),
                Panel(
                    "Request duration, median",
                    SECONDS,
                    "From reading a request until its response is ready. Tens of milliseconds; for an export, until its"
                    " first page is ready.",
                    [Query(quantile(0.5, _SECONDS, "route"), "{{route}}")],
                    width=12,
                ),
                Panel(
                    "Request duration, 95th percentile",
                    SECONDS,
                    "Searches for rare texts take up to LOGSTREAM_QUERY_SEARCH_BUDGET_S and then report how far they got.",
                    [Query(quantile(0.95, _SECONDS, "route"), "{{route}}")],
                    width=12,
                ),
            ],
        ),
        Row(
            "Failed and refused",
            [
                Panel(
                    "Unavailable by reason",
                    A_SECOND,
                    "0 is normal, except for client_gone: a user closed the page. busy and searches: too many requests "
                    "at a time for the number of connections.",
                    [Query(rate("logstream_query_unavailable_requests_total", "reason"), "{{reason}}")],
                    stacked=True,
                ),
                Panel(
                    "Invalid parameters",
                    A_SECOND,
                    "Parameters named in responses with status 400.",
                    [
                        Query(
                            rate("logstream_query_rejected_parameters_total", "route, parameter"), "{{route}} {{parameter}}"
                        )
                    ],
                    stacked=True,
                ),
                Panel(
                    "Exports by outcome",
                    A_SECOND,
                    "complete, capped (more records match), left (by the client), failed (normally 0).",
                    [Query(rate("logstream_query_exports_total", "format, outcome"), "{{format}} {{outcome}}")],
                    stacked=True,
                ),
                Panel(
                    "Responses cut at their size limit",
                    A_SECOND,
                    "Responses that ended at LOGSTREAM_QUERY_ANSWER_BYTES before they had all records; a cursor "
                    "continues them. Normal with large records.",
                    [Query(rate("logstream_query_full_answers_total", "route"), "{{route}}")],
                    stacked=True,
                ),
                Panel(
                    "Bytes held for clients",
                    BYTES,
                    "Responses that clients have not read yet, per replica. At LOGSTREAM_QUERY_HELD_BYTES a process "
                    "refuses further requests.",
                    [Query("logstream_query_held_bytes", "{{instance}}")],
                ),
                Panel(
                    "Refused hosts and origins",
                    A_SECOND,
                    "Requests with a host name that is not allowed, or from a page of an origin that is not allowed: "
                    "LOGSTREAM_ALLOWED_HOSTS, LOGSTREAM_ALLOWED_ORIGINS.",
                    [Query(rate("logstream_query_refused_requests_total", "reason"), "{{reason}}")],
                    stacked=True,
                ),
            ],
        ),
        Row(
            "Database",
            [
                Panel(
                    "Connections in use",
                    COUNT,
                    "Connections used by a request, per replica. At most LOGSTREAM_QUERY_POOL_CONNECTIONS per process.",
                    [Query("logstream_query_pool_used_connections", "{{instance}}")],
                ),
                Panel(
                    "Waiting for a connection",
                    COUNT,
                    "Requests that wait for a connection. 0 except for short moments.",
                    [Query("logstream_query_pool_waiting_requests", "{{instance}}")],
                ),
                Panel(
                    "Searches",
                    COUNT,
                    "Requests that are searching records now.",
                    [Query("logstream_query_searches", "{{instance}}")],
                ),
                Panel(
                    "Slices and cancellations",
                    A_SECOND,
                    "Search slices that took too long and were made smaller, and transactions cancelled because the "
                    "client disconnected. Some are normal.",
                    [
                        Query(rate("logstream_query_slice_timeouts_total"), "slices made smaller"),
                        Query(rate("logstream_query_cancelled_transactions_total"), "cancelled"),
                    ],
                    width=24,
                ),
            ],
        ),
    ],
)
