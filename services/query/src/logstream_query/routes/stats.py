"""The route /api/stats: how much is stored, how much comes in, and how much of it the search index covers."""

import threading
import time
from collections.abc import Callable
from typing import Final, Literal

from flask import Blueprint, Response, request
from logstream_contract.filters.parameters import InvalidParameters
from logstream_contract.rows.timestamps import iso_micros
from typing_extensions import TypedDict

from logstream_query.questions.aggregate_parameters import StatsParameters
from logstream_query.questions.moments import MINUTE_US
from logstream_query.routes.responses import to_json
from logstream_query.store import RATE_MINUTES, Levels, Statistics

# How old the response may be: many pages may request it, and reading the sizes of many chunks takes the database some time.
KEEP_S: Final = 5.0


class Bytes(TypedDict):
    """On disk: the rows of the records, their indexes, and both."""

    table: int
    index: int
    total: int


class Versions(TypedDict):
    postgresql: str
    timescaledb: str


class Rate(TypedDict):
    """Records by their own times; end is not included. levels: the most frequent ones; other_levels: the number of further
    levels, a lower bound where the counts do not name all."""

    start: str
    end: str
    records: int
    per_second: float
    levels: dict[str, int]
    other_levels: int


class Rates(TypedDict):
    """For the last whole minute, and for the 60 whole minutes that end with it."""

    minute: Rate
    hour: Rate


class SearchIndex(TypedDict):
    """batches_behind: the number of the newest batches that the index does not cover yet."""

    rows: int
    batches_behind: int


class Stats(TypedDict):
    rows: int
    bytes: Bytes
    chunks: int
    oldest: str | None
    newest: str | None
    edition: Literal["apache", "community"]
    versions: Versions
    rates: Rates
    search_index: SearchIndex


class CachedStatistics:
    """Statistics that are read again when they are too old, by one request at a time."""

    def __init__(
        self, read: Callable[[], Statistics], keep_s: float = KEEP_S, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._keep_s = keep_s
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._cached: tuple[float, Statistics] | None = None

    def get(self) -> Statistics:
        """Raises Unavailable."""
        with self._lock:
            if self._cached is None or self._clock_s() - self._cached[0] >= self._keep_s:
                self._cached = self._clock_s(), self._read()
            return self._cached[1]


def stats_routes(cached: CachedStatistics) -> Blueprint:
    routes = Blueprint("stats", __name__, url_prefix="/api")

    @routes.get("/stats")
    def stats() -> Response:
        _, problems = StatsParameters.read(request.environ["QUERY_STRING"])
        if problems:
            raise InvalidParameters(problems)
        return Response(to_json(stats_of(cached.get())), mimetype="application/json")

    return routes


def stats_of(statistics: Statistics) -> Stats:
    return {
        "rows": statistics.rows,
        "bytes": {"table": statistics.table_bytes, "index": statistics.index_bytes, "total": statistics.total_bytes},
        "chunks": statistics.chunks,
        "oldest": None if statistics.oldest_us is None else iso_micros(statistics.oldest_us),
        "newest": None if statistics.newest_us is None else iso_micros(statistics.newest_us),
        "edition": "community" if statistics.community else "apache",
        "versions": {"postgresql": statistics.postgresql, "timescaledb": statistics.timescaledb},
        "rates": {
            "minute": _rate(statistics.last_minute, statistics.minute_us, 1),
            "hour": _rate(statistics.last_hour, statistics.minute_us, RATE_MINUTES),
        },
        "search_index": {
            "rows": statistics.indexed_rows,
            "batches_behind": max(0, (statistics.newest_batch or 0) - (statistics.indexed_to or 0)),
        },
    }


def _rate(levels: Levels, last_minute_us: int, minutes: int) -> Rate:
    end_us = last_minute_us + MINUTE_US
    return {
        "start": iso_micros(end_us - minutes * MINUTE_US),
        "end": iso_micros(end_us),
        "records": levels.records,
        "per_second": round(levels.records / (60 * minutes), 3),
        "levels": levels.top,
        "other_levels": levels.other,
    }
