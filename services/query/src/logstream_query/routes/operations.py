"""The list of what this service answers under /api, and of the seed's route: one entry a route, from which the document is
made. A test holds the list and the application's routes together."""

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
    {"Retry-After": {"description": "Seconds to wait before asking again.", "schema": {"type": "integer", "minimum": 1}}}
)

PROBLEMS: Final = MappingProxyType(
    {
        400: ("InvalidParameters", Answer("Parameters can't be read, are unknown, or don't go together.", _PROBLEM)),
        403: ("ForeignPage", Answer("A page of another origin asks, which is not allowed to.", _PROBLEM)),
        404: ("NotFound", Answer("Nothing is stored under this name.", _PROBLEM)),
        414: (
            "UriTooLong",
            Answer(
                "The request line is longer than 8,190 bytes. Answered before the service reads it; by its own port, "
                "without the page's proxy, as HTML.",
                _PROBLEM,
            ),
        ),
        421: ("Misdirected", Answer("The host name is none of those that are allowed.", _PROBLEM)),
        429: (
            "TooManySearches",
            Answer("As many searches run, or answers of this client are under way, as may be.", _PROBLEM, _RETRY_AFTER),
        ),
        500: ("InternalError", Answer("The service failed; its log says more.", _PROBLEM)),
        502: ("QueryUnreachable", Answer("The page's proxy can't reach the query service.", _PROBLEM)),
        503: (
            "Unavailable",
            Answer(
                "The database is away, not migrated yet, or all connections to it are in use; or too many answers are being "
                "made, or not yet taken by their clients.",
                _PROBLEM,
                _RETRY_AFTER,
            ),
        ),
        504: (
            "TooSlow",
            Answer(
                "The database took longer than it may: ask for a shorter time range, or filter more. If that was for a "
                "regular expression, the title says so.",
                _PROBLEM,
            ),
        ),
    }
)

# What every route can answer, what one with parameters can, and one that asks the database.
_ALWAYS: Final = (403, 421, 500, 502)
_READING: Final = (400, 414, *_ALWAYS, 503, 504)
_SEARCHING: Final = (*_READING, 429)
_EXPORT_HEADERS: Final = MappingProxyType(
    {
        "Content-Disposition": {"description": "A file name.", "schema": {"type": "string"}},
        "X-Logstream-Max-Records": {
            "description": "Records of this export at most.",
            "schema": {"type": "integer", "minimum": 1},
        },
        "X-Logstream-Matching-Records": {
            "description": "Records that match; only if filtered by nothing but time, level and node.",
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
        summary="Stored records, page by page",
        answers=_ok("Matching records.", Page),
        problems=_SEARCHING,
        description="A record matches if every filter given does. Pages are in the order of time, then sequence. A walk "
        "from page to "
        "page never repeats or shifts: new records don't move it, and relative times mean on every page what they meant on "
        "the first. A page ends with `limit` records, after about 8 MiB of them, or when its time is up: only the one whose "
        "`next_cursor` is null is the last.",
        parameters=LogsParameters,
    ),
    Operation(
        path="/api/logs/histogram",
        name="countLogs",
        summary="How many records match, by time and level",
        answers=_ok("Bars from the first to the last, empty ones too.", Histogram),
        problems=_SEARCHING,
        description="Filtered by time, level and node only, and in bars of whole minutes, it is answered from stored "
        "counts. Else "
        "records are counted from newest to oldest within a budget: `complete` and `scanned_from` say how far that went.",
        parameters=HistogramParameters,
    ),
    Operation(
        path="/api/logs/facets",
        name="findFacets",
        summary="The most frequent levels, nodes and attributes of the records that match",
        answers=_ok("Values with their counts, the most frequent first.", Facets),
        problems=_SEARCHING,
        description="Filtered by time, level and node only, levels and nodes are counted over all matching records. "
        "Attributes, and "
        "with other filters levels and nodes too, are counted over the newest ones, up to about 8 MiB: `over` says over how "
        "many. At most 100 keys and 5,000 of their values are listed, none of more than 256 characters.",
        parameters=FacetsParameters,
    ),
    Operation(
        path="/api/logs/{sequence}/context",
        name="findContext",
        summary="The records around one",
        answers=_ok("The record and its neighbours.", Context),
        problems=(*_READING, 404),
        description="Neighbours in the order of time, then sequence, up to about 4 MiB a side: `complete` says whether "
        "there may be "
        "more.",
        parameters=ContextParameters,
        path_parameters={
            "sequence": {
                "description": "Of the record.",
                "type": "string",
                "pattern": "^[0-9]{1,19}$",
                "examples": ["65536"],
            }
        },
    ),
    Operation(
        path="/api/logs/export",
        name="exportLogs",
        summary="Every matching record, as a file",
        answers={200: Answer("The records.", {"application/x-ndjson": None, "text/csv": None}, _EXPORT_HEADERS)},
        problems=_SEARCHING,
        description='NDJSON ends with a line `{"logstream_export": {"records", "complete", "next_cursor"}}`. In CSV a '
        "cell that a "
        "spreadsheet would take for a formula begins with an apostrophe, and control characters are escaped. An answer that "
        "breaks off is never ended cleanly.",
        parameters=ExportParameters,
    ),
    Operation(
        path="/api/stats",
        name="readStats",
        summary="How much is stored and how much comes in",
        answers=_ok("Up to a few seconds old.", Stats),
        problems=_READING,
        parameters=StatsParameters,
    ),
    Operation(
        path="/historical-logs",
        name="findHistoricalLogs",
        summary="Stored records as grpc-log-stream gave them",
        answers=_ok("Matching records, newest first.", list[SeedRecord]),
        problems=_SEARCHING,
        description="Kept for its clients. Parameters that it doesn't know are overlooked. A time that names no zone is "
        "read in "
        "`LOGSTREAM_LEGACY_TIMEZONE`.",
        parameters=HistoricalLogsParameters,
    ),
    Operation(
        path="/api/openapi.json",
        name="describeApi",
        summary="This description, as an OpenAPI 3.1 document",
        answers=_ok("The document.", dict[str, Any]),
        problems=_ALWAYS,
    ),
    Operation(
        path="/api/docs",
        name="readApiDocs",
        summary="This description, as a page for people",
        answers=_ok("The page.", None, _HTML),
        problems=_ALWAYS,
    ),
)

API: Final = Api(
    title="logstream",
    description="Answers questions about stored logs. A parameter given as the empty string counts as absent; one "
    "that is unknown or "
    "given twice is an error. HEAD is answered wherever GET is, any other method with 405. Times are UTC unless they say "
    "otherwise. Every error is `application/problem+json` (RFC 9457).",
    problems=PROBLEMS,
    operations=OPERATIONS,
)
