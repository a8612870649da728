"""Takes messages from the write queue and acknowledges them once they are stored."""

import queue
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

from logstream_contract.wire import topology
from logstream_contract.wire.packing import unpacked_bytes
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ConsumerCancelled
from pika.spec import Basic, BasicProperties

from logstream_writer.broker.connection import BrokerThread
from logstream_writer.delivery import Delivery
from logstream_writer.failures import storable
from logstream_writer.metrics import Metrics

_CONSUMER_TAG = "logstream-writer"
# The name of a project is stored as text, and anybody may have written the header.
_PROJECT_CHARACTERS: Final = 255
# A signal that arrives just before a wait begins is only handled when the wait ends, so no wait is without an end.
_WAIT_S: Final = 1.0


class Consumer(BrokerThread):
    """Hands deliveries to the one thread that calls take() and ack().

    The broker sends `prefetch` messages ahead at most, so memory is bounded; what is not acknowledged when the connection
    is lost comes again.
    """

    def __init__(self, url: str, prefetch: int, metrics: Metrics) -> None:
        super().__init__("writer-consumer", url)
        self._prefetch = prefetch
        self._metrics = metrics
        self._deliveries: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self._channel: BlockingChannel | None = None
        self._channel_number = 0
        # Tags of the current channel, in order; only this thread uses them.
        self._unacknowledged: deque[int] = deque()
        # Taken from the queue, but too large for its flush: it is the first of the next one.
        self._held_back: Delivery | None = None
        self._stopped = threading.Event()

    @property
    def consuming(self) -> bool:
        return self._channel is not None and not self._stopped.is_set()

    def take(self, max_records: int, max_bytes: int, max_age_s: float) -> list[Delivery]:
        """Blocks until there is a delivery, then gathers until it is max_age_s old, max_records are there, or the next one
        would bring the batches, unpacked, past max_bytes.

        Returns an empty list once stop() was called and nothing is left.
        """
        first = self._next(None)
        if first is None:
            return []
        taken, records, size = [first], first.records, first.unpacked_bytes
        until_s = time.monotonic() + max_age_s
        # When everything that the broker sends ahead is taken, nothing more comes before these are acknowledged.
        while records < max_records and size < max_bytes and len(taken) < self._prefetch:
            delivery = self._next(0.0 if self._stopped.is_set() else max(0.0, until_s - time.monotonic()))
            if delivery is None:
                break
            records += delivery.records
            size += delivery.unpacked_bytes
            if size > max_bytes:
                self._held_back = delivery
                break
            taken.append(delivery)
        return taken

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledges these, in whatever order they were taken."""
        # The tags alone: what is stored need not be kept until this thread comes to acknowledge it.
        tags = {delivery.tag: delivery.channel_number for delivery in deliveries}

        def acknowledge() -> None:
            # A later channel has tags of its own, and the broker delivers these messages again.
            left = {tag for tag, number in tags.items() if number == self._channel_number}
            if self._channel is None or not left:
                return
            last = None
            while self._unacknowledged and self._unacknowledged[0] in left:
                last = self._unacknowledged.popleft()
                left.remove(last)
            if last is not None:
                self._channel.basic_ack(last, multiple=True)
            # Some that were taken before these are not stored yet.
            for tag in sorted(left):
                self._unacknowledged.remove(tag)
                self._channel.basic_ack(tag)
            self._metrics.buffered_messages.set(len(self._unacknowledged))

        self.call(acknowledge)

    def stop(self) -> None:
        """No more messages from the broker; those already here are still handed out. From any thread; returns at once."""

        def cancel() -> None:
            if self._channel is not None:
                # What the broker has sent but this thread has not seen goes back to the queue.
                self._channel.basic_cancel(_CONSUMER_TAG)
            self._metrics.consuming.set(0)
            self._deliveries.put(None)

        if not self._stopped.is_set():
            self._stopped.set()
            if not self.call(cancel):
                self._deliveries.put(None)

    def opened(self, channel: BlockingChannel) -> None:
        channel.queue_declare(topology.WRITE_QUEUE, durable=True, arguments=topology.WRITE_QUEUE_ARGUMENTS)
        channel.basic_qos(prefetch_count=self._prefetch)
        self._channel_number += 1
        self._channel = channel
        channel.add_on_cancel_callback(self._on_cancelled)
        if not self._stopped.is_set():
            channel.basic_consume(topology.WRITE_QUEUE, self._on_message, consumer_tag=_CONSUMER_TAG)
            self._metrics.consuming.set(1)

    def lost(self) -> None:
        self._channel = None
        self._metrics.consuming.set(0)
        self._metrics.buffered_messages.set(0)
        self._unacknowledged.clear()
        if self._stopped.is_set():
            self._deliveries.put(None)

    def _on_cancelled(self, method_frame: object) -> None:
        # The queue was deleted, or its node is gone: a new connection declares and consumes it again.
        raise ConsumerCancelled("the broker cancelled the consumer")

    def _next(self, timeout_s: float | None) -> Delivery | None:
        """The next delivery of the current channel; None at the end, or after timeout_s."""
        held_back, self._held_back = self._held_back, None
        if held_back is not None and held_back.channel_number == self._channel_number:
            return held_back
        while True:
            try:
                wait_s = _WAIT_S if timeout_s is None else timeout_s
                delivery = self._deliveries.get(timeout=wait_s) if wait_s else self._deliveries.get_nowait()
            except queue.Empty:
                if timeout_s is None:
                    continue
                return None
            if delivery is None:
                # Put back, so that every later call ends as well.
                self._deliveries.put(None)
                return None
            if delivery.channel_number == self._channel_number:
                return delivery

    def _on_message(self, channel: BlockingChannel, method: Basic.Deliver, properties: BasicProperties, body: bytes) -> None:
        headers = properties.headers or {}
        received = headers.get(topology.HEADER_RECEIVED)
        if method.redelivered:
            self._metrics.redelivered_messages.inc()
        records = headers.get(topology.HEADER_RECORDS)
        delivery = Delivery(
            tag=method.delivery_tag,
            channel_number=self._channel_number,
            body=body,
            received_unix_nano=received if isinstance(received, int) and received > 0 else None,
            records=records if isinstance(records, int) and records > 0 else 1,
            project=storable(str(headers.get(topology.HEADER_PROJECT, topology.DEFAULT_PROJECT)), _PROJECT_CHARACTERS),
            redelivered=method.redelivered,
            unpacked_bytes=unpacked_bytes(body),
        )
        self._unacknowledged.append(delivery.tag)
        self._metrics.buffered_messages.set(len(self._unacknowledged))
        self._deliveries.put(delivery)
