"""Sends records to a logstream gateway in batches, from a separate thread. It must never block the application unless a
setting says so, never lose a record without counting it, and never send a record under two batch ids."""

import atexit
import os
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from logstream_client.announcer import StandardErrorAnnouncer
from logstream_client.buffer import Buffer, TakenRecords
from logstream_client.delivery import AbandonedError, Delivery, RejectedError
from logstream_client.encoding import check_node, encode_batch, encode_record
from logstream_client.settings import Dropped, Event, Rejected, Settings, Stats, Unreachable

_WARN: Final = 13
_ANNOUNCE_PAUSE_S: Final = 10.0
# How much longer than the closing time an attempt may take before its channel is closed.
_LAST_ATTEMPT_S: Final = 0.2


class Client:
    """Batches records for one node (the name of a service) and delivers each batch exactly once, as long as the process
    lives.

    target is a gRPC target such as `127.0.0.1:4317`. Thread-safe. The client opens no connection and starts no thread before
    the first record, so it may be made before a fork. A forked process gets an empty buffer and its own connection; buffered
    records stay with the parent. Close the client, use it as a context manager, or let the end of the process close it. With
    close_at_exit=False you must close it. Raises ValueError for a node that is not 1 to 255 bytes.
    """

    def __init__(self, target: str, node: str, settings: Settings | None = None, *, close_at_exit: bool = True) -> None:
        self._target = target
        self._node = check_node(node)
        self._settings = settings or Settings()
        self._on_event = self._settings.on_event or StandardErrorAnnouncer()
        self._parents: list[object] = []
        self._open()
        _clients.add(self)
        if close_at_exit:
            _closed_at_exit.add(self)

    def log(
        self,
        message: str,
        *,
        level: str = "info",
        severity: int = 0,
        time_unix_nano: int | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> bool:
        """Buffers a record; returns False when it was dropped. Severity 0: derived from the level. No time: now.

        Blocks only if the buffer is full and the setting says so. Raises TypeError for values of other types.
        """
        if time_unix_nano is None:
            time_unix_nano = time.time_ns()
        was_buffered = self._buffer.put(encode_record(time_unix_nano, severity, level, message, attributes))
        if not was_buffered:
            self._announce_drops(_ANNOUNCE_PAUSE_S)
        elif self._sender is None:
            self._start()
        return was_buffered

    def flush(self, timeout_s: float | None = None) -> bool:
        """Blocks until all records logged so far are delivered, rejected or dropped. Returns False when timeout_s is over
        before."""
        if self._sender is None and self._buffer.stats().records_buffered and not self._start():
            self._send_here(timeout_s)
        return self._buffer.wait_settled(timeout_s)

    def close(self, timeout_s: float | None = None) -> bool:
        """Delivers the buffered records for at most timeout_s (default: the setting close_timeout_s), drops and announces
        the rest, and closes the connection. Returns True when nothing was left. Later records are dropped. Safe to call
        again."""
        if timeout_s is None:
            timeout_s = self._settings.close_timeout_s
        _clients.discard(self)
        _closed_at_exit.discard(self)
        self._delivery.abandon_at(time.monotonic() + timeout_s)
        self._buffer.close()
        if self._sender is None and self._buffer.stats().records_buffered and not self._start():
            self._send_here(timeout_s)
        delivered = self._buffer.wait_settled(timeout_s + _LAST_ATTEMPT_S)
        if not delivered:
            self._delivery.close()
        sender = self._sender
        if sender is not None and sender is not threading.current_thread():
            sender.join(_LAST_ATTEMPT_S * 10)
        self._delivery.close()
        self._announce_drops(0)
        return delivered and not self._buffer.stats().dropped_by_reason.get("undelivered")

    def stats(self) -> Stats:
        """The present counts."""
        return self._buffer.stats()

    def is_sending_thread(self) -> bool:
        """Whether the caller runs in this client's sending thread, whose log records must not be sent."""
        return threading.current_thread() is self._sender

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _open(self) -> None:
        self._buffer = Buffer(self._settings)
        self._delivery = Delivery(self._target, self._settings, self._on_failure)
        self._sender: threading.Thread | None = None
        self._start_lock = threading.Lock()
        self._is_unreachable = False

    def _reopen_after_fork(self) -> None:
        # A reference keeps the parent's channel from the garbage collector: closing it here would affect the parent's
        # connection.
        self._parents.append((self._delivery, self._buffer))
        self._open()

    def _start(self) -> bool:
        """Starts the sending thread unless it runs. Returns False when the interpreter is ending and allows no more
        threads."""
        with self._start_lock:
            if self._sender is None:
                sender = threading.Thread(target=self._send_all, name="logstream-client", daemon=True)
                try:
                    sender.start()
                except RuntimeError:
                    return False
                self._sender = sender
            return True

    def _send_all(self) -> None:
        while (taken := self._buffer.take()) is not None:
            self._send(taken)

    def _send_here(self, timeout_s: float | None) -> None:
        """Does the work of the sending thread in the caller's thread, when no thread can be started any more."""
        if timeout_s is not None:
            self._delivery.abandon_at(time.monotonic() + timeout_s)
        with self._start_lock:
            while self._buffer.stats().records_buffered and (taken := self._buffer.take()) is not None:
                self._send(taken)

    def _send(self, taken: TakenRecords) -> None:
        outcome = "undelivered"
        try:
            outcome = self._deliver(encode_batch(self._node, taken.records), len(taken.records))
            if outcome == "delivered":
                self._log_drops()
        except Exception:  # noqa: BLE001 - the top of the sending loop: the failure of one batch must not end all sending
            self._print_error()
        self._buffer.settle(taken, outcome)
        self._announce_drops(_ANNOUNCE_PAUSE_S)

    def _deliver(self, batch: bytes, records: int) -> str:
        try:
            self._delivery.deliver(batch)
        except RejectedError as error:
            self._announce(Rejected(records, error.status, error.message))
            return "rejected"
        except AbandonedError:
            return "undelivered"
        self._is_unreachable = False
        return "delivered"

    def _on_failure(self, status: str, message: str) -> None:
        if not self._is_unreachable:
            self._is_unreachable = True
            self._announce(Unreachable(self._target, status, message))

    def _log_drops(self) -> None:
        """Sends a record that says how many records are missing, so that readers of the log notice the gap."""
        drops = self._buffer.new_drops("log_record", _ANNOUNCE_PAUSE_S)
        if not drops:
            return
        reasons = ", ".join(f"{records} {reason}" for reason, records in sorted(drops.items()))
        attributes = {"logstream.records_dropped": str(drops.total())}
        message = f"{drops.total()} records were dropped before they could be sent ({reasons})"
        self._deliver(encode_batch(self._node, [encode_record(time.time_ns(), _WARN, "warn", message, attributes)]), 1)

    def _announce_drops(self, min_pause_s: float) -> None:
        for reason, records in self._buffer.new_drops("event", min_pause_s).items():
            self._announce(Dropped(records, reason))

    def _announce(self, event: Event) -> None:
        try:
            self._on_event(event)
        except Exception:  # noqa: BLE001 - the failure of a listener must affect neither the application nor the sending
            self._print_error()

    @staticmethod
    def _print_error() -> None:
        if sys.stderr is not None:
            traceback.print_exc(file=sys.stderr)


# Clients must act on two events of the process: a fork, and the end.
_clients: "weakref.WeakSet[Client]" = weakref.WeakSet()
_closed_at_exit: "weakref.WeakSet[Client]" = weakref.WeakSet()


def _reopen_all() -> None:
    for client in list(_clients):
        client._reopen_after_fork()


def _close_all() -> None:
    for client in list(_closed_at_exit):
        client.close()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reopen_all)
