"""The route /api/logs/histogram: how many records match, by time and level."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Literal

from flask import Blueprint, Response, request
from logstream_contract.counted_names import OTHER
from logstream_contract.filters.parameters import InvalidParameters
from logstream_contract.filters.query_string import parameter_problem
from logstream_contract.rows.timestamps import iso_micros
from typing_extensions import TypedDict

from logstream_query.questions.aggregate_parameters import HistogramParameters, checked_filter
from logstream_query.questions.bars import MAX_BARS, bar_starts, nice_width
from logstream_query.questions.moments import MICROSECONDS, MINUTE_US
from logstream_query.routes.responses import to_json
from logstream_query.search.record_counts import RecordCounts
from logstream_query.store import Aggregates, BarCount
from logstream_query.store.counting import is_countable

# Levels are free text. A chart cannot distinguish more than these, and a response must not grow with their number.
MAX_LEVELS: Final = 50

Source = Literal["counts", "records"]


class Bar(TypedDict):
    """`counts` holds the levels that `levels` lists; `total` counts all records."""

    start: str
    total: int
    counts: dict[str, int]


class Level(TypedDict):
    """severity: of most records with this level, 0 if unknown."""

    level: str
    severity: int
    count: int


class Histogram(TypedDict):
    """Bars from the first to the last, including empty ones. The first and the last may extend beyond the range, but count
    only what lies within it.

    complete: whether the whole range was counted. scanned_from: from this time on it was. unnamed: records with levels
    beyond those that the stored counts keep for a time. Only totals include them; if there are any, counts by level and
    other_levels are lower bounds.
    """

    start: str
    end: str
    bucket_s: int
    buckets: list[Bar]
    levels: list[Level]
    other_levels: int
    unnamed: int
    total: int
    complete: bool
    scanned_from: str | None
    source: Source


def histogram_routes(aggregates: Aggregates, record_counts: RecordCounts, clock: Callable[[], int]) -> Blueprint:
    """clock: microseconds since the epoch."""
    routes = Blueprint("histogram", __name__, url_prefix="/api/logs")

    @routes.get("/histogram")
    def histogram() -> Response:
        now_us = clock()
        parameters, problems = HistogramParameters.read(request.environ["QUERY_STRING"])
        filter_ = checked_filter(parameters, problems, now_us)
        start_us = aggregates.oldest_us() if filter_.start_us is None else filter_.start_us
        end_us = now_us if filter_.end_us is None else filter_.end_us
        # A record inserted with SQL may be thousands of years old; a request cannot name a time before 1970.
        start_us = end_us if start_us is None else max(0, min(start_us, end_us))
        width_us = parameters.bucket or nice_width(end_us - start_us, parameters.buckets)
        starts = bar_starts(start_us, end_us, width_us)
        if len(starts) > MAX_BARS:
            expected = f"a width that divides the time range into at most {MAX_BARS} bars, not {len(starts)}"
            raise InvalidParameters([parameter_problem("bucket", f"{width_us // MICROSECONDS}s", expected)])
        scanned_us = start_us
        source: Source = "counts"
        counted: Sequence[BarCount] | None = None
        if is_countable(filter_) and width_us % MINUTE_US == 0:
            counted = aggregates.counted_bars(replace(filter_, start_us=start_us, end_us=end_us), width_us, now_us)
        if counted is None:
            source = "records"
            counted, scanned_us = record_counts.bars(filter_, start_us, end_us, width_us)
        levels = levels_of(counted)
        body: Histogram = {
            "start": iso_micros(start_us),
            "end": iso_micros(end_us),
            "bucket_s": width_us // MICROSECONDS,
            "buckets": fill_bars(starts, counted, [level["level"] for level in levels[:MAX_LEVELS]]),
            "levels": levels[:MAX_LEVELS],
            "other_levels": max(0, len(levels) - MAX_LEVELS),
            "unnamed": sum(bar.records for bar in counted if bar.level == OTHER),
            "total": sum(bar.records for bar in counted),
            "complete": scanned_us <= start_us,
            "scanned_from": None if scanned_us <= start_us else iso_micros(scanned_us),
            "source": source,
        }
        return Response(to_json(body), mimetype="application/json")

    return routes


def levels_of(counted: Sequence[BarCount]) -> list[Level]:
    """Every named level with its number of records, the most frequent first."""
    by_severity: Counter[tuple[str, int]] = Counter()
    for bar in counted:
        if bar.level == OTHER:
            continue
        by_severity[bar.level, bar.severity] += bar.records
    levels: dict[str, Level] = {}
    for (level, severity), count in by_severity.most_common():
        levels.setdefault(level, {"level": level, "severity": severity, "count": 0})["count"] += count
    return sorted(levels.values(), key=lambda level: (-level["count"], level["level"]))


def fill_bars(starts: range, counted: Sequence[BarCount], levels: Sequence[str]) -> list[Bar]:
    """A bar for each start, with counts of these levels only."""
    bars: list[Bar] = [{"start": iso_micros(start_us), "total": 0, "counts": {}} for start_us in starts]
    named = frozenset(levels)
    for start_us, level, _, count in counted:
        bar = bars[(start_us - starts.start) // starts.step]
        bar["total"] += count
        if level in named:
            bar["counts"][level] = bar["counts"].get(level, 0) + count
    return bars
