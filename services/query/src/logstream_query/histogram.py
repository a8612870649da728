"""The route /api/logs/histogram: how many records match, by time and level."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Literal

from flask import Blueprint, Response, request
from logstream_contract.counted_names import OTHER
from logstream_contract.rows.timestamps import iso_micros
from typing_extensions import TypedDict

from logstream_query.aggregate_parameters import HistogramParameters, wanted_by
from logstream_query.bars import MAX_BARS, bar_starts, nice_width
from logstream_query.counting import MINUTE_US, is_countable
from logstream_query.moments import MICROSECONDS
from logstream_query.problems import InvalidParameters, parameter_problem
from logstream_query.record_counts import RecordCounts
from logstream_query.responses import to_json
from logstream_query.store import Aggregates, BarCount

# Levels are free text; past this many a chart can't show them apart, and an answer would grow with their number.
MAX_LEVELS: Final = 50

Source = Literal["counts", "records"]


class Bar(TypedDict):
    """`counts` by level holds the levels listed by the answer; `total` counts all."""

    start: str
    total: int
    counts: dict[str, int]


class Level(TypedDict):
    """severity: of most of the level's records, 0 if unknown."""

    level: str
    severity: int
    count: int


class Histogram(TypedDict):
    """Bars from the first to the last, empty ones too. The first and the last may reach over the range, which counts.

    complete: whether all of the range was counted. scanned_from: from here on it was. unnamed: records of levels beyond
    those that the stored counts keep of a time: they are in totals only, and counts by level and other_levels are at least
    what they say.
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
        asked, problems = HistogramParameters.read(request.environ["QUERY_STRING"])
        wanted = wanted_by(asked, problems, now_us)
        start_us = aggregates.oldest_us() if wanted.start_us is None else wanted.start_us
        end_us = now_us if wanted.end_us is None else wanted.end_us
        # Somebody with SQL may have stored a record of thousands of years ago; nobody can ask for times before 1970.
        start_us = end_us if start_us is None else max(0, min(start_us, end_us))
        width_us = asked.bucket or nice_width(end_us - start_us, asked.buckets)
        starts = bar_starts(start_us, end_us, width_us)
        if len(starts) > MAX_BARS:
            expected = f"a width that leaves at most {MAX_BARS} bars of the time range, not {len(starts)}"
            raise InvalidParameters([parameter_problem("bucket", f"{width_us // MICROSECONDS}s", expected)])
        scanned_us = start_us
        source: Source = "counts"
        counted: Sequence[BarCount] | None = None
        if is_countable(wanted) and width_us % MINUTE_US == 0:
            counted = aggregates.counted_bars(replace(wanted, start_us=start_us, end_us=end_us), width_us, now_us)
        if counted is None:
            source = "records"
            counted, scanned_us = record_counts.bars(wanted, start_us, end_us, width_us)
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
    """Every level that has a name with its number of records, the most frequent first."""
    by_severity: Counter[tuple[str, int]] = Counter()
    for bar in counted:
        if bar.level == OTHER:
            continue
        by_severity[bar.level, bar.severity] += bar.records
    levels: dict[str, Level] = {}
    for (level, severity), count in by_severity.most_common():
        levels.setdefault(level, {"level": level, "severity": severity, "count": 0})["count"] += count
    return sorted(levels.values(), key=lambda found: (-found["count"], found["level"]))


def fill_bars(starts: range, counted: Sequence[BarCount], levels: Sequence[str]) -> list[Bar]:
    """A bar for each start; of the levels only these are named."""
    bars: list[Bar] = [{"start": iso_micros(start_us), "total": 0, "counts": {}} for start_us in starts]
    named = frozenset(levels)
    for start_us, level, _, count in counted:
        bar = bars[(start_us - starts.start) // starts.step]
        bar["total"] += count
        if level in named:
            bar["counts"][level] = bar["counts"].get(level, 0) + count
    return bars
