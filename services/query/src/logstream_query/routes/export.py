"""The route /api/logs/export: every matching record, up to a number of them, as a file.

Records are read page by page, each page in its own transaction: a slow client holds no connection to the database, and no
more than a page is in memory. If the export fails, the response has no proper end, so a client sees that it is not whole.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from flask import Blueprint, Response, request
from logstream_contract.filters.filters import Filter
from logstream_contract.filters.parameters import InvalidParameters
from logstream_contract.filters.query_string import parameter_problem
from logstream_contract.rows.invisible import escape_invisible
from logstream_contract.rows.records import record
from typing_extensions import TypedDict

from logstream_query.metrics import Metrics
from logstream_query.questions.aggregate_parameters import ExportFormat, ExportParameters
from logstream_query.questions.cursors import Cursor, Order, Position
from logstream_query.questions.moments import as_datetime
from logstream_query.questions.queries import check_order, filter_of
from logstream_query.routes.csv_text import csv_header, csv_lines
from logstream_query.search.answer_limiter import AnswerLimiter
from logstream_query.search.search import Search, SearchResult
from logstream_query.store import Aggregates, StoredRecord
from logstream_query.store.counting import is_countable
from logstream_query.unavailable import ClientGone, Unavailable

log = logging.getLogger(__name__)

_ROUTE: Final = "/api/logs/export"
_MEDIA_TYPES: Final = {"ndjson": "application/x-ndjson", "csv": "text/csv; charset=utf-8; header=present"}
_FIRST_PAGE: Final = 500
_MAX_PAGE: Final = 5_000
# Large records are read in smaller pages. An export also counts for this many bytes among the responses of its process.
_PAGE_BYTES: Final = 2 * 1024 * 1024
# How often a page is tried, after the pause that the error names, before the export fails.
_TRIES: Final = 4


class ExportEnd(TypedDict):
    """The last line of an NDJSON export, under the key logstream_export. next_cursor: where to continue; null if
    complete."""

    records: int
    complete: bool
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportQuery:
    """The query of one export."""

    filter: Filter
    format: ExportFormat
    order: Order
    after: Position | None
    requested_at_us: int
    max_records: int
    records_sent: int = 0  # before the cursor


class Exporter:
    """Makes the bodies of exports. sleep: pauses only this request, in seconds."""

    def __init__(
        self, search: Search, answer_limiter: AnswerLimiter, metrics: Metrics, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._search = search
        self._answer_limiter = answer_limiter
        self._metrics = metrics
        self._sleep = sleep

    def hold(self) -> Callable[[], None]:
        """Counts an export until the returned function is called. Raises TooManyAnswers."""
        return self._answer_limiter.hold(_PAGE_BYTES)

    def first(self, query: ExportQuery) -> SearchResult:
        """The first page. Raises Unavailable."""
        return self._page(query, query.after, min(_FIRST_PAGE, query.max_records))

    def body(self, query: ExportQuery, result: SearchResult) -> Iterator[bytes]:
        """All pages from the first one on, in pieces. Raises Unavailable, which cuts the response off."""
        sent, page, outcome = 0, _FIRST_PAGE, "left"
        try:
            if query.format == "csv":
                yield csv_header()
            while True:
                if result.records:
                    lines = csv_lines(result.records) if query.format == "csv" else ndjson_lines(result.records)
                    count = len(result.records)
                    sent += count
                    page = next_page(page, count, len(lines))
                    # For a slow client, a page is in memory in one form, not in two.
                    result.records.clear()
                    yield lines
                    self._metrics.returned_records.labels(_ROUTE).inc(count)
                if result.position is None or sent >= query.max_records:
                    break
                result = self._find(query, result.position, min(page, query.max_records - sent))
            if query.format == "ndjson":
                yield _end(query, sent, result.position)
            outcome = "complete" if result.position is None else "capped"
        except ClientGone:
            # Noticed while a page was being read; there is no client to report an error to.
            raise
        except Unavailable as error:
            outcome = "failed"
            self._metrics.unavailable_requests.labels(error.reason).inc()
            log.warning("export failed", extra={"reason": error.reason, "error": str(error), "records": sent})
            raise
        except Exception:
            outcome = "failed"
            raise
        finally:
            self._metrics.exports.labels(query.format, outcome).inc()

    def _find(self, query: ExportQuery, after: Position, limit: int) -> SearchResult:
        for _ in range(_TRIES - 1):
            try:
                return self._page(query, after, limit)
            except Unavailable as error:
                if error.retry_after_s is None:
                    raise
                self._sleep(error.retry_after_s)
        return self._page(query, after, limit)

    def _page(self, query: ExportQuery, after: Position | None, limit: int) -> SearchResult:
        return self._search.find(query.filter, query.order, after, limit, most_bytes=_PAGE_BYTES)


def export_routes(aggregates: Aggregates, exporter: Exporter, *, most_records: int, clock: Callable[[], int]) -> Blueprint:
    """most_records: of one export. clock: microseconds since the epoch."""
    routes = Blueprint("export", __name__)

    @routes.get(_ROUTE)
    def export() -> Response:
        now_us = clock()
        query = _query(request.environ["QUERY_STRING"], now_us, most_records)
        release = exporter.hold()
        try:
            response = answer(query, now_us)
        except BaseException:
            release()
            raise
        response.call_on_close(release)
        return response

    def answer(query: ExportQuery, now_us: int) -> Response:
        result = exporter.first(query)
        headers = {
            "Content-Disposition": f'attachment; filename="{_file_name(now_us, query.format)}"',
            "X-Logstream-Max-Records": str(query.max_records),
            # nginx passes the response on as it comes, instead of buffering all of it for a slow client.
            "X-Accel-Buffering": "no",
        }
        if query.after is None and result.position is None:
            headers["X-Logstream-Matching-Records"] = str(len(result.records))
        elif query.after is None and is_countable(query.filter):
            total = aggregates.total(query.filter, now_us)
            if total is not None:
                headers["X-Logstream-Matching-Records"] = str(total)
        return Response(exporter.body(query, result), content_type=_MEDIA_TYPES[query.format], headers=headers)

    return routes


def ndjson_lines(records: Sequence[StoredRecord]) -> bytes:
    """One line for each record, as in /api/logs."""
    return escape_invisible(b"".join([orjson.dumps(record(*row), option=orjson.OPT_APPEND_NEWLINE) for row in records]))


def next_page(page: int, records: int, size_bytes: int) -> int:
    """How many records to request next, after a page with this many records for which `page` were requested."""
    fitting = _PAGE_BYTES * records // size_bytes
    return max(1, min(2 * page, _MAX_PAGE, fitting))


def _query(query_string: str, now_us: int, most_records: int) -> ExportQuery:
    """Raises InvalidParameters."""
    parameters, problems = ExportParameters.read(query_string)
    cursor = parameters.cursor
    requested_at_us = cursor.requested_at_us if cursor else now_us
    filter_ = filter_of(parameters, requested_at_us, problems)
    check_order(parameters.order, cursor, problems)
    max_records = most_records if parameters.max_records is None else parameters.max_records
    if max_records > most_records:
        expected = f"a whole number from 1 to {most_records}"
        problems.append(parameter_problem("max_records", str(max_records), expected))
    if problems:
        raise InvalidParameters(problems)
    return ExportQuery(
        filter=filter_,
        format=parameters.format,
        order=cursor.order if cursor else parameters.order or "desc",
        after=cursor.position if cursor else None,
        requested_at_us=requested_at_us,
        max_records=max_records,
        records_sent=cursor.records_sent if cursor else 0,
    )


def _end(query: ExportQuery, sent: int, position: Position | None) -> bytes:
    next_cursor = None
    if position:
        next_cursor = Cursor(
            order=query.order,
            requested_at_us=query.requested_at_us,
            position=position,
            records_sent=query.records_sent + sent,
        ).encode()
    end: ExportEnd = {"records": sent, "complete": position is None, "next_cursor": next_cursor}
    return orjson.dumps({"logstream_export": end}, option=orjson.OPT_APPEND_NEWLINE)


def _file_name(now_us: int, form: ExportFormat) -> str:
    return f"logstream-{as_datetime(now_us):%Y%m%dT%H%M%SZ}.{form}"
