"""SQL that counts: from the stored counts and the ragged ends of a range in one statement, whose one snapshot sees every
record once, or from the records themselves. Composed, not executed. Every value goes in as a parameter."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from logstream_contract.filters import Filter
from psycopg import sql

from logstream_query.bars import origin_of
from logstream_query.counting import Piece
from logstream_query.moments import MICROSECONDS, as_datetime
from logstream_query.store.conditions import Conditions, add_filter
from logstream_query.store.statements import Statement

_TABLES: Final = {"logs": sql.SQL("logs"), "counts": sql.SQL("log_counts"), "rollups": sql.SQL("log_rollups")}
_TIME_COLUMNS: Final = {"logs": sql.SQL("time"), "counts": sql.SQL("bucket"), "rollups": sql.SQL("bucket")}
_COUNTED: Final = sql.SQL("SELECT {time} AS time, node, level, severity, {count} AS count FROM {table}{where}")
_BAR: Final = sql.SQL("date_bin(%s * interval '1 microsecond', time, %s)")
# A key that is only in rows ahead of the range, and in the counts that hold them, sums up to nothing.
_BARS: Final = sql.SQL(
    "SELECT {bar}, level, severity, sum(count)::bigint FROM ({counted}) AS counted GROUP BY 1, 2, 3 HAVING sum(count) > 0"
)
_BARS_OF_RECORDS: Final = sql.SQL("SELECT {bar}, level, severity, count(*) FROM logs{where} GROUP BY 1, 2, 3")
_TOTAL: Final = sql.SQL("SELECT coalesce(sum(count), 0)::bigint FROM ({counted}) AS counted")
_TOP_LEVELS: Final = sql.SQL(
    """
WITH summed AS (
    SELECT level, sum(count)::bigint AS count FROM ({counted}) AS counted GROUP BY level HAVING sum(count) > 0
)
SELECT level, count, count(*) OVER () AS found, sum(count) OVER ()::bigint AS total FROM summed
ORDER BY count DESC, level COLLATE "C" LIMIT %s
"""
)
# facet 0: by level and severity, 1: by node. A facet's number of values and total ride on each of its rows.
_TOP: Final = sql.SQL(
    """
WITH summed AS (
    SELECT grouping(level) AS facet, level, severity, node, sum(count)::bigint AS count
    FROM ({counted}) AS counted GROUP BY GROUPING SETS ((level, severity), (node)) HAVING sum(count) > 0
), merged AS (
    SELECT facet, coalesce(level, node) AS value, sum(count)::bigint AS count,
           coalesce((array_agg(severity ORDER BY count DESC, severity DESC))[1], 0) AS severity
    FROM summed GROUP BY 1, 2
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY facet ORDER BY count DESC, value COLLATE "C") AS rank,
           count(*) OVER (PARTITION BY facet) AS found, sum(count) OVER (PARTITION BY facet)::bigint AS total
    FROM merged
)
SELECT facet, value, severity, count, found, total FROM ranked WHERE rank <= %s ORDER BY facet, rank
"""
)


def bars(wanted: Filter, pieces: Iterable[Piece], width_us: int) -> Statement:
    """Rows of (start of a bar, level, severity, count), in no order; bars without records have none."""
    counted = _counted(wanted, pieces)
    bar, values = _bar(width_us)
    return Statement(_BARS.format(bar=bar, counted=counted.query), (*values, *counted.values))


def bars_of_records(wanted: Filter, width_us: int) -> Statement:
    """The same, with every matching record looked at."""
    bar, values = _bar(width_us)
    conditions = Conditions()
    add_filter(conditions, wanted)
    return Statement(_BARS_OF_RECORDS.format(bar=bar, where=conditions.where()), (*values, *conditions.values))


def total(wanted: Filter, pieces: Iterable[Piece]) -> Statement:
    """One row with the number of records."""
    counted = _counted(wanted, pieces)
    return Statement(_TOTAL.format(counted=counted.query), counted.values)


def top(wanted: Filter, pieces: Iterable[Piece], limit: int) -> Statement:
    """Rows of (facet, value, severity, count, number of values, total); facet 0 is the level, 1 the node."""
    counted = _counted(wanted, pieces)
    return Statement(_TOP.format(counted=counted.query), (*counted.values, limit))


def top_levels(pieces: Iterable[Piece], limit: int) -> Statement:
    """Rows of (level, count, number of levels, total), the most frequent first."""
    counted = _counted(Filter(), pieces)
    return Statement(_TOP_LEVELS.format(counted=counted.query), (*counted.values, limit))


def nth_newest_time(start_us: int, end_us: int, n: int) -> Statement:
    """The time of the n-th newest record of a time range, matching or not; no row if there are fewer."""
    query = sql.SQL(
        "SELECT time FROM logs WHERE time >= %s AND time < %s ORDER BY time DESC, sequence DESC OFFSET %s LIMIT 1"
    )
    return Statement(sql.Composed([query]), (as_datetime(start_us), as_datetime(end_us), n - 1))


def _counted(wanted: Filter, pieces: Iterable[Piece]) -> Statement:
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
        # The counts have the columns that a countable filter names.
        add_filter(conditions, replace(wanted, start_us=None, end_us=None))
        count = sql.SQL(str(piece.sign)) if piece.source == "logs" else sql.SQL("count")
        parts.append(_COUNTED.format(time=time, count=count, table=_TABLES[piece.source], where=conditions.where()))
        values += conditions.values
    return Statement(sql.SQL(" UNION ALL ").join(parts), tuple(values))


def _bar(width_us: int) -> tuple[sql.SQL, tuple[object, ...]]:
    return _BAR, (width_us, as_datetime(origin_of(width_us)))
