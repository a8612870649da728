"""Gathers single records into one batch a node, and all nodes' batches into one message. It must not know gRPC or pika."""

import asyncio
import math
import time
from collections.abc import Callable

from logstream_contract.wire.batch_id import new_batch_id
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord

# (LogBatches body, records, receive time in Unix nanoseconds) -> done when confirmed; raises when it can't be taken.
Publish = Callable[[bytes, int, int], asyncio.Future[None]]

# How late an adder may learn that its time is over; callers' deadlines are kept with a wider margin.
_SWEEP_S = 0.025
# Windows that records may wait in all while an earlier message is unconfirmed.
_BUSY_WINDOWS = 4


class Coalescer:
    """Records added within `window_s` seconds, or until `max_records` or `max_bytes` are reached, share one message.

    While an earlier message is unconfirmed the window stays open until it is, up to four times as long: under load that
    makes fewer and larger messages, each of which costs the broker and a writer about a millisecond.

    Called from the loop's thread only. `late` makes the error for an adder whose time is over.
    """

    def __init__(
        self,
        publish: Publish,
        frame: Callable[[bytes], bytes],
        late: Callable[[], Exception],
        window_s: float,
        max_records: int,
        max_bytes: int,
    ) -> None:
        self._publish = publish
        self._frame = frame
        self._late = late
        self._window_s = window_s
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._loop = asyncio.get_running_loop()
        self._batches: dict[str, LogBatch] = {}
        self._records = 0
        self._bytes = 0
        self._adders = _Adders()
        self._unanswered: set[_Adders] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._window_over = False  # but an earlier message is unconfirmed
        self._sweeper: asyncio.TimerHandle | None = None

    def add(self, node: str, record: LogRecord, size_bytes: int, patience_s: float) -> asyncio.Future[None]:
        """Adds a record of this encoded size. The future is the adder's own and may be cancelled: the record stays. It is
        done when the record's message is confirmed, and fails as that does, or when the patience is over."""
        if self._records and self._bytes + size_bytes > self._max_bytes:
            self.flush()
        batch = self._batches.get(node)
        if batch is None:
            batch = self._batches[node] = LogBatch(batch_id=new_batch_id(), node=node)
        batch.records.append(record)
        self._records += 1
        self._bytes += size_bytes
        confirmed = self._loop.create_future()
        self._adders.add(confirmed, self._loop.time() + patience_s)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)
        if self._records >= self._max_records or self._bytes >= self._max_bytes:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(self._window_s, self._end_window)
        return confirmed

    def flush(self) -> None:
        """Publishes what has been gathered, if anything."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._window_over = False
        if not self._records:
            return
        batches, records, adders = self._batches, self._records, self._adders
        self._batches, self._records, self._bytes, self._adders = {}, 0, 0, _Adders()
        body = b"".join([self._frame(batch.SerializeToString()) for batch in batches.values()])
        try:
            published = self._publish(body, records, time.time_ns())
        except Exception as error:  # noqa: BLE001 every adder learns of it
            adders.answer(error)
            return
        self._unanswered.add(adders)
        published.add_done_callback(lambda done: self._answer(adders, done.exception()))

    def _end_window(self) -> None:
        if self._unanswered:
            self._window_over = True
            self._timer = self._loop.call_later(self._window_s * (_BUSY_WINDOWS - 1), self.flush)
        else:
            self.flush()

    def _answer(self, adders: "_Adders", error: BaseException | None) -> None:
        self._unanswered.discard(adders)
        adders.answer(error)
        if self._window_over and not self._unanswered:
            self.flush()

    def _sweep(self) -> None:
        now_s = self._loop.time()
        for adders in (self._adders, *self._unanswered):
            if adders.earliest_s <= now_s:
                adders.expire(now_s, self._late())
        waiting = self._records or self._unanswered
        self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep) if waiting else None


class _Adders:
    """Those who wait for one message. Each has a future of its own, so none can take another along, and they share one
    timer: a set, a waiter and a timer for each, as asyncio.wait makes them, cost more than the record itself."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, asyncio.Future[None]]] = []
        self.earliest_s = math.inf  # of the loop's clock

    def add(self, confirmed: asyncio.Future[None], until_s: float) -> None:
        self._waiting.append((until_s, confirmed))
        self.earliest_s = min(self.earliest_s, until_s)

    def answer(self, error: BaseException | None) -> None:
        for _, confirmed in self._waiting:
            if confirmed.done():
                continue
            if error is None:
                confirmed.set_result(None)
            else:
                _fail(confirmed, error)

    def expire(self, now_s: float, error: Exception) -> None:
        kept = []
        for until_s, confirmed in self._waiting:
            if until_s > now_s:
                kept.append((until_s, confirmed))
            elif not confirmed.done():
                _fail(confirmed, error)
        self._waiting = kept
        self.earliest_s = min((until_s for until_s, _ in kept), default=math.inf)


def _fail(confirmed: asyncio.Future[None], error: BaseException) -> None:
    confirmed.set_exception(error)
    # Adders that have left do not fetch it.
    confirmed.exception()
