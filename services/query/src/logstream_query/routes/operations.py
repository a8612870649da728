"""The list of the routes under /api and of the route of grpc-log-stream, one entry for each. The OpenAPI document is made
from it. A test keeps the list and the application's routes the same."""

from types import MappingProxyType
from typing import Any, Final

from logstream_query.questions.aggregate_parameters import (
    ContextParameters,
    ExportParameters,
    FacetsParameters,
    HistogramParameters,
    StatsParameters,
)
from logstream_query.questions.parameters import HistoricalLogsParameters, LogsParameters
from logstream_query.routes.answers import Context, Page, Problem, SeedRecord
from logstream_query.routes.facets import Facets
from logstream_query.routes.histogram import Histogram
from logstream_query.routes.openapi import Answer, Api, Operation
from logstream_query.routes.problems import MEDIA_TYPE
from logstream_query.routes.stats import Stats

_JSON: Final = "application/json"
_HTML: Final = "text/html; charset=utf-8"
_PROBLEM: Final = MappingProxyType({MEDIA_TYPE: Problem})
_RETRY_AFTER: Final = MappingProxyType(
    {"Retry-After": {"description": "Seconds to wait before the next attempt.", "schema": {"type": "integer", "minimum": 1}}}
)

PROBLEMS: Final = MappingProxyType(
    {
        400: ("InvalidParameters", Answer("Parameters are unreadable or unknown, or contradict each other.", _PROBLEM)),
        403: ("ForeignPage", Answer("The request comes from a page of another origin that is not allowed.", _PROBLEM)),
        404: ("NotFound", Answer("No record has this sequence.", _PROBLEM)),
        414: (
            "UriTooLong",
            Answer(
                "The request line is longer than 8,190 bytes. This response is made before the service reads the request. "
                "On the service's own port, without the page's proxy, it is HTML.",
                _PROBLEM,
            ),
        ),
        421: ("Misdirected", Answer("The host name is not one of the allowed ones.", _PROBLEM)),
        429: (
            "TooManySearches",
            Answer(
                "Too many searches are running, or too many responses to this client are being sent.", _PROBLEM, _RETRY_AFTER
            ),
        ),
        500: ("InternalError", Answer("The service failed; see its log for details.", _PROBLEM)),
        502: ("QueryUnreachable", Answer("The page's proxy cannot reach the query service.", _PROBLEM)),
        503: (
            "Unavailable",
            Answer(
                "The database is unavailable or not migrated yet, or all connections to it are in use; or too many "
                "responses are being prepared, or are waiting for their clients to read them.",
                _PROBLEM,
                _RETRY_AFTER,
            ),
        ),
        504: (
            "TooSlow",
            Answer(
                "The database took too long. Use a shorter time range or more filters. If a regular expression was the "
                "cause, the title says so.",
                _PROBLEM,
            ),
        ),
    }
)

# The statuses of every route, of a route with parameters, and of a route that searches.
_ALWAYS: Final = (403, 421, 500, 502)
_READING: Final = (400, 414, *_ALWAYS, 503, 504)
_SEARCHING: Final = (*_READING, 429)
_EXPORT_HEADERS: Final = MappingProxyType(
    {
        "Content-Disposition": {"description": "A file name.", "schema": {"type": "string"}},
        "X-Logstream-Max-Records": {
            "description": "Maximum number of records in this export.",
            "schema": {"type": "integer", "minimum": 1},
        },
        "X-Logstream-Matching-Records": {
            "description": "The number of records that match, if it is known when the export begins.",
            "schema": {"type": "integer", "minimum": 0},
        },
    }
)


def _ok(description: str, body: Any, media_type: str = _JSON) -> dict[int, Answer]:
    return {200: Answer(description, {media_type: body})}


