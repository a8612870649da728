"""Senders of the three ways in: they speak the protocol as any client would. They must keep the bytes of a batch for
its retries, and never retry a SendLog."""

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import grpc

from harness import wire
from harness.ledger import Ledger

DEADLINE_S = 15
# How long a batch is tried before its sender gives up and leaves it unanswered.
PATIENCE_S = 120
LEVELS = ("error", "warn", "info", "http", "debug")
# Statuses after which the same bytes may be accepted; anything else is a verdict about the batch or a defect.
FAULTS = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED"})
CHANNEL_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_send_message_length", -1),
)


@dataclass(frozen=True)
class Batch:
    raw: bytes
    messages: tuple[str, ...]


def channel(address: str) -> Any:
    """A channel of its own to host:port that reconnects quickly."""
    return grpc.insecure_channel(address, options=CHANNEL_OPTIONS)


def new_batch_id() -> bytes:
    """A UUIDv7. Source: RFC 9562, section 5.7."""
    value = time.time_ns() // 1_000_000 << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0b11 << 62) | 0b10 << 62
    return value.to_bytes(16, "big")


def seed_timestamp(moment: datetime | None = None) -> str:
    """A time as the seed's clients write it, four digits after the last colon."""
    moment = moment or datetime.now(UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}:{moment.microsecond // 100:04d}"


def make_batch(node: str, messages: Sequence[str], times_ns: Sequence[int] | None = None) -> Batch:
    """One encoded LogBatch, its records' levels in turn and their times now unless given."""
    messages_of = wire.compiled()
    now = time.time_ns()
    records = [
        messages_of.LogRecord(
            time_unix_nano=times_ns[index] if times_ns else now + index * 1_000,
            level=LEVELS[index % len(LEVELS)],
            message=message,
            attributes={"n": str(index)},
        )
        for index, message in enumerate(messages)
    ]
    batch = messages_of.LogBatch(batch_id=new_batch_id(), node=node, records=records)
    return Batch(batch.SerializeToString(), tuple(messages))


class Sender:
    """A sender of one node over a channel of its own; not thread-safe."""

    def __init__(self, address: str, ledger: Ledger, name: str, seed: int = 0) -> None:
        self.ledger = ledger
        self.name = name
        self.node = ledger.node(name)
        self._random = random.Random(f"{seed} {name}")
        self._made = 0
        self._channel = channel(address)
        result_of = wire.compiled().PushResult.FromString
        self._push = self._channel.unary_unary(wire.PUSH, response_deserializer=result_of)
        self._push_stream = self._channel.stream_stream(wire.PUSH_STREAM, response_deserializer=result_of)
        self._send_log = self._channel.unary_unary(
            wire.SEND_LOG,
            request_serializer=wire.compiled().LogRequest.SerializeToString,
            response_deserializer=wire.compiled().LogResponse.FromString,
        )

    def close(self) -> None:
        self._channel.close()

    def batch(self, records: int) -> Batch:
        """The next batch of this many records."""
        return make_batch(self.node, [self._message() for _ in range(records)])

    def push(self, batch: Batch) -> None:
        """Push until answered. The same bytes go out each time."""

        def attempt() -> None:
            result = self._push(batch.raw, timeout=DEADLINE_S)
            self._check(result, batch)
            self.ledger.accept(batch.messages)

        if not self._until_answered(attempt):
            self.ledger.leave_unanswered(batch.messages)

    def push_stream(self, batches: Sequence[Batch]) -> None:
        """One PushStream call for all batches; those without a result go out again on a new stream."""
        pending = list(batches)

        def attempt() -> None:
            for result in self._push_stream(iter([batch.raw for batch in pending]), timeout=DEADLINE_S):
                batch = pending.pop(0)
                self._check(result, batch)
                self.ledger.accept(batch.messages)
            if pending:
                self.ledger.refuse(f"{self.name}: PushStream ended OK, {len(pending)} batches without a result")
                pending.clear()

        if not self._until_answered(attempt):
            for batch in pending:
                self.ledger.leave_unanswered(batch.messages)

    def send_log(self) -> None:
        """One SendLog call, never retried."""
        message = self._message()
        request = wire.compiled().LogRequest(
            node=self.node, timestamp=seed_timestamp(), level=self._random.choice(LEVELS), message=message
        )
        try:
            answer = self._send_log(request, timeout=DEADLINE_S)
        except grpc.RpcError as error:
            self.ledger.leave_unanswered([message])
            if error.code().name not in FAULTS:
                self.ledger.refuse(f"{self.name}: SendLog {_status(error)}")
            return
        if answer.success:
            self.ledger.accept([message])
        else:
            self.ledger.refuse(f"{self.name}: SendLog answered success=false")

    def pause(self, mean_s: float) -> None:
        """Sleeps for a random while of this mean."""
        time.sleep(self._random.uniform(0, 2 * mean_s))

    def _message(self) -> str:
        self._made += 1
        return f"{self.node} record {self._made:06d}"

    def _check(self, result: Any, batch: Batch) -> None:
        if result.accepted != len(batch.messages):
            self.ledger.refuse(f"{self.name}: accepted={result.accepted} of {len(batch.messages)} records")

    def _until_answered(self, attempt: Callable[[], None]) -> bool:
        for wait_s in self._backoff():
            try:
                attempt()
                return True
            except grpc.RpcError as error:
                if error.code().name not in FAULTS:
                    self.ledger.refuse(f"{self.name}: {_status(error)}")
                    return False
                self.ledger.retry()
                time.sleep(wait_s)
        return False

    def _backoff(self) -> Iterator[float]:
        deadline = time.monotonic() + PATIENCE_S
        longest_s = 0.1
        while time.monotonic() < deadline:
            yield self._random.uniform(longest_s / 2, longest_s)
            longest_s = min(2 * longest_s, 2.0)


def _status(error: grpc.RpcError) -> str:
    return f"{error.code().name}: {error.details()}"
