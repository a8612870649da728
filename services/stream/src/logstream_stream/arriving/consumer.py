"""Consumes the live fanout from the broker. It is the only module that knows pika. It must pass message bodies on without
reading them."""

import logging
from collections.abc import Callable
from typing import Any

import pika
from logstream_contract.wire.topology import LIVE_EXCHANGE, LIVE_EXCHANGE_TYPE
from pika.adapters.utils.io_services_utils import _AsyncTransportBase
from pika.exceptions import AMQPError

log = logging.getLogger(__name__)

# Unacknowledged deliveries; the rest stays in the broker's queue, where its limit applies.
_PREFETCH = 256
# Unacknowledged deliveries after which they are acknowledged together.
_ACK_EVERY = 64
_IDLE_S = 0.5
# A frame has up to 128 KiB. By default pika reads 4 KiB at a time and checks after each read whether the frame is complete.
_READ_BYTES = 128 * 1024
_HEARTBEAT_S = 15


class BrokerUnavailable(Exception):
    """The broker cannot be reached, or it closed the connection. The message says why."""


class Consumer:
    """Connects to the broker. on_message: called with each body. Blocks only the calling greenlet."""

    def __init__(self, url: str, queue_bytes: int, on_message: Callable[[bytes], object]) -> None:
        self._url = url
        self._queue_bytes = queue_bytes
        self._on_message = on_message

    @staticmethod
    def read_whole_frames() -> None:
        """Lets all pika connections of this process read a whole frame at a time.

        This sets a private name of pika and only affects speed. If a new release renames it, a test fails and nothing else
        changes.
        """
        _AsyncTransportBase._MAX_RECV_BYTES = _READ_BYTES

    def connect(self) -> "Subscription":
        """Binds an exclusive queue to the fanout. Raises BrokerUnavailable."""
        try:
            connection = pika.BlockingConnection(_parameters(self._url))
        except (AMQPError, OSError) as error:
            raise BrokerUnavailable(_message(error)) from error
        try:
            channel = connection.channel()
            deliveries = _Deliveries(channel, self._on_message)
            channel.exchange_declare(LIVE_EXCHANGE, LIVE_EXCHANGE_TYPE, durable=True)
            queue = channel.queue_declare("", exclusive=True, auto_delete=True, arguments=_arguments(self._queue_bytes))
            channel.queue_bind(queue.method.queue, LIVE_EXCHANGE)
            channel.basic_qos(prefetch_count=_PREFETCH)
            channel.basic_consume(queue.method.queue, deliveries.take, exclusive=True)
        except (AMQPError, OSError) as error:
            _close(connection)
            raise BrokerUnavailable(_message(error)) from error
        return Subscription(connection, deliveries)


class Subscription:
    """A queue bound to the fanout. Everything published from now on arrives, or the connection ends."""

    def __init__(self, connection: Any, deliveries: "_Deliveries") -> None:
        self._connection = connection
        self._deliveries = deliveries

    def run(self, stopping: Callable[[], bool]) -> None:
        """Passes messages on until stopping() is true. Raises BrokerUnavailable."""
        try:
            while not stopping():
                self._connection.process_data_events(time_limit=_IDLE_S)
                self._deliveries.acknowledge()
        except (AMQPError, OSError) as error:
            raise BrokerUnavailable(_message(error)) from error
        finally:
            _close(self._connection)


class _Deliveries:
    """Passes deliveries on and acknowledges them in groups."""

    def __init__(self, channel: Any, on_message: Callable[[bytes], object]) -> None:
        self._channel = channel
        self._on_message = on_message
        self._tag = 0
        self._acknowledged = 0

    def take(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        self._on_message(body)
        self._tag = method.delivery_tag
        if self._tag - self._acknowledged >= _ACK_EVERY:
            self.acknowledge()

    def acknowledge(self) -> None:
        if self._tag > self._acknowledged:
            self._channel.basic_ack(self._tag, multiple=True)
            self._acknowledged = self._tag


def _parameters(url: str) -> pika.URLParameters:
    parameters = pika.URLParameters(url)
    parameters.heartbeat = _HEARTBEAT_S
    parameters.socket_timeout = 5
    parameters.stack_timeout = 10
    parameters.blocked_connection_timeout = 60
    parameters.client_properties = {"connection_name": "logstream-stream"}
    return parameters


def _arguments(queue_bytes: int) -> dict[str, Any]:
    # Viewers want the newest records; what is dropped is read from Redis.
    return {"x-max-length-bytes": queue_bytes, "x-overflow": "drop-head"}


def _message(error: Exception) -> str:
    return str(error) or type(error).__name__


def _close(connection: pika.BlockingConnection) -> None:
    try:
        if connection.is_open:
            connection.close()
    except (AMQPError, OSError):
        log.debug("closing a broken connection", exc_info=True)