OPERATIONS: Final = (
    Operation(
        path="/api/logs",
        name="findLogs",
        summary="Returns stored records, page by page",
        answers=_ok("Matching records.", Page),
        problems=_SEARCHING,
        description="A record matches if every given filter matches. Records are ordered by time, then sequence. "
        "Paging never repeats a record, and new records do not shift the pages. A relative time keeps the meaning that it "
        "had on the first page. A page ends after `limit` records, after about 8 MiB of them, or when "
        "its time is up. Only a page whose `next_cursor` is null is the last.",
        parameters=LogsParameters,
    ),
    Operation(
        path="/api/logs/histogram",
        name="countLogs",
        summary="Returns how many records match, by time and level",
        answers=_ok("Bars from the first to the last, including empty ones.", Histogram),
        problems=_SEARCHING,
        description="If the filter has only time, level and node, and bars are whole minutes wide, the result comes from "
        "stored counts. Otherwise records are counted from newest to oldest within a time budget: `complete` and "
        "`scanned_from` say how far that went.",
        parameters=HistogramParameters,
    ),
    Operation(
        path="/api/logs/facets",
        name="findFacets",
        summary="Returns the most frequent levels, nodes and attributes of the records that match",
        answers=_ok("Values with their counts, the most frequent first.", Facets),
        problems=_SEARCHING,
        description="If the filter has only time, level and node, levels and nodes are counted over all matching records. "
        "Attributes, and with other filters levels and nodes, are counted over the newest records, up to about 8 MiB: "
        "`over` says over how many. At most 100 keys and 5,000 of their values are listed, and none of more than 256 "
        "characters.",
        parameters=FacetsParameters,
    ),
    Operation(
        path="/api/logs/{sequence}/context",
        name="findContext",
        summary="Returns the records around one record",
        answers=_ok("The record and its neighbours.", Context),
        problems=(*_READING, 404),
        description="Neighbours are ordered by time, then sequence, up to about 4 MiB per side: `complete` says whether "
        "there may be more.",
        parameters=ContextParameters,
        path_parameters={
            "sequence": {
                "description": "The sequence of the record.",
                "type": "string",
                "pattern": "^[0-9]{1,19}$",
                "examples": ["65536"],
            }
        },
    ),
    Operation(
        path="/api/logs/export",
        name="exportLogs",
        summary="Returns every matching record, as a file",
        answers={200: Answer("The records.", {"application/x-ndjson": None, "text/csv": None}, _EXPORT_HEADERS)},
        problems=_SEARCHING,
        description='NDJSON ends with a line `{"logstream_export": {"records", "complete", "next_cursor"}}`. In CSV, a cell '
        "that a spreadsheet would take for a formula begins with an apostrophe, and control characters are escaped. If the "
        "export fails in the middle, the response is truncated.",
        parameters=ExportParameters,
    ),
    Operation(
        path="/api/stats",
        name="readStats",
        summary="Returns how much is stored and how much comes in",
        answers=_ok("The statistics, up to a few seconds old.", Stats),
        problems=_READING,
        parameters=StatsParameters,
    ),
    Operation(
        path="/historical-logs",
        name="findHistoricalLogs",
        summary="Returns stored records in the format of grpc-log-stream",
        answers=_ok("Matching records, newest first.", list[SeedRecord]),
        problems=_SEARCHING,
        description="This route exists for the clients of grpc-log-stream. Unknown parameters are ignored. A time without "
        "a zone is read in `LOGSTREAM_LEGACY_TIMEZONE`.",
        parameters=HistoricalLogsParameters,
    ),
    Operation(
        path="/api/openapi.json",
        name="describeApi",
        summary="Returns this description, as an OpenAPI 3.1 document",
        answers=_ok("The document.", dict[str, Any]),
        problems=_ALWAYS,
    ),
    Operation(
        path="/api/docs",
        name="readApiDocs",
        summary="Returns this description, as a page to read",
        answers=_ok("The page.", None, _HTML),
        problems=_ALWAYS,
    ),
)

API: Final = Api(
    title="logstream",
    description="Searches, counts and exports stored logs. An empty parameter counts as absent; an unknown or repeated one "
    "is an error. Every path that accepts GET also accepts HEAD; other methods return 405. Times are UTC unless they name a "
    "zone. Every error is `application/problem+json` (RFC 9457).",
    problems=PROBLEMS,
    operations=OPERATIONS,
)
