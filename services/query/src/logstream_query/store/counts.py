"""SQL that counts: from the stored counts and the incomplete ends of a range in one statement, whose snapshot sees every
record once, or from the records themselves. Composed, not executed. Every value is a parameter."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from logstream_contract.counted_names import OTHER
from logstream_contract.filters.filters import Filter
from psycopg import sql

from logstream_query.questions.bars import origin_of
from logstream_query.questions.moments import MICROSECONDS, as_datetime
from logstream_query.store.conditions import Conditions, add_counted_filter, add_filter, unsure
from logstream_query.store.counting import Piece, Source
from logstream_query.store.statements import Statement

_COUNT_SOURCES: Final[tuple[Source, Source]] = ("counts", "rollups")
_TABLES: Final = {"logs": sql.SQL("logs"), "counts": sql.SQL("log_counts"), "rollups": sql.SQL("log_rollups")}
_TIME_COLUMNS: Final = {"logs": sql.SQL("time"), "counts": sql.SQL("bucket"), "rollups": sql.SQL("bucket")}
_COUNTED: Final = sql.SQL(
    "SELECT {time} AS time, node, level, severity, {count} AS count, {unsure} AS unsure FROM {table}{where}"
)
_BAR: Final = sql.SQL("date_bin(%s * interval '1 microsecond', time, %s)")
# A key that occurs only in rows outside the range, and in the counts that include them, adds up to 0, or to less where these
# counts do not name it.
_BARS: Final = sql.SQL(
    "SELECT {bar}, level, severity, sum(count)::bigint, {unsure} FROM ({counted}) AS counted GROUP BY 1, 2, 3"
    " HAVING sum(count) <> 0 OR {unsure}"
)
_BARS_OF_RECORDS: Final = sql.SQL("SELECT {bar}, level, severity, count(*) FROM logs{where} GROUP BY 1, 2, 3")
_TOTAL: Final = sql.SQL("SELECT coalesce(sum(count), 0)::bigint, coalesce({unsure}, false) FROM ({counted}) AS counted")
# Unnamed levels come last.
_TOP_LEVELS: Final = sql.SQL(
    """
WITH summed AS (
    SELECT level, sum(count)::bigint AS count FROM ({counted}) AS counted GROUP BY level HAVING sum(count) > 0
)
SELECT level, count, count(*) FILTER (WHERE level <> {other}) OVER () AS distinct_levels, sum(count) OVER ()::bigint AS total
FROM summed ORDER BY level = {other}, count DESC, level COLLATE "C" LIMIT %s
"""
)
# facet 0: by level and severity, 1: by node. Columns that belong to the facet are repeated in each of its rows. Unnamed
# values come last.
_TOP: Final = sql.SQL(
    """
