"""The connection of a process that stores. It is opened when needed, and closed after an error, so that the next use opens a
new one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg.conninfo import make_conninfo

from logstream_writer.store.errors import unavailable

Connection = psycopg.Connection[Any]

# A writer that is cut off in mid-transaction must not hold its locks for longer than these, on either side of the cut.
_SESSION: Final = (
    "-c synchronous_commit=on -c lock_timeout=10s -c idle_in_transaction_session_timeout=30s "
    "-c statement_timeout=120s -c tcp_user_timeout=30s -c timezone=UTC"
)
_CONNECTION: Final = {"connect_timeout": 5, "tcp_user_timeout": 30_000, "keepalives_idle": 10, "keepalives_interval": 5}


class Database:
    """Nothing waits for long, and a commit is on disk. opened: is given each new connection. Not thread-safe. Blocks."""

    def __init__(
        self, database_url: str, application_name: str, opened: Callable[[Connection], object] = lambda _: None
    ) -> None:
        options = f"{_SESSION} -c application_name={application_name}"
        self._conninfo = make_conninfo(database_url, **_CONNECTION, options=options)
        self._opened = opened
        self._connection: Connection | None = None

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """The connection, in autocommit mode: transactions are opened by name, and a read holds none open. Raises
        StoreUnavailable for errors of the database within."""
        try:
            yield self._connect()
        except psycopg.Error as error:
            self.close()
            raise unavailable(error) from error

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def _connect(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._conninfo, autocommit=True)
            self._opened(self._connection)
        return self._connection
