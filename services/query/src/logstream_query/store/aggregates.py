"""Counts records, through the connections of the store. Every method raises Unavailable when the database doesn't answer in
time."""

from typing import Any, NamedTuple

from logstream_contract.filters import Filter
from psycopg import Connection, sql

from logstream_query.counting import MINUTE_US, is_countable, pieces
from logstream_query.store import counts
from logstream_query.store.database import Store
from logstream_query.store.statements import Statement

_SET_TIMEOUT = sql.SQL("SET LOCAL statement_timeout = {}")
_OLDEST = Statement(sql.Composed([sql.SQL("SELECT time FROM logs ORDER BY time, sequence LIMIT 1")]), ())


class BarCount(NamedTuple):
    """Records of a level and severity in the bar that begins here, microseconds since the Unix epoch."""

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
    """The most frequent values of a facet, the most frequent first, and how many there are."""

    values: list[ValueCount]
    distinct: int
    total: int


class Aggregates:
    """Like the Store, usable by many greenlets at once."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def check_regex(self, regex: str, timeout_s: float) -> None:
        """As the Store's."""
        self._store.check_regex(regex, timeout_s)

    def oldest_us(self) -> int | None:
        """The time of the oldest record, microseconds since the Unix epoch; None if there is none."""
        with self._store.transaction() as connection:
            found = _rows(connection, _OLDEST)
        return found[0][0] if found else None

    def counted_bars(self, wanted: Filter, width_us: int, now_us: int) -> list[BarCount]:
        """Exact counts of a countable filter, by bars of a multiple of a minute; bars without records are left out."""
        assert is_countable(wanted)
        assert width_us % MINUTE_US == 0
        parts = pieces(wanted.start_us, wanted.end_us, now_us, width_us)
        return self._bars(counts.bars(wanted, parts, width_us)) if parts else []

    def bars_of_records(self, wanted: Filter, width_us: int, timeout_s: float) -> list[BarCount]:
        """The same for any filter and width, by looking at the records. Raises StatementTimeout after timeout_s."""
        return self._bars(counts.bars_of_records(wanted, width_us), timeout_s)

    def nth_newest_us(self, start_us: int, end_us: int, n: int) -> int | None:
        """The time of the n-th newest record of a time range, matching or not; None if there are fewer."""
        with self._store.transaction() as connection:
            found = _rows(connection, counts.nth_newest_time(start_us, end_us, n))
        return found[0][0] if found else None

    def total(self, wanted: Filter, now_us: int) -> int:
        """The exact number of records that match a countable filter."""
        assert is_countable(wanted)
        parts = pieces(wanted.start_us, wanted.end_us, now_us)
        if not parts:
            return 0
        with self._store.transaction() as connection:
            return int(_rows(connection, counts.total(wanted, parts))[0][0])

    def top(self, wanted: Filter, limit: int, now_us: int) -> tuple[Top, Top]:
        """The most frequent levels and nodes of a countable filter, exactly counted."""
        assert is_countable(wanted)
        parts = pieces(wanted.start_us, wanted.end_us, now_us)
        found: list[tuple[Any, ...]] = []
        if parts:
            with self._store.transaction() as connection:
                found = _rows(connection, counts.top(wanted, parts, limit))
        return _top(found, 0), _top(found, 1)

    def _bars(self, statement: Statement, timeout_s: float | None = None) -> list[BarCount]:
        with self._store.transaction() as connection:
            if timeout_s is not None:
                set_timeout(connection, timeout_s)
            return [BarCount(*row) for row in _rows(connection, statement)]


def set_timeout(connection: Connection, timeout_s: float) -> None:
    """For the statements that follow in this transaction."""
    connection.execute(_SET_TIMEOUT.format(sql.Literal(max(1, round(timeout_s * 1_000)))))


def _top(rows: list[tuple[Any, ...]], facet: int) -> Top:
    mine = [row for row in rows if row[0] == facet]
    values = [ValueCount(value, count, severity) for _, value, severity, count, _, _ in mine]
    return Top(values, mine[0][4] if mine else 0, mine[0][5] if mine else 0)


def _rows(connection: Connection, statement: Statement) -> list[tuple[Any, ...]]:
    return connection.execute(statement.query, statement.values, binary=True).fetchall()
