"""Counts records, through the connections of the store. Every method raises Unavailable if the database does not respond in
time.

The stored counts keep a limited number of names for a time (logstream_contract.counted_names). Other records are counted
without a name; totals and severities are still exact. If a filter has names that may be among the unnamed, the records of
those minutes are counted, if there are not too many.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from logstream_contract.counted_names import folded_level
from logstream_contract.filters.filters import Filter
from psycopg import Connection, sql

from logstream_query.questions.moments import HOUR_US, MAX_US, MINUTE_US
from logstream_query.store import counts
from logstream_query.store.connections import fetch_rows
from logstream_query.store.counting import Piece, is_countable, pieces, pieces_around
from logstream_query.store.database import Store
from logstream_query.store.statements import OLDEST, Statement
from logstream_query.unavailable import StatementTimeout

_SET_TIMEOUT = sql.SQL("SET LOCAL statement_timeout = {}")
_OLDEST = Statement(sql.Composed([OLDEST]), ())

# A statement has parts for each hour and minute whose sums do not name the filter's nodes or levels.
_MOST_HOURS: Final = 12
_MOST_PIECES: Final = 120


class BarCount(NamedTuple):
    """Records with a level and severity in the bar that begins here, microseconds since the Unix epoch. Level OTHER: all
    levels that the counts do not name."""

    start_us: int
    level: str
    severity: int
    records: int


class ValueCount(NamedTuple):
    """severity: that of most records with this level, 0 for a node."""

    value: str
    records: int
    severity: int


class Top(NamedTuple):
    """The most frequent values of a facet, the most frequent first, and the number of different values.

    total: the number of records. unnamed: the number of those whose values the counts do not name; if there are any, the
    values' counts and distinct are lower bounds.
    """

    values: list[ValueCount]
    distinct: int
    total: int
    unnamed: int = 0


class Aggregates:
    """Usable by many greenlets at once, like the Store. records_s: how long records are counted where names are missing."""

    def __init__(self, store: Store, records_s: float) -> None:
        self._store = store
        self._records_s = records_s

    def check_regex(self, regex: str, timeout_s: float) -> None:
        """See Store.check_regex."""
        self._store.check_regex(regex, timeout_s)

    def oldest_us(self) -> int | None:
        """The time of the oldest record, microseconds since the Unix epoch; None if there is none."""
        with self._store.transaction() as connection:
            rows = fetch_rows(connection, _OLDEST)
        return rows[0][0] if rows else None

    def counted_bars(self, filter_: Filter, width_us: int, now_us: int) -> list[BarCount] | None:
        """Exact counts for a countable filter, in bars of a multiple of a minute; bars without records are left out.

        None: the counts do not know.
        """
        assert is_countable(filter_)
        assert width_us % MINUTE_US == 0
        rows = self._counted(filter_, now_us, width_us, lambda parts: counts.bars(filter_, parts, width_us))
        return None if rows is None else _settled(BarCount(*row[:-1]) for row in rows)

    def bars_of_records(self, filter_: Filter, width_us: int, timeout_s: float) -> list[BarCount]:
        """The same for any filter and width, by reading the records. Raises StatementTimeout after timeout_s."""
        with self._store.transaction() as connection:
            set_timeout(connection, timeout_s)
            return [BarCount(*row) for row in fetch_rows(connection, counts.bars_of_records(filter_, width_us))]

    def nth_newest_us(self, start_us: int, end_us: int, n: int) -> int | None:
        """The time of the n-th newest record of a time range, matching or not; None if there are fewer."""
        with self._store.transaction() as connection:
            rows = fetch_rows(connection, counts.nth_newest_time(start_us, end_us, n))
        return rows[0][0] if rows else None

    def total(self, filter_: Filter, now_us: int) -> int | None:
        """The exact number of records that match a countable filter; None: the counts do not know."""
        assert is_countable(filter_)
        rows = self._counted(filter_, now_us, None, lambda parts: counts.total(filter_, parts))
        return None if rows is None else sum(row[0] for row in rows)

    def top(self, filter_: Filter, limit: int, now_us: int) -> tuple[Top, Top] | None:
        """The most frequent levels and nodes for a countable filter, exactly counted; None: the counts do not know."""
        assert is_countable(filter_)
        rows = self._counted(filter_, now_us, None, lambda parts: counts.top(filter_, parts, limit))
        return None if rows is None else (_top(rows, 0), _top(rows, 1))

    def _counted(
        self, filter_: Filter, now_us: int, bucket_us: int | None, statement: Callable[[Sequence[Piece]], Statement]
    ) -> list[tuple[Any, ...]] | None:
        """The rows of a statement whose last column says whether the row may count records that do not match. Counts come
        from the stored counts, or from the records where the stored counts do not name all the filter's nodes and levels.
        None: there are too many such records."""
        parts = pieces(filter_.start_us, filter_.end_us, now_us, bucket_us)
        if not parts:
            return []
        is_recounting = False
        try:
            with self._store.transaction() as connection:
                rows = fetch_rows(connection, statement(parts))
                if any(row[-1] for row in rows):
                    is_recounting = True
                    set_timeout(connection, self._records_s)
                    finer = _finer(connection, filter_, now_us, bucket_us)
                    rows = fetch_rows(connection, statement(finer)) if finer else rows
        except StatementTimeout:
            if not is_recounting:
                raise
            return None
        return None if any(row[-1] for row in rows) else rows


def set_timeout(connection: Connection, timeout_s: float) -> None:
    """For the statements that follow in this transaction."""
    connection.execute(_SET_TIMEOUT.format(sql.Literal(max(1, round(timeout_s * 1_000)))))


def _finer(connection: Connection, filter_: Filter, now_us: int, bucket_us: int | None) -> list[Piece]:
    """Pieces without the sums that do not name the filter's nodes or levels; an empty list if there are too many pieces."""
    start_us = 0 if filter_.start_us is None else filter_.start_us
    end_us = MAX_US // HOUR_US * HOUR_US if filter_.end_us is None else filter_.end_us
    whole_us = start_us // HOUR_US * HOUR_US
    hours = [
        hour_us for (hour_us,) in fetch_rows(connection, counts.unnamed_hours(filter_, whole_us, end_us, _MOST_HOURS + 1))
    ]
    if len(hours) > _MOST_HOURS:
        return []
    minutes = [minute_us for (minute_us,) in fetch_rows(connection, counts.unnamed_minutes(filter_, hours))]
    finer = pieces_around(start_us, end_us, now_us, bucket_us, hours, minutes)
    return finer if len(finer) <= _MOST_PIECES else []


def _settled(bars: Iterable[BarCount]) -> list[BarCount]:
    """Subtracts negative counts from the bar in which those records were counted: without a name, or with one in lower
    case."""
    settled: Counter[tuple[int, str, int]] = Counter()
    owed: list[BarCount] = []
    for bar in bars:
        if bar.records > 0:
            settled[bar[:3]] += bar.records
        else:
            owed.append(bar)
    for start_us, level, severity, records in owed:
        settled[start_us, folded_level(level), severity] += records
    return [BarCount(*key, records) for key, records in settled.items() if records > 0]


def _top(rows: list[tuple[Any, ...]], facet: int) -> Top:
    mine = [row[1:-1] for row in rows if row[0] == facet]
    if not mine:
        return Top([], 0, 0)
    *_, distinct, total, named = mine[0]
    values = [ValueCount(value, count, severity) for value, severity, count, is_named, *_ in mine if is_named]
    return Top(values, distinct, total, max(0, total - named))
