"""Counts records, through the connections of the store. Every method raises Unavailable when the database doesn't answer in
time.

The stored counts keep a bounded number of names of a time (logstream_contract.other). What is beyond them is counted without
a name: totals and severities are exact all the same. A question for names that may be among it is not answered from counts.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from logstream_contract.filters import Filter
from logstream_contract.other import folded_level
from psycopg import Connection, sql

from logstream_query.counting import MINUTE_US, is_countable, pieces
from logstream_query.store import counts
from logstream_query.store.database import Store
from logstream_query.store.statements import Statement

_SET_TIMEOUT = sql.SQL("SET LOCAL statement_timeout = {}")
_OLDEST = Statement(sql.Composed([sql.SQL("SELECT time FROM logs ORDER BY time, sequence LIMIT 1")]), ())


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
    """Like the Store, usable by many greenlets at once."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def check_regex(self, regex: str) -> None:
        """As the Store's."""
        self._store.check_regex(regex)

    def oldest_us(self) -> int | None:
        """The time of the oldest record, microseconds since the Unix epoch; None if there is none."""
        with self._store.transaction() as connection:
            found = _rows(connection, _OLDEST)
        return found[0][0] if found else None

    def counted_bars(self, wanted: Filter, width_us: int, now_us: int) -> list[BarCount] | None:
        """Exact counts of a countable filter, by bars of a multiple of a minute; bars without records are left out.

        None: the counts don't tell.
        """
        assert is_countable(wanted)
        assert width_us % MINUTE_US == 0
        parts = pieces(wanted.start_us, wanted.end_us, now_us, width_us)
        if not parts:
            return []
        with self._store.transaction() as connection:
            found = _rows(connection, counts.bars(wanted, parts, width_us))
        return None if any(row[-1] for row in found) else _settled(BarCount(*row[:-1]) for row in found)

    def bars_of_records(self, wanted: Filter, width_us: int, timeout_s: float) -> list[BarCount]:
        """The same for any filter and width, by looking at the records. Raises StatementTimeout after timeout_s."""
        with self._store.transaction() as connection:
            set_timeout(connection, timeout_s)
            return [BarCount(*row) for row in _rows(connection, counts.bars_of_records(wanted, width_us))]

    def nth_newest_us(self, start_us: int, end_us: int, n: int) -> int | None:
        """The time of the n-th newest record of a time range, matching or not; None if there are fewer."""
        with self._store.transaction() as connection:
            found = _rows(connection, counts.nth_newest_time(start_us, end_us, n))
        return found[0][0] if found else None

    def total(self, wanted: Filter, now_us: int) -> int | None:
        """The exact number of records that match a countable filter; None: the counts don't tell."""
        assert is_countable(wanted)
        parts = pieces(wanted.start_us, wanted.end_us, now_us)
        if not parts:
            return 0
        with self._store.transaction() as connection:
            total, is_unsure = _rows(connection, counts.total(wanted, parts))[0]
        return None if is_unsure else total

    def top(self, wanted: Filter, limit: int, now_us: int) -> tuple[Top, Top] | None:
        """The most frequent levels and nodes of a countable filter, exactly counted; None: the counts don't tell."""
        assert is_countable(wanted)
        parts = pieces(wanted.start_us, wanted.end_us, now_us)
        found: list[tuple[Any, ...]] = []
        if parts:
            with self._store.transaction() as connection:
                found = _rows(connection, counts.top(wanted, parts, limit))
        return None if any(row[-1] for row in found) else (_top(found, 0), _top(found, 1))


def set_timeout(connection: Connection, timeout_s: float) -> None:
    """For the statements that follow in this transaction."""
    connection.execute(_SET_TIMEOUT.format(sql.Literal(max(1, round(timeout_s * 1_000)))))


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


def _rows(connection: Connection, statement: Statement) -> list[tuple[Any, ...]]:
    return connection.execute(statement.query, statement.values, binary=True).fetchall()
