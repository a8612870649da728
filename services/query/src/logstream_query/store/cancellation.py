"""Cancels the statements of clients that have disconnected. Otherwise a statement would run until its timeout and hold a
connection."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import Connection

from logstream_query.metrics import Metrics
from logstream_query.questions.clients import Client, current_client
from logstream_query.unavailable import ClientGone

log = logging.getLogger(__name__)

# Well below the second within which a statement should be cancelled, and still only a few wake-ups a second.
_LOOK_EVERY_S: Final = 0.1
_CANCEL_S: Final = 5.0


class _Watched:
    """A transaction of a client."""

    def __init__(self, connection: Connection, client: Client) -> None:
        self.connection = connection
        self.client = client
        self.is_being_cancelled = False
        self.was_cancelled = False


class Cancellation:
    """Belongs to one process and is started after the fork; watching() may be used by many greenlets or threads at once."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._watched: set[_Watched] = set()
        self._is_needed = threading.Event()
        self._is_stopped = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._look, name="cancellation", daemon=True).start()

    def stop(self) -> None:
        self._is_stopped.set()
        self._is_needed.set()

    @contextmanager
    def watching(self, connection: Connection) -> Iterator[None]:
        """For a transaction of the current request. Raises ClientGone if its client has disconnected before or does so
        meanwhile.

        A cancelled connection is closed: a cancellation that arrives late must not hit the statement of the next
        transaction.
        """
        client = current_client()
        if client is None:
            yield
            return
        if client.is_gone():
            raise ClientGone("the client disconnected")
        watched = _Watched(connection, client)
        self._watched.add(watched)
        self._is_needed.set()
        try:
            yield
        except psycopg.Error as error:
            if watched.was_cancelled:
                raise ClientGone("the client disconnected") from error
            raise
        finally:
            self._watched.discard(watched)
            if watched.was_cancelled:
                connection.close()

    def _look(self) -> None:
        while not self._is_stopped.is_set():
            self._is_needed.wait()
            # Cleared before the check, so that a transaction that is added meanwhile is not missed.
            self._is_needed.clear()
            self._is_stopped.wait(_LOOK_EVERY_S)
            for watched in list(self._watched):
                if not watched.is_being_cancelled and watched.client.is_gone():
                    watched.is_being_cancelled = True
                    threading.Thread(target=self._cancel, args=(watched,), daemon=True).start()
            if self._watched:
                self._is_needed.set()

    def _cancel(self, watched: _Watched) -> None:
        """Repeated with each check, because between two statements of a transaction there is nothing to cancel."""
        if not watched.was_cancelled:
            watched.was_cancelled = True
            self._metrics.cancelled_transactions.labels("client_gone").inc()
        try:
            watched.connection.cancel_safe(timeout=_CANCEL_S)
        except psycopg.Error as error:
            log.warning("statement not cancelled", extra={"error": str(error).strip()})
        watched.is_being_cancelled = False
