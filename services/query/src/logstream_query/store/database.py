"""Runs statements through a pool of connections. A Store belongs to one process and is opened after the fork. Its methods
may be called by many greenlets at once and block cooperatively."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

import psycopg
from logstream_contract.filters.filters import Filter
from logstream_contract.rows.rows import SEQUENCE_INDEX_BITS
from psycopg import Connection, errors, sql
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from logstream_query.metrics import Metrics
from logstream_query.questions.cursors import Order, Position
from logstream_query.questions.ranges import Range, common, merged
from logstream_query.store import bodies, presence, sketches, statements
from logstream_query.store.cancellation import Cancellation
from logstream_query.store.conditions import InvalidRegex
from logstream_query.store.connections import CONNECT_OPTIONS, adapt, connection_string, fetch_rows
from logstream_query.store.lookback import Lookback
from logstream_query.store.room import Room
from logstream_query.store.stored_record import StoredRecord
from logstream_query.unavailable import DatabaseBusy, DatabaseUnavailable, SchemaMissing, StatementTimeout, Unavailable

log = logging.getLogger(__name__)

# How many requests may wait for a connection at the same time; further ones fail at once with DatabaseBusy.
_MAX_WAITING: Final = 200
# The pool tries a lost connection again after 1 s, 2 s, 4 s ...; giving up early lets the next request start again, so that
# a database that was unavailable for long is noticed soon after it is back.
_RECONNECT_S: Final = 3.0
_READINESS_WAIT_S: Final = 1.0
# All statements of a transaction see the same records. Because it is set in the transaction, the timeout also works with a
# pooler.
_BEGIN: Final = sql.SQL("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = {}")
_REGEX: Final = sql.SQL("SELECT '' COLLATE \"pg_c_utf8\" ~ %s::text")
_COMMIT: Final = sql.SQL("COMMIT")
_OPEN_TRANSACTION: Final = (TransactionStatus.INTRANS, TransactionStatus.INERROR)
_READINESS: Final = sql.SQL("SELECT to_regclass('logs') IS NOT NULL AND to_regclass('batches') IS NOT NULL")


class Nearest(NamedTuple):
    """records: the matching ones. first, last: positions of the first and last record that was looked at; last is None if
    there are no more. Both are None if the limit was reached before, or the room is full."""

    records: list[StoredRecord]
    first: Position | None
    last: Position | None


def url_problem(url: str) -> str | None:
    """The problem with a database URL, or None."""
    try:
        connection_string(url)
    except ValueError as error:
        return str(error)
    return None


class Store:
    """Reads records. Every method raises Unavailable if the database does not respond in time."""

    def __init__(
        self, url: str, metrics: Metrics, *, pool_connections: int, pool_wait_s: float, statement_timeout_s: float
    ) -> None:
        # One line from the pool for each attempt is enough; its INFO lines report every checkout.
        logging.getLogger("psycopg.pool").setLevel(logging.WARNING)
        self._metrics = metrics
        self._size = pool_connections
        self._used = 0
        self._statement_timeout_s = statement_timeout_s
        self._cancellation = Cancellation(metrics)
        self._page_lookback = Lookback()
        self._rows_lookback = Lookback()
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            connection_string(url),
            kwargs=CONNECT_OPTIONS,
            configure=adapt,
            min_size=1,
            max_size=pool_connections,
            timeout=pool_wait_s,
            max_waiting=_MAX_WAITING,
            reconnect_timeout=_RECONNECT_S,
            open=False,
        )

    def open(self) -> None:
        """Starts connecting and does not wait for it."""
        self._cancellation.start()
        self._pool.open()

    def close(self) -> None:
        self._pool.close()
        self._cancellation.stop()

    def page(
        self,
        filter_: Filter,
        order: Order,
        after: Position | None,
        limit: int,
        room: Room,
        timeout_s: float | None = None,
    ) -> list[StoredRecord]:
        """The first `limit` matching records after a position (or from the end of the order), as far as the room holds
        them."""
        now_us = _now_us()
        with self.transaction(timeout_s=timeout_s) as connection:
            for attempt in self._page_lookback.attempts(filter_, order, after, now_us):
                rows = bodies.rows(connection, statements.page(attempt, order, after, limit, room.share_bytes))
                if is_full := len(rows) >= limit:
                    break
            records = bodies.fitting(connection, rows, order, room)
        self._page_lookback.learn(filter_, order, after, now_us, rows[-1].time_us if is_full else None)
        return records

    def check_regex(self, regex: str, timeout_s: float | None = None) -> None:
        """Raises InvalidRegex: a search that reads no record would not notice an invalid one. Compiling it may take the
        database long; it has timeout_s, or the store's own if None."""
        with self.transaction(timeout_s=timeout_s) as connection:
            connection.execute(_REGEX, (regex,))

    def nearest(
        self,
        filter_: Filter,
        order: Order,
        after: Position | None,
        limit: int,
        rows: int,
        timeout_s: float,
        room: Room,
    ) -> Nearest:
        """Looks at the next `rows` records, matching or not, and stops when `limit` of them match or the room is full."""
        now_us = _now_us()
        with self.transaction(timeout_s=timeout_s) as connection:
            for attempt in self._rows_lookback.attempts(filter_, order, after, now_us):
                matching = bodies.rows(connection, statements.nearest(attempt, order, after, limit, rows, room.share_bytes))
                if len(matching) >= limit:
                    return Nearest(bodies.fitting(connection, matching, order, room), None, None)
                ends = [
                    Position(*row) for row in fetch_rows(connection, statements.nearest_ends(attempt, order, after, rows))
                ]
                if len(ends) > 1:
                    break
            records = bodies.fitting(connection, matching, order, room)
        if room.is_full:
            return Nearest(records, None, None)
        first, last = (*ends, None, None)[:2]
        self._rows_lookback.learn(filter_, order, after, now_us, last and last.time_us)
        return Nearest(records, first, last)

    @staticmethod
    def is_indexed(filter_: Filter) -> bool:
        """Whether the search index can help with this filter."""
        return sketches.can_tell(filter_)

    def within(
        self,
        filter_: Filter,
        order: Order,
        ranges: Sequence[Range],
        after: Position | None,
        limit: int,
        timeout_s: float,
        room: Room,
    ) -> list[StoredRecord]:
        """The first matching records after a position that have these times, which must lie within the filter's own, as
        far as the room holds them."""
        with self.transaction(timeout_s=timeout_s) as connection:
            statement = statements.within(filter_, order, ranges, after, limit, room.share_bytes)
            return bodies.records(connection, statement, order, room)

    def last_time(self, filter_: Filter, order: Order, after: Position, timeout_s: float) -> int | None:
        """Microseconds since the epoch, of the last record of the filter's times; None if there is none from there on."""
        with self.transaction(timeout_s=timeout_s) as connection:
            rows = fetch_rows(connection, statements.last_time(filter_, order, after))
        return rows[0][0] if rows else None

    def possible(self, filter_: Filter, within: Range, timeout_s: float) -> list[Range] | None:
        """Newest first, the hours in which records can match as far as the counts and the search index know."""
        with self.transaction(timeout_s=timeout_s) as connection:
            hours = presence.present(connection, filter_, presence.HOUR_S, *within) if presence.can_tell(filter_) else None
            if hours is not None and not (hours := common(hours, [within])):
                return []
            span = Range(hours[-1].from_us, hours[0].to_us) if hours else within
            blocks = sketches.candidates(connection, filter_, *span)
        if blocks is None:
            return hours
        return merged(blocks) if hours is None else common(merged(blocks), hours)

    def present_minutes(self, filter_: Filter, within: Range, timeout_s: float) -> list[Range] | None:
        """Newest first, the minutes with records of the filter's nodes and levels; None if it names none."""
        if not presence.can_tell(filter_):
            return None
        with self.transaction(timeout_s=timeout_s) as connection:
            return presence.present(connection, filter_, presence.MINUTE_S, *within)

    def position_of(self, sequence: int) -> Position | None:
        """Of the stored record of this sequence."""
        with self.transaction() as connection:
            time_us = _time_of(connection, sequence)
        return None if time_us is None else Position(time_us, sequence)

    def problem(self) -> str | None:
        """Why requests fail at the moment, or None. A busy database is not a problem: it serves other requests."""
        if self._used >= self._size:
            return None
        try:
            with self.transaction(_READINESS_WAIT_S) as connection:
                row = connection.execute(_READINESS).fetchone()
        except DatabaseBusy:
            return None
        except Unavailable as error:
            return str(error)
        return None if row and row[0] else "the database has no logstream tables yet: waiting for a writer to create them"

    @contextmanager
    def transaction(self, wait_s: float | None = None, timeout_s: float | None = None) -> Iterator[Connection]:
        """A read-only transaction, in which all statements see the same records.

        wait_s: for a connection; None: the pool's own time. timeout_s: of each statement; None: the store's own. If the
        client of the current request disconnects, the statement is cancelled and ClientGone is raised.
        """
        try:
            with self._metrics.pool_waiting_requests.track_inprogress():
                connection = self._begun(wait_s or self._pool.timeout, timeout_s or self._statement_timeout_s)
            self._used += 1
            try:
                with self._metrics.pool_used_connections.track_inprogress(), self._cancellation.watching(connection):
                    yield connection
                    connection.execute(_COMMIT)
            except Exception:
                if connection.info.transaction_status in _OPEN_TRANSACTION:
                    connection.rollback()
                raise
            finally:
                self._used -= 1
                self._pool.putconn(connection)
        except psycopg.Error as error:
            raise self._unavailable(error, timeout_s or self._statement_timeout_s) from error

    def _begun(self, wait_s: float, timeout_s: float) -> Connection:
        """A connection of the pool with a transaction begun, which must be put back.

        BEGIN shows whether the connection was lost while it was in the pool. Then the next one is taken at once, no
        matter how many were lost; the pool's own check pauses for a second or more after each.
        """
        begin = _BEGIN.format(sql.Literal(max(1, round(timeout_s * 1_000))))
        deadline_s = time.monotonic() + wait_s
        for left in range(self._size, -1, -1):
            connection = self._pool.getconn(deadline_s - time.monotonic())
            try:
                connection.execute(begin)
            except BaseException as error:
                self._pool.putconn(connection)
                if not left or not isinstance(error, psycopg.OperationalError):
                    raise
            else:
                break
        return connection

    def _unavailable(self, error: psycopg.Error, timeout_s: float) -> Exception:
        """Translates psycopg's error into ours. An error that is not an outage but a bug is returned unchanged."""
        if isinstance(error, (TooManyRequests, PoolTimeout)):
            if self._used >= self._size or isinstance(error, TooManyRequests):
                return DatabaseBusy(f"all {self._size} connections to the database are in use: {error}")
            return DatabaseUnavailable("the database can't be reached")
        if isinstance(error, PoolClosed):
            return DatabaseUnavailable("this process is stopping")
        if isinstance(error, errors.InvalidRegularExpression):
            return InvalidRegex(error.diag.message_primary or str(error))
        if isinstance(error, errors.QueryCanceled):
            return StatementTimeout(
                f"no result within {timeout_s:.3g} s: use a shorter time range, or filter by level or node"
            )
        if isinstance(error, (errors.UndefinedTable, errors.UndefinedColumn)):
            return SchemaMissing(
                "the database has no logstream tables yet, or its tables belong to a different version of logstream"
            )
        if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
            log.warning("database error", extra={"error": str(error).strip(), "sqlstate": error.sqlstate})
            return DatabaseUnavailable("the database closed or refused the connection")
        return error


def _now_us() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1_000


def _time_of(connection: Connection, sequence: int) -> int | None:
    """Microseconds since the epoch. The batch's row bounds the search, since `logs` has no index by sequence alone."""
    batches = fetch_rows(connection, statements.batch_times(sequence >> SEQUENCE_INDEX_BITS))
    if not batches:
        return None
    from_us, to_us = batches[0]
    rows = fetch_rows(connection, statements.record_time(sequence, from_us, to_us))
    return rows[0][0] if rows else None
