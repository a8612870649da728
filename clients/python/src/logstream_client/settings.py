"""The settings, events and counts of a client."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import grpc

from logstream_client.encoding import BATCH_RECORDS, RECORDS_BYTES


@dataclass(frozen=True, slots=True)
class Dropped:
    """Records that will not be sent. `reason` is `full` (the buffer was full), `too_large` (a record larger than 4 MiB),
    `closed` (logged after close) or `undelivered` (not answered within the time limit of close)."""

    records: int
    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A batch that the gateway rejected permanently, with the gRPC status (such as `INVALID_ARGUMENT`) and the error
    message."""

    records: int
    status: str
    message: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A batch that could not be delivered yet and is retried. Reported once until the next success."""

    target: str
    status: str
    message: str


Event = Dropped | Rejected | Unreachable


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts since the client was made, or since the fork in a forked process. Each record is in exactly one of them."""

    records_buffered: int
    records_delivered: int
    records_rejected: int
    dropped_by_reason: Mapping[str, int]

    @property
    def records_dropped(self) -> int:
        """Dropped records, for all reasons."""
        return sum(self.dropped_by_reason.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a client batches, waits and gives up. Raises ValueError that names every invalid value."""

    # A batch is sent when it has this number of records or bytes, or when its oldest record has this age.
    flush_records: int = 1_000
    flush_bytes: int = 1024 * 1024
    flush_age_s: float = 0.2
    # Limits of the buffered records, including those that are being sent.
    buffer_records: int = 50_000
    buffer_bytes: int = 64 * 1024 * 1024
    # When the buffer is full: drop the record that is logged, or block the logging thread until there is room.
    when_full: Literal["drop", "block"] = "drop"
    # Time limit of an attempt, and upper bounds of the first and the longest wait before the next one.
    attempt_timeout_s: float = 10.0
    backoff_first_s: float = 0.1
    backoff_most_s: float = 5.0
    # How long close and the end of the process wait for the buffered records.
    close_timeout_s: float = 5.0
    # None: no TLS.
    credentials: grpc.ChannelCredentials | None = None
    channel_options: Sequence[tuple[str, str | int]] = ()
    # gRPC metadata of every call, such as a token.
    metadata: Sequence[tuple[str, str]] = field(default=(), repr=False)
    # Called for drops, rejections and outages, in the thread where they happen; must return soon. None: standard error.
    on_event: Callable[[Event], None] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        bounds: list[tuple[str, float, float]] = [
            ("flush_records", 1, BATCH_RECORDS),
            ("flush_bytes", 1, RECORDS_BYTES),
            ("flush_age_s", 0, 3600),
            ("buffer_records", 1, 2**31),
            ("buffer_bytes", 1, 2**40),
            ("attempt_timeout_s", 0.001, 3600),
            ("backoff_first_s", 0.001, 3600),
            ("backoff_most_s", 0.001, 3600),
            ("close_timeout_s", 0, 3600),
        ]
        problems = [
            f"{name}: {getattr(self, name)!r}, expected {lowest} to {highest}"
            for name, lowest, highest in bounds
            if not lowest <= getattr(self, name) <= highest
        ]
        if self.when_full not in ("drop", "block"):
            problems.append(f"when_full: {self.when_full!r}, expected 'drop' or 'block'")
        if problems:
            raise ValueError("; ".join(problems))
