"""Publishes stored batches to the fanout exchange for viewers. It must never make the flush wait.

It has a connection of its own: a broker alarm stops connections that publish, and consuming must go on.
"""

import secrets
import threading
import time
from collections import deque
from collections.abc import Sequence

from logstream_contract.wire import topology
from logstream_contract.wire.pb.transport_pb2 import LiveBatches, LiveCount
from pika.adapters.blocking_connection import BlockingChannel

from logstream_writer.broker.connection import BrokerThread
from logstream_writer.metrics import Metrics

# Viewers learn within this time, and that of a turn, that the last message was lost.
_COUNT_EVERY_S = 1.0


class Announcer(BrokerThread):
    """announce() is called from the flushing thread; messages wait in bounded memory while the broker does not accept them.

    No confirms: a lost message is found missing by its position, and read from Redis. One whose batches have none is found
    missing by the count that comes with the next message, or by itself after a second.
    """

    def __init__(self, url: str, buffer_bytes: int, metrics: Metrics) -> None:
        super().__init__("writer-announcer", url)
        self._buffer_bytes = buffer_bytes
        self._metrics = metrics
        self._lock = threading.Lock()
        self._waiting: deque[tuple[bytes, int]] = deque()
        self._waiting_bytes = 0
        self._channel: BlockingChannel | None = None
        self._count = LiveCount(writer=secrets.token_bytes(8))
        self._counted_s = 0.0

    def announce(self, parts: Sequence[bytes], records: int, *, numbered: bool) -> None:
        """Hands over one LiveBatches in pieces, to which the count is added. Never blocks; past the buffer's size the oldest
        are dropped and counted. numbered: whether its batches have positions."""
        with self._lock:
            # A message that is dropped here is lost like one that the broker drops, so it counts.
            self._count.messages += 1
            self._count.unnumbered += not numbered
            body = b"".join((*parts, LiveBatches(count=self._count).SerializeToString()))
            self._waiting.append((body, records))
            self._waiting_bytes += len(body)
            while self._waiting_bytes > self._buffer_bytes and len(self._waiting) > 1:
                dropped, dropped_records = self._waiting.popleft()
                self._waiting_bytes -= len(dropped)
                self._metrics.live_dropped_records.labels("buffer_full").inc(dropped_records)
        self.call(self._publish_waiting)

    def lose(self, records: int) -> None:
        """Counts a message with this many records that could not be built, and whose batches have no positions."""
        with self._lock:
            self._count.messages += 1
            self._count.unnumbered += 1
        self._metrics.live_dropped_records.labels("failed").inc(records)

    def opened(self, channel: BlockingChannel) -> None:
        channel.exchange_declare(topology.LIVE_EXCHANGE, topology.LIVE_EXCHANGE_TYPE, durable=True)
        self._channel = channel
        self._counted_s = 0.0
        self._publish_waiting()

    def turn(self) -> None:
        now_s = time.monotonic()
        if now_s - self._counted_s < _COUNT_EVERY_S:
            return
        with self._lock:
            # Messages that wait bring counts of their own, and this one must not come before them.
            body = None if self._waiting else LiveBatches(count=self._count).SerializeToString()
        if body and self._channel is not None:
            self._counted_s = now_s
            self._channel.basic_publish(topology.LIVE_EXCHANGE, "", body)

    def lost(self) -> None:
        self._channel = None

    def _publish_waiting(self) -> None:
        while self._channel is not None:
            with self._lock:
                if not self._waiting:
                    return
                body, _ = self._waiting.popleft()
                self._waiting_bytes -= len(body)
            self._counted_s = time.monotonic()
            self._channel.basic_publish(topology.LIVE_EXCHANGE, "", body)
