"""Gathers single records into one batch for each node, and these batches into one message. It must not know gRPC or pika."""

import asyncio
import math
import time
from collections.abc import Callable

from logstream_contract.wire.batch_id import new_batch_id
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord

# (LogBatches body, records, receive time in Unix nanoseconds) -> done when confirmed; raises if it cannot be accepted.
Publish = Callable[[bytes, int, int], asyncio.Future[None]]

# How much later than its timeout a waiter may be answered. The margin before callers' deadlines is wider.
_SWEEP_S = 0.025
# How many windows a record waits at most while an earlier message is unconfirmed.
_BUSY_WINDOWS = 4


class Coalescer:
    """Records added within `window_s` seconds, or until `max_records` or `max_bytes` are reached, share one message.

    While an earlier message is unconfirmed, the window stays open until the confirm, up to four times as long. Under load
    this makes fewer and larger messages; each message costs the broker and a writer about a millisecond.

    Called from the loop's thread only. `timeout_error` makes the error for a waiter whose timeout is over.
    """

    def __init__(
        self,
        *,
        publish: Publish,
        frame: Callable[[bytes], bytes],
        timeout_error: Callable[[], Exception],
        window_s: float,
        max_records: int,
        max_bytes: int,
    ) -> None:
        self._publish = publish
        self._frame = frame
        self._timeout_error = timeout_error
        self._window_s = window_s
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._loop = asyncio.get_running_loop()
        self._batches: dict[str, LogBatch] = {}
        self._records = 0
        self._bytes = 0
        self._waiters = _Waiters()
        self._unconfirmed: set[_Waiters] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._window_over = False  # the window has ended, but an earlier message is unconfirmed
        self._sweeper: asyncio.TimerHandle | None = None

    def add(self, node: str, record: LogRecord, size_bytes: int, timeout_s: float) -> asyncio.Future[None]:
        """Adds a record of this encoded size. The returned future is done when the record's message is confirmed. It fails
        when the message fails, or when the timeout is over. Cancelling it does not remove the record."""
        if self._records and self._bytes + size_bytes > self._max_bytes:
            self.flush()
        batch = self._batches.get(node)
        if batch is None:
            batch = self._batches[node] = LogBatch(batch_id=new_batch_id(), node=node)
        batch.records.append(record)
        self._records += 1
        self._bytes += size_bytes
        confirmed = self._loop.create_future()
        self._waiters.add(confirmed, self._loop.time() + timeout_s)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)
        if self._records >= self._max_records or self._bytes >= self._max_bytes:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(self._window_s, self._end_window)
        return confirmed

    def flush(self) -> None:
        """Publishes the gathered records, if there are any."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._window_over = False
        if not self._records:
            return
        batches, records, waiters = self._batches, self._records, self._waiters
        self._batches, self._records, self._bytes, self._waiters = {}, 0, 0, _Waiters()
        body = b"".join([self._frame(batch.SerializeToString()) for batch in batches.values()])
        try:
            published = self._publish(body, records, time.time_ns())
        except Exception as error:  # noqa: BLE001 every waiter gets it
            waiters.resolve(error)
            return
        self._unconfirmed.add(waiters)
        published.add_done_callback(lambda done: self._on_confirmed(waiters, done.exception()))

    def _end_window(self) -> None:
        if self._unconfirmed:
            self._window_over = True
            self._timer = self._loop.call_later(self._window_s * (_BUSY_WINDOWS - 1), self.flush)
        else:
            self.flush()

    def _on_confirmed(self, waiters: "_Waiters", error: BaseException | None) -> None:
        self._unconfirmed.discard(waiters)
        waiters.resolve(error)
        if self._window_over and not self._unconfirmed:
            self.flush()

    def _sweep(self) -> None:
        now_s = self._loop.time()
        for waiters in (self._waiters, *self._unconfirmed):
            if waiters.earliest_s <= now_s:
                waiters.expire(now_s, self._timeout_error())
        waiting = self._records or self._unconfirmed
        self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep) if waiting else None


class _Waiters:
    """The callers that wait for one message. Each has its own future, so one that is cancelled does not affect the others.
    They share one timer: the set, the waiter and the timer that asyncio.wait makes for each cost more than the record."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, asyncio.Future[None]]] = []
        self.earliest_s = math.inf  # of the loop's clock

    def add(self, confirmed: asyncio.Future[None], until_s: float) -> None:
        self._waiting.append((until_s, confirmed))
        self.earliest_s = min(self.earliest_s, until_s)

    def resolve(self, error: BaseException | None) -> None:
        for _, confirmed in self._waiting:
            if confirmed.done():
                continue
            if error is None:
                confirmed.set_result(None)
            else:
                _fail(confirmed, error)

    def expire(self, now_s: float, error: Exception) -> None:
        unexpired = []
        for until_s, confirmed in self._waiting:
            if until_s > now_s:
                unexpired.append((until_s, confirmed))
            elif not confirmed.done():
                _fail(confirmed, error)
        self._waiting = unexpired
        self.earliest_s = min((until_s for until_s, _ in unexpired), default=math.inf)


def _fail(confirmed: asyncio.Future[None], error: BaseException) -> None:
    confirmed.set_exception(error)
    # A waiter that has left does not fetch it.
    confirmed.exception()
