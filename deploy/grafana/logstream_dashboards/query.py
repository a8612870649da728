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
    "How history is read: requests, their time, searches, and connections to the database.",
    [
        Row(
            "Requests",
            [
                Panel(
                    "Requests by status",
                    A_SECOND,
                    "Requests answered. 500 is a fault of the service; 503 and 504 are unavailable, see below.",
                    [Query(rate(_ANSWERS, "status"), "{{status}}")],
                    stacked=True,
                ),
                Panel(
                    "Requests by route",
                    A_SECOND,
                    "What the page and scripts ask for.",
                    [Query(f"{rate(_ANSWERS, 'route')} > 0", "{{route}}")],
                    stacked=True,
                ),
                Panel(
                    "Records returned by route",
                    RECORDS_A_SECOND,
                    "Records sent in answers. Exports are the large ones.",
                    [Query(rate("logstream_query_returned_records_total", "route"), "{{route}}")],
                    stacked=True,
                ),
                Panel(
                    "Half of all requests",
                    SECONDS,
                    "From reading a request until its answer is ready. Tens of milliseconds; an export ends when its first "
                    "page is ready.",
                    [Query(quantile(0.5, _SECONDS, "route"), "{{route}}")],
                    width=12,
                ),
                Panel(
                    "The slowest twentieth",
                    SECONDS,
                    "Searches for texts that are rare take up to LOGSTREAM_QUERY_SEARCH_BUDGET_S and then answer "
                    "how far they "
                    "got.",
                    [Query(quantile(0.95, _SECONDS, "route"), "{{route}}")],
                    width=12,
                ),
            ],
        ),
        Row(
            "Not answered",
            [
                Panel(
                    "Unavailable by reason",
                    A_SECOND,
                    "0 is normal but for client_gone: somebody closed the page. busy and searches: too much at a "
                    "time for this "
                    "many connections.",
                    [Query(rate("logstream_query_unavailable_requests_total", "reason"), "{{reason}}")],
                    stacked=True,
                ),
                Panel(
                    "Wrong parameters",
                    A_SECOND,
                    "Parameters named in 400 answers.",
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
                    "complete, capped (more records match), left (by the client), failed. The last is 0.",
                    [Query(rate("logstream_query_exports_total", "format, outcome"), "{{format}} {{outcome}}")],
                    stacked=True,
                ),
                Panel(
                    "Ended by their bytes",
                    A_SECOND,
                    "Answers that ended at LOGSTREAM_QUERY_ANSWER_BYTES, before they had all records; a cursor goes "
                    "on. Normal with large records.",
                    [Query(rate("logstream_query_full_answers_total", "route"), "{{route}}")],
                    stacked=True,
                ),
                Panel(
                    "Bytes held for clients",
                    BYTES,
                    "Answers made and not taken yet, in each replica. At LOGSTREAM_QUERY_HELD_BYTES of a process, more "
                    "are refused.",
                    [Query("logstream_query_held_bytes", "{{instance}}")],
                ),
                Panel(
                    "Turned away",
                    A_SECOND,
                    "Requests by a host name that is not allowed, or for another origin's page: LOGSTREAM_ALLOWED_HOSTS, "
                    "LOGSTREAM_ALLOWED_ORIGINS.",
                    [Query(rate("logstream_query_refused_requests_total", "reason"), "{{reason}}")],
                    stacked=True,
                ),
            ],
        ),
        Row(
            "At the database",
            [
                Panel(
                    "Connections in use",
                    COUNT,
                    "Connections that a request works with, of each replica: LOGSTREAM_QUERY_POOL_CONNECTIONS "
                    "for each process.",
                    [Query("logstream_query_pool_used_connections", "{{instance}}")],
                ),
                Panel(
                    "Waiting for a connection",
                    COUNT,
                    "Requests that wait. 0 but for moments.",
                    [Query("logstream_query_pool_waiting_requests", "{{instance}}")],
                ),
                Panel(
                    "Searches",
                    COUNT,
                    "Requests that look through records at the moment.",
                    [Query("logstream_query_searches", "{{instance}}")],
                ),
                Panel(
                    "Slices and cancellations",
                    A_SECOND,
                    "Slices of searches that took too long and were made smaller, and transactions cancelled because nobody "
                    "waited any more. Some are normal.",
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
