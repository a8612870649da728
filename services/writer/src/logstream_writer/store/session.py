"""The connection of maintenance and its lock: of all processes on a database one at a time has it."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import make_conninfo

from logstream_writer.store.errors import StoreUnavailable, unavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

Connection = psycopg.Connection[Any]

# One number for the maintenance of a database; the session that has it does all of it, but for what keeps the disk from
# filling, which must not wait for the rest.
LOCK = 0x6C6F_6773_6D61_696E  # "logsmain"
DISK_LOCK = 0x6C6F_6773_6469_736B  # "logsdisk"

# Maintenance gives way: it waits at most two seconds for a lock, because others queue behind it meanwhile.
_SESSION = (
    "-c lock_timeout=2s -c statement_timeout=30min -c idle_in_transaction_session_timeout=60s "
    "-c timezone=UTC -c application_name=logstream-maintenance"
)
_CONNECTION = {
    "connect_timeout": 5,
    "tcp_user_timeout": 30_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}

_HOLDER = """
SELECT format('process %%s of %%s at %%s', pid, application_name, coalesce(host(client_addr), 'the database host'))
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND classid::bigint = %s AND objid::bigint = %s AND objsubid = 1 AND granted
"""


class Session:
    """Opened by acquire(), which takes the lock of this number. Not thread-safe but for cancel(). Blocks."""

    def __init__(self, database_url: str, lock: int = LOCK) -> None:
        self._lock = lock
        self._conninfo = make_conninfo(database_url, **_CONNECTION, options=_SESSION)
        self._connection: Connection | None = None

    @property
    def has_lock(self) -> bool:
        """Whether this session has the lock, as far as it knows: a lost connection is noticed by its next use."""
        return self._connection is not None and not self._connection.closed

    def acquire(self) -> bool:
        """Whether this session has the lock, which it keeps until close() or until its connection is lost.

        Raises StoreUnavailable.
        """
        if self.has_lock:
            return True
        self.close()
        try:
            # autocommit: transactions are opened by name, and some statements refuse to run within one.
            self._connection = psycopg.connect(self._conninfo, autocommit=True)
            row = self._connection.execute("SELECT pg_try_advisory_lock(%s)", [self._lock]).fetchone()
            if row and row[0]:
                return True
            self.close()
        except psycopg.Error as error:
            self.close()
            raise unavailable(error) from error
        return False

    def holder(self) -> str:
        """The process that has the lock, as text. Raises StoreUnavailable."""
        try:
            with psycopg.connect(self._conninfo, autocommit=True) as connection:
                row = connection.execute(_HOLDER, [self._lock >> 32, self._lock & 0xFFFF_FFFF]).fetchone()
        except psycopg.Error as error:
            raise unavailable(error) from error
        return str(row[0]) if row else "no process; the lock has been released"

    def run(self, work: Callable[[Connection], T]) -> T:
        """Calls work with the connection, in autocommit mode; acquire() must have succeeded.

        Raises StoreUnavailable, and what else work raises.
        """
        if self._connection is None:
            raise StoreUnavailable("the maintenance session is closed", None)
        try:
            return work(self._connection)
        except psycopg.Error as error:
            raise unavailable(error) from error

    def cancel(self) -> None:
        """From any thread: ends the statement that runs, which then raises StoreUnavailable in its thread."""
        connection = self._connection
        if connection is None or connection.closed:
            return
        try:
            connection.cancel_safe(timeout=5)
        except psycopg.Error as error:
            log.warning("maintenance could not be interrupted", extra={"error": str(error).strip()})

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None
