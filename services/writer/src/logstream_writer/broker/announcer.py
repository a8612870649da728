"""Publishes stored batches to the viewers' fanout exchange, without ever keeping the flush waiting.

It has a connection of its own: a broker alarm stops connections that publish, and consuming must go on.
"""

import threading
from collections import deque

from logstream_contract import topology
from pika.adapters.blocking_connection import BlockingChannel

from logstream_writer.broker.connection import BrokerThread
from logstream_writer.metrics import Metrics


class Announcer(BrokerThread):
    """announce() is called from the flushing thread; messages wait in memory, bounded, while the broker does not take them.

    No confirms: a lost message is found missing by its position, and read from Redis.
    """

    def __init__(self, url: str, buffer_bytes: int, metrics: Metrics) -> None:
        super().__init__("writer-announcer", url)
        self._buffer_bytes = buffer_bytes
        self._metrics = metrics
        self._lock = threading.Lock()
        self._waiting: deque[tuple[bytes, int]] = deque()
        self._waiting_bytes = 0
        self._channel: BlockingChannel | None = None

    def announce(self, body: bytes, records: int) -> None:
        """Hands over one LiveBatches body. Never blocks; past the buffer's size the oldest are dropped and counted."""
        with self._lock:
            self._waiting.append((body, records))
            self._waiting_bytes += len(body)
            while self._waiting_bytes > self._buffer_bytes and len(self._waiting) > 1:
                dropped, dropped_records = self._waiting.popleft()
                self._waiting_bytes -= len(dropped)
                self._metrics.live_dropped_records.labels("buffer_full").inc(dropped_records)
        self.call(self._publish_waiting)

    def opened(self, channel: BlockingChannel) -> None:
        channel.exchange_declare(topology.LIVE_EXCHANGE, topology.LIVE_EXCHANGE_TYPE, durable=True)
        self._channel = channel
        self._publish_waiting()

    def lost(self) -> None:
        self._channel = None

    def _publish_waiting(self) -> None:
        while self._channel is not None:
            with self._lock:
                if not self._waiting:
                    return
                body, _ = self._waiting.popleft()
                self._waiting_bytes -= len(body)
            self._channel.basic_publish(topology.LIVE_EXCHANGE, "", body)
