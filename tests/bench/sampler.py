"""Ten times a second: what was acked, committed and shown, what waits in the queue, and what each program uses. It runs in a
thread of its own and must cost the machine little."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pika
import psycopg
from pika.exceptions import AMQPError

from bench.database import Database
from bench.processes import Programs, Usage

_WRITE_QUEUE = "logstream.write"
EVERY_S = 0.1
_FIND_EVERY = 50


@dataclass(frozen=True)
class Sample:
    at_s: float  # seconds since the Unix epoch
    sent: int
    acked: int
    committed: int
    seen: int
    live_lag_ms: float | None
    queued_messages: int | None
    usage: dict[str, Usage] = field(repr=False)


class QueueDepth:
    """Messages ready in the write queue, as the broker counts them now."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: pika.BlockingConnection | None = None

    def read(self) -> int | None:
        try:
            if self._connection is None:
                self._connection = pika.BlockingConnection(pika.URLParameters(self._url))
                self._channel = self._connection.channel()
            declared = self._channel.queue_declare(_WRITE_QUEUE, passive=True)
            return int(declared.method.message_count)
        except (AMQPError, OSError):
            self._connection = None
            return None

    def close(self) -> None:
        if self._connection:
            self._connection.close()


class Sampler(threading.Thread):
    """start() begins, stop() ends; on_sample is called after each with the newest."""

    def __init__(
        self,
        database: Database,
        queue: QueueDepth,
        programs: Programs,
        counted: Callable[[], tuple[int, int, int, float | None]],
        on_sample: Callable[[Sample], object],
    ) -> None:
        super().__init__(name="sampler", daemon=True)
        self._database = database
        self._queue = queue
        self._programs = programs
        self._counted = counted
        self._on_sample = on_sample
        self._ending = threading.Event()
        self.samples: list[Sample] = []

    def stop(self) -> None:
        self._ending.set()
        self.join()

    def run(self) -> None:
        due = time.time()
        committed = 0
        while not self._ending.is_set():
            if len(self.samples) % _FIND_EVERY == 0:
                self._programs.find()
            sent, acked, seen, lag_ms = self._counted()
            try:
                committed = self._database.committed()
            except psycopg.Error:
                # The database is down, on purpose: what was committed still is.
                self._reconnect()
            sample = Sample(
                at_s=time.time(),
                sent=sent,
                acked=acked,
                committed=committed,
                seen=seen,
                live_lag_ms=lag_ms,
                queued_messages=self._queue.read(),
                usage=self._programs.read(),
            )
            self.samples.append(sample)
            self._on_sample(sample)
            due = max(due + EVERY_S, time.time())
            self._ending.wait(max(0.0, due - time.time()))

    def _reconnect(self) -> None:
        try:
            self._database.reconnect()
        except psycopg.Error:
            return
