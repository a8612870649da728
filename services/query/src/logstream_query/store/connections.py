"""How connections to the database are opened: what the URL leaves open is filled in so that none can hang."""

import struct
from typing import Any, Final

import orjson
from psycopg import Connection, ProgrammingError
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Format
from psycopg.types.json import set_json_loads

# libpq's parameters. A dead peer is noticed within about ten seconds, at rest and in the middle of a query.
_DEFAULTS: Final[dict[str, Any]] = {
    "application_name": "logstream-query",
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
# No prepared statements and no transactions of psycopg's own: both matter to poolers that switch connections in between.
CONNECT_OPTIONS: Final[dict[str, Any]] = {"autocommit": True, "prepare_threshold": None}

# PostgreSQL counts from the year 2000.
_POSTGRES_EPOCH_US: Final = 946_684_800_000_000
_INT64: Final = struct.Struct(">q")


class _MicrosecondsLoader(Loader):
    """Loads a timestamptz as microseconds since the Unix epoch, without the detour over a datetime."""

    format = Format.BINARY

    def load(self, data: Buffer) -> int:
        micros: int = _INT64.unpack(data)[0]
        return micros + _POSTGRES_EPOCH_US


def connection_string(url: str) -> str:
    """libpq's form of the URL with our defaults; what the URL says itself wins. Raises ValueError."""
    try:
        return make_conninfo("", **(_DEFAULTS | conninfo_to_dict(url)))
    except ProgrammingError as error:
        raise ValueError(str(error).strip()) from error


def adapt(connection: Connection) -> None:
    """Sets how the connection's values are read. Sends nothing."""
    connection.adapters.register_loader("timestamptz", _MicrosecondsLoader)
    set_json_loads(orjson.loads, connection)
