"""Gathers single records into one batch a node, and all nodes' batches into one message. It must not know gRPC or pika."""

import asyncio
import time
from collections.abc import Callable

from logstream_contract.batch_id import new_batch_id
from logstream_contract.batches import frame
from logstream_contract.pb.logs_pb2 import LogBatch, LogRecord

# (LogBatches body, records, receive time in Unix nanoseconds) -> done when confirmed; raises when it can't be taken.
Publish = Callable[[bytes, int, int], asyncio.Future[None]]


class Coalescer:
    """Records added within `window_s` seconds, or until `max_records` or `max_bytes` are reached, share one message.

    Called from the loop's thread only. Every adder of a message gets the same future; it must not cancel it.
    """

    def __init__(self, publish: Publish, window_s: float, max_records: int, max_bytes: int) -> None:
        self._publish = publish
        self._window_s = window_s
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._loop = asyncio.get_running_loop()
        self._batches: dict[str, LogBatch] = {}
        self._records = 0
        self._bytes = 0
        self._confirmed: asyncio.Future[None] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, node: str, record: LogRecord, size_bytes: int) -> asyncio.Future[None]:
        """Adds a record of this encoded size; the future is done when its message is confirmed, and fails as it does."""
        if self._records and self._bytes + size_bytes > self._max_bytes:
            self.flush()
        batch = self._batches.get(node)
        if batch is None:
            batch = self._batches[node] = LogBatch(batch_id=new_batch_id(), node=node)
        batch.records.append(record)
        self._records += 1
        self._bytes += size_bytes
        confirmed = self._confirmed
        if self._records >= self._max_records or self._bytes >= self._max_bytes:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(self._window_s, self.flush)
        return confirmed

    def flush(self) -> None:
        """Publishes what has been gathered, if anything."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if not self._records:
            return
        batches, records, promised = self._batches, self._records, self._confirmed
        self._batches, self._records, self._bytes = {}, 0, 0
        self._confirmed = self._loop.create_future()
        body = b"".join([frame(batch.SerializeToString()) for batch in batches.values()])
        try:
            published = self._publish(body, records, time.time_ns())
        except Exception as error:  # noqa: BLE001 every adder learns of it
            promised.set_exception(error)
            promised.exception()
            return
        published.add_done_callback(lambda done: _pass_on(done, promised))


def _pass_on(done: asyncio.Future[None], promised: asyncio.Future[None]) -> None:
    if promised.done():
        return
    error = done.exception()
    if error:
        promised.set_exception(error)
        promised.exception()
    else:
        promised.set_result(None)