WITH summed AS (
    SELECT grouping(level) AS facet, level, severity, node, sum(count)::bigint AS count, {unsure} AS unsure
    FROM ({counted}) AS counted GROUP BY GROUPING SETS ((level, severity), (node)) HAVING sum(count) <> 0 OR {unsure}
), merged AS (
    SELECT facet, coalesce(level, node) AS value, sum(count)::bigint AS count,
           coalesce((array_agg(severity ORDER BY count DESC, severity DESC))[1], 0) AS severity, {unsure} AS unsure
    FROM summed GROUP BY 1, 2
), flagged AS (
    SELECT *, value <> {other} AND count > 0 AS is_named FROM merged
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY facet ORDER BY is_named DESC, count DESC, value COLLATE "C") AS rank,
           count(*) FILTER (WHERE is_named) OVER of_facet AS distinct_values, sum(count) OVER of_facet AS total,
           coalesce(sum(count) FILTER (WHERE is_named) OVER of_facet, 0) AS named,
           coalesce(bool_or(unsure) OVER of_facet, false) AS is_unsure
    FROM flagged WINDOW of_facet AS (PARTITION BY facet)
)
SELECT facet, value, severity, count, is_named, distinct_values, total::bigint, named::bigint, is_unsure
FROM ranked WHERE rank <= %s ORDER BY facet, rank
"""
)
_HOUR_OF: Final = sql.SQL("SELECT date_bin(interval '1 hour', bucket, timestamptz 'epoch') FROM {table}{where}")
_MINUTE_IN: Final = sql.SQL(
    "SELECT bucket FROM unnest(%s::timestamptz[]) AS hour, LATERAL (SELECT bucket FROM {table}{where}) AS found"
)
_ANY_UNSURE: Final = sql.SQL("bool_or(unsure)")
_FALSE: Final = sql.SQL("false")


def bars(filter_: Filter, pieces: Iterable[Piece], width_us: int) -> Statement:
    """Rows of (start of a bar, level, severity, count, whether it may count records that do not match), in no order.

    Bars without records have no rows. A count is negative where records outside the range were counted without a name.
    """
    counted = _counted(filter_, pieces)
    bar, values = _bar(width_us)
    query = _BARS.format(bar=bar, counted=counted.query, unsure=_any_unsure(filter_))
    return Statement(query, (*values, *counted.values))


def bars_of_records(filter_: Filter, width_us: int) -> Statement:
    """The same, by reading every matching record."""
    bar, values = _bar(width_us)
    conditions = Conditions()
    add_filter(conditions, filter_)
    return Statement(_BARS_OF_RECORDS.format(bar=bar, where=conditions.where()), (*values, *conditions.values))


def total(filter_: Filter, pieces: Iterable[Piece]) -> Statement:
    """One row with the number of records, and whether some of them may not match."""
    counted = _counted(filter_, pieces)
    return Statement(_TOTAL.format(counted=counted.query, unsure=_any_unsure(filter_)), counted.values)


def top(filter_: Filter, pieces: Iterable[Piece], limit: int) -> Statement:
    """Rows of (facet, value, severity, count, whether the value is named, number of values, total, total of the named
    values, whether the row may count records that do not match); facet 0 is the level, 1 the node."""
    counted = _counted(filter_, pieces)
    query = _TOP.format(counted=counted.query, unsure=_any_unsure(filter_), other=sql.Literal(OTHER))
    return Statement(query, (*counted.values, limit))


def unnamed_hours(filter_: Filter, start_us: int, end_us: int, limit: int) -> Statement:
    """Rows of the start of an hour in which matching records may be unnamed, at most limit.

    start_us: the start of an hour. An hour has at least as many names as each of its minutes: if a minute had too many,
    so did its hour.
    """
    bounds = sql.SQL("bucket >= %s AND bucket < %s")
    branches = [
        _unnamed(filter_, source, _HOUR_OF, 3_600, bounds, (as_datetime(start_us), as_datetime(end_us)))
        for source in _COUNT_SOURCES
    ]
    query = sql.SQL(" UNION ").join([branch.query for branch in branches]) + sql.SQL(" LIMIT %s")
    return Statement(query, (*(value for branch in branches for value in branch.values), limit))


def unnamed_minutes(filter_: Filter, hours_us: Iterable[int]) -> Statement:
    """Rows of the start of a minute, in one of these hours, in which matching records may be unnamed."""
    hours = [as_datetime(hour_us) for hour_us in hours_us]
    bounds = sql.SQL("bucket >= hour AND bucket < hour + interval '1 hour'")
    branches = [_unnamed(filter_, source, _MINUTE_IN, 60, bounds, ()) for source in _COUNT_SOURCES]
    query = sql.Composed([sql.SQL(" UNION ").join([branch.query for branch in branches])])
    return Statement(query, tuple(value for branch in branches for value in (hours, *branch.values)))


def _unnamed(
    filter_: Filter, source: Source, query: sql.SQL, width_s: int, bounds: sql.SQL, values: tuple[object, ...]
) -> Statement:
    """The query over the counts of one source that lie within these bounds and may hold matching records unnamed."""
    conditions = Conditions()
    if source == "rollups":
        conditions.add(sql.SQL("width_s = {}").format(sql.Literal(width_s)))
    conditions.add(bounds, *values)
    conditions.add(unsure(filter_) or _FALSE)
    add_counted_filter(conditions, replace(filter_, start_us=None, end_us=None))
    return Statement(query.format(table=_TABLES[source], where=conditions.where()), tuple(conditions.values))


def top_levels(pieces: Iterable[Piece], limit: int) -> Statement:
    """Rows of (level, count, number of levels, total), the most frequent first; OTHER is no level and comes last."""
    counted = _counted(Filter(), pieces)
    return Statement(_TOP_LEVELS.format(counted=counted.query, other=sql.Literal(OTHER)), (*counted.values, limit))


def nth_newest_time(start_us: int, end_us: int, n: int) -> Statement:
    """The time of the n-th newest record of a time range, matching or not; no row if there are fewer."""
    query = sql.SQL(
        "SELECT time FROM logs WHERE time >= %s AND time < %s ORDER BY time DESC, sequence DESC OFFSET %s LIMIT 1"
    )
    return Statement(sql.Composed([query]), (as_datetime(start_us), as_datetime(end_us), n - 1))


def _counted(filter_: Filter, pieces: Iterable[Piece]) -> Statement:
    parts: list[sql.Composable] = []
    values: list[object] = []
    for piece in pieces:
        conditions = Conditions()
        time = _TIME_COLUMNS[piece.source]
        if piece.source == "rollups":
            conditions.add(sql.SQL("width_s = %s"), piece.width_us // MICROSECONDS)
        if piece.start_us is not None:
            conditions.add(time + sql.SQL(" >= %s"), as_datetime(piece.start_us))
        if piece.end_us is not None:
            conditions.add(time + sql.SQL(" < %s"), as_datetime(piece.end_us))
        untimed = replace(filter_, start_us=None, end_us=None)
        count, is_unsure = sql.SQL("count"), unsure(filter_) or _FALSE
        if piece.source == "logs":
            count, is_unsure = sql.SQL(str(piece.sign)), _FALSE
            add_filter(conditions, untimed)
        else:
            # The counts have the columns that a countable filter names.
            add_counted_filter(conditions, untimed)
        where, table = conditions.where(), _TABLES[piece.source]
        parts.append(_COUNTED.format(time=time, count=count, unsure=is_unsure, table=table, where=where))
        values += conditions.values
    return Statement(sql.SQL(" UNION ALL ").join(parts), tuple(values))


def _bar(width_us: int) -> tuple[sql.SQL, tuple[object, ...]]:
    return _BAR, (width_us, as_datetime(origin_of(width_us)))


def _any_unsure(filter_: Filter) -> sql.SQL:
    return _FALSE if unsure(filter_) is None else _ANY_UNSURE
