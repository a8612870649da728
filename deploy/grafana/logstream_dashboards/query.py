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
    uid="logstream-query",
    title="logstream: query",
    description="Reading history: requests, their duration, searches, and connections to the database.",
    rows=[
        Row(
            "Requests",
            [
                Panel(
                    title="Requests by status",
                    unit=A_SECOND,
                    description=(
                        "Completed requests. 500 is an error in the service; for 503 and 504 see Unavailable below."
                    ),
                    queries=[Query(rate(_ANSWERS, "status"), "{{status}}")],
                    stacked=True,
                ),
                Panel(
                    title="Requests by route",
                    unit=A_SECOND,
                    description="Requests of the page and of scripts.",
                    queries=[Query(f"{rate(_ANSWERS, 'route')} > 0", "{{route}}")],
                    stacked=True,
                ),
                Panel(
                    title="Records returned by route",
                    unit=RECORDS_A_SECOND,
                    description="Records in responses. The large ones are exports.",
                    queries=[Query(rate("logstream_query_returned_records_total", "route"), "{{route}}")],
                    stacked=True,
                ),
                Panel(
                    title="Request duration, median",
                    unit=SECONDS,
                    description=(
                        "From reading a request until its response is ready. Tens of milliseconds; for an export, "
                        "until its first page is ready."
                    ),
                    queries=[Query(quantile(0.5, _SECONDS, "route"), "{{route}}")],
                    width=12,
                ),
                Panel(
                    title="Request duration, 95th percentile",
                    unit=SECONDS,
                    description=(
                        "Searches for rare texts take up to LOGSTREAM_QUERY_SEARCH_BUDGET_S and then report how far "
                        "they got."
                    ),
                    queries=[Query(quantile(0.95, _SECONDS, "route"), "{{route}}")],
                    width=12,
                ),
            ],
        ),
        Row(
            "Failed and refused",
            [
                Panel(
                    title="Unavailable by reason",
                    unit=A_SECOND,
                    description=(
                        "0 is normal, except for client_gone: a user closed the page. busy and searches: too many "
                        "requests at a time for the number of connections."
                    ),
                    queries=[Query(rate("logstream_query_unavailable_requests_total", "reason"), "{{reason}}")],
                    stacked=True,
                ),
                Panel(
                    title="Invalid parameters",
                    unit=A_SECOND,
                    description="Parameters named in responses with status 400.",
                    queries=[
                        Query(
                            rate("logstream_query_rejected_parameters_total", "route, parameter"), "{{route}} {{parameter}}"
                        )
                    ],
                    stacked=True,
                ),
                Panel(
                    title="Exports by outcome",
                    unit=A_SECOND,
                    description="complete, capped (more records match), left (by the client), failed (normally 0).",
                    queries=[Query(rate("logstream_query_exports_total", "format, outcome"), "{{format}} {{outcome}}")],
                    stacked=True,
                ),
                Panel(
                    title="Responses cut at their size limit",
                    unit=A_SECOND,
                    description=(
                        "Responses that ended at LOGSTREAM_QUERY_ANSWER_BYTES before they had all records; a cursor "
                        "continues them. Normal with large records."
                    ),
                    queries=[Query(rate("logstream_query_full_answers_total", "route"), "{{route}}")],
                    stacked=True,
                ),
                Panel(
                    title="Bytes held for clients",
                    unit=BYTES,
                    description=(
                        "Responses that clients have not read yet, per replica. At LOGSTREAM_QUERY_HELD_BYTES a "
                        "process refuses further requests."
                    ),
                    queries=[Query("logstream_query_held_bytes", "{{instance}}")],
                ),
                Panel(
                    title="Refused hosts and origins",
                    unit=A_SECOND,
                    description=(
                        "Requests with a host name that is not allowed, or from a page of an origin that is not "
                        "allowed: LOGSTREAM_ALLOWED_HOSTS, LOGSTREAM_ALLOWED_ORIGINS."
                    ),
                    queries=[Query(rate("logstream_query_refused_requests_total", "reason"), "{{reason}}")],
                    stacked=True,
                ),
            ],
        ),
        Row(
            "Database",
            [
                Panel(
                    title="Connections in use",
                    unit=COUNT,
                    description=(
                        "Connections used by a request, per replica. At most LOGSTREAM_QUERY_POOL_CONNECTIONS per process."
                    ),
                    queries=[Query("logstream_query_pool_used_connections", "{{instance}}")],
                ),
                Panel(
                    title="Waiting for a connection",
                    unit=COUNT,
                    description="Requests that wait for a connection. 0 except for short moments.",
                    queries=[Query("logstream_query_pool_waiting_requests", "{{instance}}")],
                ),
                Panel(
                    title="Searches",
                    unit=COUNT,
                    description="Requests that are searching records now.",
                    queries=[Query("logstream_query_searches", "{{instance}}")],
                ),
                Panel(
                    title="Slices and cancellations",
                    unit=A_SECOND,
                    description=(
                        "Search slices that took too long and were made smaller, and transactions cancelled because "
                        "the client disconnected. Some are normal."
                    ),
                    queries=[
                        Query(rate("logstream_query_slice_timeouts_total"), "slices made smaller"),
                        Query(rate("logstream_query_cancelled_transactions_total"), "cancelled"),
                    ],
                    width=24,
                ),
            ],
        ),
    ],
)
