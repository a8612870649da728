"""Sends encoded batches to LogIngest/Push until each is answered. The only module that knows gRPC. It must never change the
bytes of a batch: logstream recognises a retry by its id and stores it once."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from logstream_client.settings import Settings

METHOD: Final = "/logstream.v1.LogIngest/Push"

# Statuses that are not about the batch: retried without a limit.
_TRANSIENT: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
    }
)
# A broken connection, or a server that fails on this batch: retried a limited number of times, because other batches wait.
_DOUBTFUL: Final = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS})
_DOUBTFUL_ATTEMPTS: Final = 10
_TOO_LARGE: Final = "larger than max"
_LONGEST_RETRY_INFO_S: Final = 60.0
_SHORTEST_ATTEMPT_S: Final = 0.05

_CHANNEL_OPTIONS: Final = (
    # Makes a new channel open a new connection: see Delivery.deliver.
    ("grpc.use_local_subchannel_pool", 1),
    # The default wait between connection attempts grows to two minutes. A gateway that is back should be found sooner.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5000),
    # This module retries: it has the bytes.
    ("grpc.enable_retries", 0),
)


class RejectedError(Exception):
    """The gateway rejected a batch permanently. The arguments are the name of the gRPC status and the error message."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class AbandonedError(Exception):
    """The time was over before a batch was answered."""


@dataclass(frozen=True, slots=True)
class _Failure:
    status: grpc.StatusCode
    message: str
    retry_after_s: float | None

    def is_final(self, attempts: int) -> bool:
        """Whether to give up after this number of attempts."""
        if self.status in _DOUBTFUL:
            return attempts >= _DOUBTFUL_ATTEMPTS
        if self.status is grpc.StatusCode.RESOURCE_EXHAUSTED:
            # gRPC uses this status both for a server that is too busy and for a message that is too large.
            return _TOO_LARGE in self.message
        return self.status not in _TRANSIENT


class Delivery:
    """One channel to one gateway. Only one thread at a time may call `deliver`; any thread may call `abandon_at`.

    `on_failure(status, message)` is called after each failed attempt that another one follows.
    """

    def __init__(self, target: str, settings: Settings, on_failure: Callable[[str, str], None]) -> None:
        self._target = target
        self._settings = settings
        self._on_failure = on_failure
        self._abandon_at: float | None = None
        self._changed = threading.Event()
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None

    def deliver(self, batch: bytes) -> None:
        """Blocks until the batch is accepted. Raises RejectedError, or AbandonedError after the moment of abandon_at."""
        attempts = 0
        while (failure := self._attempt(batch)) is not None:
            attempts += 1
            if failure.is_final(attempts):
                raise RejectedError(failure.status.name, failure.message)
            # After an attempt without an answer the connection may be dead, which TCP notices only after minutes.
            if failure.status is grpc.StatusCode.DEADLINE_EXCEEDED:
                self._disconnect()
            self._on_failure(failure.status.name, failure.message)
            self._pause(attempts, failure.retry_after_s)

    def abandon_at(self, moment: float) -> None:
        """Ends deliveries at a moment of time.monotonic(): no attempt begins or lasts after it, except the present one."""
        self._abandon_at = moment
        self._changed.set()

    def close(self) -> None:
        """Closes the channel. The present attempt fails at once."""
        self._disconnect()

    def _attempt(self, batch: bytes) -> _Failure | None:
        timeout_s = min(self._settings.attempt_timeout_s, self._remaining_s())
        if timeout_s <= 0:
            raise AbandonedError
        try:
            self._connect().unary_unary(METHOD, request_serializer=_identity, response_deserializer=_identity)(
                batch, timeout=timeout_s, metadata=tuple(self._settings.metadata)
            )
        except grpc.RpcError as error:
            return _failure(error)
        except ValueError as error:
            # gRPC raises this if the channel was closed in the meantime.
            return _Failure(grpc.StatusCode.CANCELLED, str(error), None)
        return None

    def _connect(self) -> grpc.Channel:
        with self._lock:
            if self._channel is None:
                options = [*_CHANNEL_OPTIONS, *self._settings.channel_options]
                if self._settings.credentials is None:
                    self._channel = grpc.insecure_channel(self._target, options)
                else:
                    self._channel = grpc.secure_channel(self._target, self._settings.credentials, options)
            return self._channel

    def _disconnect(self) -> None:
        with self._lock:
            channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def _pause(self, attempts: int, retry_after_s: float | None) -> None:
        """Waits before the next attempt: full jitter below a doubling bound, and never less than the gateway asked for,
        plus up to a tenth. Raises AbandonedError when no attempt can follow."""
        # A formula of its own: a published package may not import the services' (logstream_runtime.retry).
        bound_s = min(self._settings.backoff_most_s, self._settings.backoff_first_s * 2 ** min(attempts - 1, 30))
        jittered_s = random.uniform(0, bound_s)
        requested_s = min(retry_after_s or 0.0, _LONGEST_RETRY_INFO_S) * random.uniform(1.0, 1.1)
        started_at = time.monotonic()
        while True:
            waited_s = time.monotonic() - started_at
            remaining_s = self._remaining_s()
            if remaining_s < max(requested_s - waited_s, _SHORTEST_ATTEMPT_S):
                raise AbandonedError
            # Near the closing time the client's own part of the wait becomes shorter, so that the last attempts happen
            # before it.
            wait_s = max(requested_s, min(jittered_s, remaining_s / 8)) - waited_s
            if wait_s <= 0:
                return
            if self._changed.wait(wait_s):
                self._changed.clear()

    def _remaining_s(self) -> float:
        return float("inf") if self._abandon_at is None else self._abandon_at - time.monotonic()


def _identity(message: bytes) -> bytes:
    return message


def _failure(error: Any) -> _Failure:
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            return _Failure(error.code(), error.details() or "", _retry_after_s(value))
    return _Failure(error.code(), error.details() or "", None)


def _retry_after_s(details: bytes) -> float | None:
    """The delay of google.rpc.RetryInfo in the error details; None if there is none.

    `details` is the trailer `grpc-status-details-bin`, a google.rpc.Status. Source: gRPC's richer error model.
    """
    try:
        status = status_pb2.Status.FromString(details)
        for detail in status.details:
            retry_info = error_details_pb2.RetryInfo()
            if detail.Unpack(retry_info):
                return float(max(0.0, retry_info.retry_delay.seconds + retry_info.retry_delay.nanos / 1e9))
    except DecodeError:
        pass
    return None
