"""What a user can set, the events a user can hear of and the counts a user can read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import grpc

from logstream_client.encoding import BATCH_RECORDS, RECORDS_BYTES


@dataclass(frozen=True, slots=True)
class Dropped:
    """Records that will not be sent. `reason` is `full` (the buffer was), `too_large` (a record past 4 MiB), `closed`
    (logged after close) or `undelivered` (still unanswered when close ran out of time)."""

    records: int
    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A batch the gateway refused for good, with its gRPC status (`INVALID_ARGUMENT`) and its message."""

    records: int
    status: str
    message: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A batch could not be delivered yet and is tried again; told once until the next success."""

    target: str
    status: str
    message: str


Event = Dropped | Rejected | Unreachable


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts since the client was made, or since the fork in a forked process. A record is in exactly one of them."""

    records_buffered: int
    records_delivered: int
    records_rejected: int
    dropped_by_reason: Mapping[str, int]

    @property
    def records_dropped(self) -> int:
        """Dropped records of all reasons."""
        return sum(self.dropped_by_reason.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a client batches, waits and gives up. Raises ValueError naming every value that makes no sense."""

    # A batch goes out when it has this many records or bytes, or when its oldest record is this old.
    flush_records: int = 1_000
    flush_bytes: int = 1024 * 1024
    flush_age_s: float = 0.2
    # What may wait at most, records on their way included.
    buffer_records: int = 50_000
    buffer_bytes: int = 64 * 1024 * 1024
    # A full buffer drops the record being logged, or blocks the thread that logs until there is room.
    when_full: Literal["drop", "block"] = "drop"
    # One attempt, and the bounds of the wait before the next one.
    attempt_timeout_s: float = 10.0
    backoff_first_s: float = 0.1
    backoff_most_s: float = 5.0
    # How long close, and the end of the process, wait for what is buffered.
    close_timeout_s: float = 5.0
    # None speaks plain text.
    credentials: grpc.ChannelCredentials | None = None
    channel_options: Sequence[tuple[str, str | int]] = ()
    # gRPC metadata of every call, such as a token.
    metadata: Sequence[tuple[str, str]] = field(default=(), repr=False)
    # Hears of drops, rejections and outages, in the thread where they happen; must return soon. None: standard error.
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
