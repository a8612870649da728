"""Holds encoded records between the threads that log and the one that sends. It must not know the network or protobuf."""

import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import Literal

from logstream_client.encoding import BATCH_RECORDS, RECORDS_BYTES
from logstream_client.settings import Settings, Stats


@dataclass(frozen=True, slots=True)
class TakenRecords:
    """Encoded records that are being sent; they count as held until they are settled."""

    records: list[bytes]
    records_bytes: int


class Buffer:
    """A bounded queue of encoded records, first in, first out. Thread-safe. Only `put` with when_full="block", `take` and
    `wait_settled` block."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        lock = threading.Lock()
        self._due = threading.Condition(lock)
        self._room = threading.Condition(lock)
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._oldest_at = 0.0
        self._held_records = 0
        self._held_bytes = 0
        self._put_records = 0
        self._settled_records = 0
        self._flush_target_records = 0
        self._delivered_records = 0
        self._rejected_records = 0
        self._dropped: Counter[str] = Counter()
        self._unreported_drops = {use: Counter[str]() for use in ("event", "log_record")}
        self._drops_reported_at = dict.fromkeys(self._unreported_drops, float("-inf"))
        self._closed = False

    def put(self, record: bytes) -> bool:
        """Adds an encoded record; returns False when it was dropped. A record is dropped when the buffer is full (unless the
        setting is to block) or closed, or when the record does not fit into any batch."""
        size_bytes = len(record)
        with self._due:
            if size_bytes > RECORDS_BYTES:
                return self._drop("too_large")
            while self._is_full(size_bytes) and not self._closed:
                if self._settings.when_full == "drop":
                    return self._drop("full")
                self._due.notify()
                self._room.wait()
            if self._closed:
                return self._drop("closed")
            if not self._waiting:
                self._oldest_at = time.monotonic()
            self._waiting.append(record)
            self._waiting_bytes += size_bytes
            self._held_records += 1
            self._held_bytes += size_bytes
            self._put_records += 1
            # The sending thread waits for the first record without a limit, and for the others until the first one's age.
            if len(self._waiting) == 1 or self._is_enough():
                self._due.notify()
            return True

    def take(self) -> TakenRecords | None:
        """Blocks until a batch is due and returns its records, oldest first. Returns None when closed and empty."""
        with self._due:
            while True:
                if self._waiting:
                    wait_s = self._oldest_at + self._settings.flush_age_s - time.monotonic()
                    if wait_s <= 0 or self._is_enough() or self._is_flushing():
                        return self._pop()
                    self._due.wait(wait_s)
                elif self._closed:
                    return None
                else:
                    self._due.wait()

    def settle(self, taken: TakenRecords, outcome: str) -> None:
        """Counts the outcome of taken records: `delivered`, `rejected`, or the reason for which they are dropped."""
        records = len(taken.records)
        with self._room:
            self._held_records -= records
            self._held_bytes -= taken.records_bytes
            self._settled_records += records
            if outcome == "delivered":
                self._delivered_records += records
            elif outcome == "rejected":
                self._rejected_records += records
            else:
                self._count_drop(outcome, records)
            self._room.notify_all()

    def wait_settled(self, timeout_s: float | None) -> bool:
        """Makes all records so far due and blocks until they are settled. Returns False when the timeout is over before."""
        with self._room:
            target = self._put_records
            self._flush_target_records = max(self._flush_target_records, target)
            self._due.notify()
            return self._room.wait_for(lambda: self._settled_records >= target, timeout_s)

    def close(self) -> None:
        """Refuses further records. The held records stay due."""
        with self._room:
            self._closed = True
            self._due.notify_all()
            self._room.notify_all()

    def new_drops(self, use: Literal["event", "log_record"], min_pause_s: float = 0.0) -> Counter[str]:
        """Dropped records by reason, since the last call with this use that returned any. Empty within min_pause_s of it.
        The uses are the two ways in which drops are reported: as an event in the process, and as a record in the log."""
        with self._room:
            now = time.monotonic()
            drops = self._unreported_drops[use]
            if not drops or now - self._drops_reported_at[use] < min_pause_s:
                return Counter()
            self._unreported_drops[use] = Counter()
            self._drops_reported_at[use] = now
            return drops

    def stats(self) -> Stats:
        """The present counts."""
        with self._room:
            return Stats(
                records_buffered=self._held_records,
                records_delivered=self._delivered_records,
                records_rejected=self._rejected_records,
                dropped_by_reason=dict(self._dropped),
            )

    def _is_full(self, size_bytes: int) -> bool:
        # An empty buffer accepts a record that is larger than the whole buffer. Otherwise it would always block or be
        # dropped.
        return self._held_records >= self._settings.buffer_records or (
            self._held_records > 0 and self._held_bytes + size_bytes > self._settings.buffer_bytes
        )

    def _is_enough(self) -> bool:
        return (
            len(self._waiting) >= self._settings.flush_records
            or self._waiting_bytes >= self._settings.flush_bytes
            # A buffer that is smaller than a batch never reaches the limits of a batch.
            or self._held_records >= self._settings.buffer_records
        )

    def _is_flushing(self) -> bool:
        return self._closed or self._settled_records < self._flush_target_records

    def _drop(self, reason: str) -> bool:
        self._count_drop(reason, 1)
        return False

    def _count_drop(self, reason: str, records: int) -> None:
        self._dropped[reason] += records
        for drops in self._unreported_drops.values():
            drops[reason] += records

    def _pop(self) -> TakenRecords:
        records: list[bytes] = []
        records_bytes = 0
        while self._waiting and len(records) < BATCH_RECORDS:
            if records_bytes + len(self._waiting[0]) > RECORDS_BYTES:
                break
            record = self._waiting.popleft()
            records.append(record)
            records_bytes += len(record)
        self._waiting_bytes -= records_bytes
        return TakenRecords(records, records_bytes)
