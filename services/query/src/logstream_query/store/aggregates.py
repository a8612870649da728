"""Counts records, through the connections of the store. Every method raises Unavailable when the database doesn't answer in
time.

The stored counts keep a bounded number of names of a time (logstream_contract.counted_names). What is beyond them is counted
without a name: totals and severities are exact all the same. A question for names that may be among it is answered from
the records of these minutes, if they are few.
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

# A statement has parts for each hour and minute whose sums don't name what is asked for.
_MOST_HOURS: Final = 12
_MOST_PIECES: Final = 120


class BarCount(NamedTuple):
    """Records of a level and severity in the bar that begins here, microseconds since the Unix epoch. Level OTHER: of levels
    that the counts don't name."""

    start_us: int
    level: str
    severity: int
    records: int


class ValueCount(NamedTuple):
    """severity: of most records of a level, 0 for a node."""

    value: str
    records: int
    severity: int


class Top(NamedTuple):
    """The most frequent values of a facet, the most frequent first, and how many there are.

    total: of all records. unnamed: those of them whose values the counts don't name; with any, the values' own records and
    distinct are at least so many.
    """

    values: list[ValueCount]
    distinct: int
    total: int
    unnamed: int = 0


class Aggregates:
    """Like the Store, usable by many greenlets at once. records_s: how long records are counted where names are missing."""

    def __init__(self, store: Store, records_s: float) -> None:
        self._store = store
        self._records_s = records_s

    def check_regex(self, regex: str, timeout_s: float) -> None:
        """As the Store's."""
        self._store.check_regex(regex, timeout_s)

    def oldest_us(self) -> int | None:
        """The time of the oldest record, microseconds since the Unix epoch; None if there is none."""
        with self._store.transaction() as connection:
            rows = fetch_rows(connection, _OLDEST)
        return rows[0][0] if rows else None

    def counted_bars(self, filter_: Filter, width_us: int, now_us: int) -> list[BarCount] | None:
        """Exact counts of a countable filter, by bars of a multiple of a minute; bars without records are left out.

        None: the counts don't tell.
        """
        assert is_countable(filter_)
        assert width_us % MINUTE_US == 0
        rows = self._counted(filter_, now_us, width_us, lambda parts: counts.bars(filter_, parts, width_us))
        return None if rows is None else _settled(BarCount(*row[:-1]) for row in rows)

    def bars_of_records(self, filter_: Filter, width_us: int, timeout_s: float) -> list[BarCount]:
        """The same for any filter and width, by looking at the records. Raises StatementTimeout after timeout_s."""
        with self._store.transaction() as connection:
            set_timeout(connection, timeout_s)
            return [BarCount(*row) for row in fetch_rows(connection, counts.bars_of_records(filter_, width_us))]

    def nth_newest_us(self, start_us: int, end_us: int, n: int) -> int | None:
        """The time of the n-th newest record of a time range, matching or not; None if there are fewer."""
        with self._store.transaction() as connection:
            rows = fetch_rows(connection, counts.nth_newest_time(start_us, end_us, n))
        return rows[0][0] if rows else None

    def total(self, filter_: Filter, now_us: int) -> int | None:
        """The exact number of records that match a countable filter; None: the counts don't tell."""
        assert is_countable(filter_)
        rows = self._counted(filter_, now_us, None, lambda parts: counts.total(filter_, parts))
        return None if rows is None else sum(row[0] for row in rows)

    def top(self, filter_: Filter, limit: int, now_us: int) -> tuple[Top, Top] | None:
        """The most frequent levels and nodes of a countable filter, exactly counted; None: the counts don't tell."""
        assert is_countable(filter_)
        rows = self._counted(filter_, now_us, None, lambda parts: counts.top(filter_, parts, limit))
        return None if rows is None else (_top(rows, 0), _top(rows, 1))

    def _counted(
        self, filter_: Filter, now_us: int, bucket_us: int | None, statement: Callable[[Sequence[Piece]], Statement]
    ) -> list[tuple[Any, ...]] | None:
        """The rows of a statement that says at the end of each whether it may count records that don't match: from the
        counts, and from the records where the counts don't name all that is asked for. None: those are too many."""
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
    """Pieces without the sums that don't name what is asked for; none if they are too many."""
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
    """Takes what is less than nothing from where it was counted: under no name, or one in lower case."""
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
