"""How connections to the database are opened and how values are converted. Timeouts that the URL does not set are added,
so that no connection can hang."""

import struct
from collections.abc import Mapping
from typing import Any, Final

from psycopg import Connection, ProgrammingError
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.postgres import types
from psycopg.pq import Format

from logstream_query.questions.moments import INFINITE_US, StoredTime
from logstream_query.store.attributes import read_attributes
from logstream_query.store.statements import Statement

# libpq's parameters. A dead peer is noticed within about ten seconds, when idle and in the middle of a query.
_DEFAULTS: Final[dict[str, Any]] = {
    "application_name": "logstream-query",
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
# No prepared statements and no implicit transactions of psycopg: both would break with poolers that switch connections in
# between.
CONNECT_OPTIONS: Final[dict[str, Any]] = {"autocommit": True, "prepare_threshold": None}

# PostgreSQL counts from the year 2000.
_POSTGRES_EPOCH_US: Final = 946_684_800_000_000
_INT64: Final = struct.Struct(">q")
# Since the Unix epoch: the first time of PostgreSQL, in 4714 BC, and the last that TimescaleDB stores, in 294246.
_FIRST_US: Final = -210_866_803_200_000_000
_LAST_US: Final = 9_223_371_331_199_999_999
_INFINITY: Final = _INT64.pack(2**63 - 1)


class _MicrosecondsLoader(Loader):
    """Loads a timestamptz as microseconds since the Unix epoch, without creating a datetime."""

    format = Format.BINARY

    def load(self, data: Buffer) -> int:
        micros: int = _INT64.unpack(data)[0]
        return micros + _POSTGRES_EPOCH_US


class _AttributesLoader(Loader):
    """Loads jsonb; only attributes are read as such."""

    format = Format.BINARY

    def load(self, data: Buffer) -> Mapping[str, str] | None:
        # The first byte is the version of the format.
        return read_attributes(data[1:])


class _StoredTimeDumper(Dumper):
    """The opposite of _MicrosecondsLoader. Times between the last time and infinity become the last time."""

    format = Format.BINARY
    oid = types["timestamptz"].oid

    def dump(self, obj: StoredTime) -> bytes:
        if obj.us >= INFINITE_US:
            return _INFINITY
        return _INT64.pack(max(_FIRST_US, min(obj.us, _LAST_US)) - _POSTGRES_EPOCH_US)


def connection_string(url: str) -> str:
    """libpq's form of the URL with our defaults; the URL's own settings take precedence. Raises ValueError."""
    try:
        return make_conninfo("", **(_DEFAULTS | conninfo_to_dict(url)))
    except ProgrammingError as error:
        raise ValueError(str(error).strip()) from error


def adapt(connection: Connection) -> None:
    """Sets how the connection's values are converted. Sends nothing."""
    connection.adapters.register_loader("timestamptz", _MicrosecondsLoader)
    connection.adapters.register_dumper(StoredTime, _StoredTimeDumper)
    connection.adapters.register_loader("jsonb", _AttributesLoader)


def fetch_rows(connection: Connection, statement: Statement) -> list[tuple[Any, ...]]:
    return connection.execute(statement.query, statement.values, binary=True).fetchall()
