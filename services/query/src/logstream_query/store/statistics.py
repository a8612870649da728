"""How much is stored in total, through the connections of the store."""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from logstream_contract.counted_names import OTHER
from logstream_contract.filters.filters import Filter
from psycopg import Connection, sql

from logstream_query.questions.moments import MINUTE_US
from logstream_query.store import counts
from logstream_query.store.connections import fetch_rows
from logstream_query.store.counting import pieces
from logstream_query.store.database import Store
from logstream_query.store.statements import NEWEST, OLDEST

RATE_MINUTES: Final = 60
# Levels are free text, and a response must not grow with their number.
MAX_LEVELS: Final = 50
# The table's own bytes with those of long values; the total includes the indexes.
_SIZE: Final = sql.SQL(
    "SELECT (table_bytes + coalesce(toast_bytes, 0))::bigint, index_bytes::bigint, total_bytes::bigint"
    " FROM hypertable_detailed_size('logs')"
)
_CHUNKS: Final = sql.SQL("SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_name = 'logs'")
_VERSIONS: Final = sql.SQL(
    "SELECT coalesce(current_setting('timescaledb.license', true), '') = 'timescale', current_setting('server_version'),"
    " (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb')"
)
_INDEXED: Final = sql.SQL(
    "SELECT (SELECT coalesce(sum(rows), 0)::bigint FROM search_segments), (SELECT max(to_number) FROM search_segments),"
    " (SELECT max(number) FROM batches)"
)


class Levels(NamedTuple):
    """The most frequent levels with their numbers of records, the most frequent first; the number of further levels; and
    the number of all records."""

    top: dict[str, int]
    other: int
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Times are microseconds since the Unix epoch, None if there are no records.

    minute_us: the start of the last whole minute. last_minute, last_hour: its records, and those of the 60 whole minutes
    that end with it. indexed_to, newest_batch: numbers of batches, None if there is none.
    """

    rows: int
    oldest_us: int | None
    newest_us: int | None
    table_bytes: int
    index_bytes: int
    total_bytes: int
    chunks: int
    community: bool
    postgresql: str
    timescaledb: str
    minute_us: int
    last_minute: Levels
    last_hour: Levels
    indexed_rows: int
    indexed_to: int | None
    newest_batch: int | None


def read_statistics(store: Store, now_us: int) -> Statistics:
    """Raises Unavailable."""
    minute_us = now_us // MINUTE_US * MINUTE_US - MINUTE_US
    with store.transaction() as connection:
        table_bytes, index_bytes, total_bytes = _row(connection, _SIZE) or (0, 0, 0)
        community, postgresql, timescaledb = _row(connection, _VERSIONS) or (False, "", "")
        last_minute, last_hour = (_levels(connection, minute_us, minutes) for minutes in (1, RATE_MINUTES))
        indexed_rows, indexed_to, newest_batch = _row(connection, _INDEXED) or (0, None, None)
        everything = counts.total(Filter(), pieces(None, None, now_us))
        return Statistics(
            rows=fetch_rows(connection, everything)[0][0],
            oldest_us=_value(connection, OLDEST),
            newest_us=_value(connection, NEWEST),
            table_bytes=table_bytes,
            index_bytes=index_bytes,
            total_bytes=total_bytes,
            chunks=_value(connection, _CHUNKS),
            community=community,
            postgresql=postgresql.partition(" ")[0],
            timescaledb=timescaledb,
            minute_us=minute_us,
            last_minute=last_minute,
            last_hour=last_hour,
            indexed_rows=indexed_rows,
            indexed_to=indexed_to,
            newest_batch=newest_batch,
        )


def _levels(connection: Connection, last_minute_us: int, minutes: int) -> Levels:
    """The levels of this many minutes, the last of which begins here."""
    end_us = last_minute_us + MINUTE_US
    statement = counts.top_levels(pieces(end_us - minutes * MINUTE_US, end_us, end_us), MAX_LEVELS)
    rows = fetch_rows(connection, statement)
    distinct, records = rows[0][2:] if rows else (0, 0)
    named = {level: count for level, count, _, _ in rows if level != OTHER}
    return Levels(named, distinct - len(named), records)


def _row(connection: Connection, query: sql.SQL) -> tuple[Any, ...] | None:
    return connection.execute(query, binary=True).fetchone()


def _value(connection: Connection, query: sql.SQL) -> Any:
    row = _row(connection, query)
    return row[0] if row else None
