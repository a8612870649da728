"""Publishes messages to the broker and reports the confirm of each. The only module here that knows pika.

A message is held until the broker confirms it. If the connection is lost before that, the message is sent again on the next
one. Its batches have ids, so the writer stores them once, however often they arrive.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import pika
from logstream_contract.wire import topology
from logstream_runtime.retry import backoff_s
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel

from logstream_gateway.metrics import Metrics
from logstream_gateway.unavailable import Unavailable, UnavailableReason

log = logging.getLogger(__name__)

_SWEEP_S = 0.25
_CLOSE_S = 2.0
_PERSISTENT = 2
# Memory that a message takes in addition to its body, here and in pika.
_MESSAGE_BYTES = 1024


class Connection(AsyncioConnection):  # type: ignore[misc,unused-ignore]
    """Sends the frames of a message in one piece. pika hands each frame to the socket by itself, so a message costs three
    system calls, three packets and three reads of the broker."""

    def _output_marshaled_frames(self, marshaled_frames: Sequence[bytes]) -> None:
        super()._output_marshaled_frames([b"".join(marshaled_frames)])


@dataclass(slots=True, eq=False, kw_only=True)
class _Message:
    body: bytes
    headers: dict[str, int | str]
    started_s: float  # of the loop's clock
    expires_s: float
    confirmed: asyncio.Future[None]
    returned: bool = False
    sent: bool = False
    id: str = ""


class Publisher:
    """Keeps one connection to the broker on the running loop. All methods must be called from that loop's thread."""

    def __init__(self, *, url: str, inflight_limit_bytes: int, timeout_s: float, metrics: Metrics) -> None:
        self._parameters = pika.URLParameters(url)
        self._parameters.client_properties = {"connection_name": "logstream-gateway"}
        # A broker alarm may last long: the connection stays open and callers get an error.
        self._parameters.blocked_connection_timeout = None
        self._limit_bytes = inflight_limit_bytes
        self._timeout_s = timeout_s
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._connection: AsyncioConnection | None = None
        self._channel: Channel | None = None  # set while publishes may be sent
        self._blocked = False
        self._closing = False
        self._failures = 0
        self._next_tag = 1
        self._next_id = 1
        self._held_bytes = 0
        self._refused_at_s = -1e9
        self._waiting: deque[_Message] = deque()
        self._unconfirmed: dict[int, _Message] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._sweeper: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Starts to connect, and retries until close()."""
        self._connect()
        self._sweep()

    @property
    def held_bytes(self) -> int:
        """Bytes of messages that the broker has not confirmed."""
        return self._held_bytes

    def refused_since(self, moment_s: float) -> bool:
        """Whether a message was refused at or after this moment because too many bytes are held."""
        return self._refused_at_s >= moment_s

    @property
    def not_ready(self) -> str | None:
        """Why a publish would have to wait, or None."""
        if self._blocked:
            return "the broker has blocked publishing (a memory or disk alarm)"
        return None if self._channel else "no connection to the broker"

    def timeout_error(self, *, sent: bool = True) -> Unavailable:
        """The error for a caller whose wait for a confirm is over. sent: the broker may have the message."""
        if self._blocked:
            reason = UnavailableReason.BLOCKED
        else:
            reason = UnavailableReason.UNCONFIRMED if self._channel else UnavailableReason.DISCONNECTED
        text = self.not_ready or "the broker did not confirm the message in time"
        return Unavailable(reason, f"{text}; the message may still be stored" if sent else text)

    def publish(self, body: bytes, records: int, received_unix_nano: int) -> asyncio.Future[None]:
        """Hands over one LogBatches body. The returned future is done once the broker has confirmed it. It fails with
        Unavailable if the message was not sent within the publish timeout. Cancelling it does not withdraw the message.
        Raises Unavailable at once if the limit of unconfirmed bytes would be exceeded."""
        if self._closing:
            raise Unavailable(UnavailableReason.STOPPING, "the gateway is stopping")
        size_bytes = len(body) + _MESSAGE_BYTES
        if self._held_bytes + size_bytes > self._limit_bytes:
            self._refused_at_s = self._loop.time()
            raise Unavailable(
                UnavailableReason.INFLIGHT_FULL,
                f"{self._held_bytes} bytes are waiting for confirmation by the broker; {size_bytes} more would exceed "
                f"LOGSTREAM_GATEWAY_INFLIGHT_BYTES={self._limit_bytes}",
            )
        headers: dict[str, int | str] = {
            topology.HEADER_RECEIVED: received_unix_nano,
            topology.HEADER_RECORDS: records,
            topology.HEADER_PROJECT: topology.DEFAULT_PROJECT,
        }
        now = self._loop.time()
        message = _Message(
            body=body,
            headers=headers,
            started_s=now,
            expires_s=now + self._timeout_s,
            confirmed=self._loop.create_future(),
        )
        self._hold(size_bytes)
        if self._channel and not self._blocked and not self._waiting:
            self._send(message)
        else:
            self._waiting.append(message)
        return message.confirmed

    async def drain(self) -> None:
        """Waits until no message is held."""
        await self._idle.wait()

    async def close(self) -> None:
        """Stops connecting and closes the connection. Messages that are still held fail."""
        self._closing = True
        if self._sweeper:
            self._sweeper.cancel()
        connection, self._connection = self._connection, None
        if connection and not (connection.is_closing or connection.is_closed):
            closed = asyncio.Event()
            connection.add_on_close_callback(lambda *_: closed.set())
            connection.close()
            await asyncio.wait([asyncio.ensure_future(closed.wait())], timeout=_CLOSE_S)
        self._lost()
        while self._waiting:
            self._fail(self._waiting.popleft(), Unavailable(UnavailableReason.STOPPING, "the gateway is stopping"))

    def _hold(self, size_bytes: int) -> None:
        self._held_bytes += size_bytes
        if self._held_bytes:
            self._idle.clear()
        else:
            self._idle.set()

    def _connect(self) -> None:
        if self._closing:
            return
        self._connection = Connection(
            self._parameters,
            on_open_callback=self._on_open,
            on_open_error_callback=self._on_lost,
            on_close_callback=self._on_lost,
            custom_ioloop=self._loop,
        )

    def _on_open(self, connection: AsyncioConnection) -> None:
        self._metrics.broker_connections.inc()
        connection.add_on_connection_blocked_callback(self._on_blocked)
        connection.add_on_connection_unblocked_callback(self._on_unblocked)
        connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Channel) -> None:
        channel.add_on_close_callback(self._on_channel_closed)
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(self._on_confirm)
        channel.queue_declare(
            topology.WRITE_QUEUE,
            durable=True,
            arguments=topology.WRITE_QUEUE_ARGUMENTS,
            callback=lambda _: self._on_ready(channel),
        )

    def _on_ready(self, channel: Channel) -> None:
        log.info("connected to the broker", extra={"waiting_messages": len(self._waiting)})
        self._failures = 0
        self._next_tag = 1
        self._channel = channel
        self._ready_changed()

    def _on_channel_closed(self, channel: Channel, reason: Exception) -> None:
        connection = self._connection
        if connection and not (connection.is_closing or connection.is_closed):
            log.warning("the broker closed the channel", extra={"error": str(reason)})
            connection.close(200, "channel closed")

    def _on_lost(self, connection: AsyncioConnection, reason: Exception) -> None:
        if connection is not self._connection:
            return
        self._lost()
        self._failures += 1
        delay_s = backoff_s(self._failures)
        log.warning("no connection to the broker", extra={"error": repr(reason), "retry_in_s": round(delay_s, 2)})
        self._loop.call_later(delay_s, self._connect)

    def _lost(self) -> None:
        self._channel = None
        self._blocked = False
        # In the order of their tags, before the messages that came later.
        self._waiting.extendleft(reversed(self._unconfirmed.values()))
        self._unconfirmed.clear()
        self._ready_changed()

    def _on_blocked(self, *_: object) -> None:
        log.warning("the broker has blocked publishing")
        self._blocked = True
        self._ready_changed()

    def _on_unblocked(self, *_: object) -> None:
        log.info("the broker accepts messages again")
        self._blocked = False
        self._ready_changed()

    def _ready_changed(self) -> None:
        ready = self.not_ready is None
        self._metrics.broker_ready.set(int(ready))
        while ready and self._waiting and self._channel:
            self._send(self._waiting.popleft())

    def _send(self, message: _Message) -> None:
        assert self._channel is not None
        if message.sent:
            self._metrics.republished_messages.inc()
        message.sent, message.returned = True, False
        message.id = str(self._next_id)
        self._next_id += 1
        tag, self._next_tag = self._next_tag, self._next_tag + 1
        self._unconfirmed[tag] = message
        self._channel.basic_publish(
            "",
            topology.WRITE_QUEUE,
            message.body,
            pika.BasicProperties(headers=message.headers, delivery_mode=_PERSISTENT, message_id=message.id),
            mandatory=True,
        )

    def _on_return(self, channel: Channel, method: object, properties: pika.BasicProperties, body: bytes) -> None:
        for message in self._unconfirmed.values():
            if message.id == properties.message_id:
                message.returned = True
        # The queue was deleted. The next connection declares it again.
        channel.close(200, "message returned")

    def _on_confirm(self, frame: pika.frame.Method) -> None:  # type: ignore[type-arg,unused-ignore]
        method = frame.method
        acked = isinstance(method, pika.spec.Basic.Ack)
        if method.multiple:
            tags = [tag for tag in self._unconfirmed if tag <= method.delivery_tag or not method.delivery_tag]
        else:
            tags = [method.delivery_tag]
        for tag in tags:
            message = self._unconfirmed.pop(tag, None)
            if message is None:
                continue
            if not acked:
                self._fail(
                    message,
                    Unavailable(
                        UnavailableReason.QUEUE_FULL, f"the broker refused the batch: {topology.WRITE_QUEUE} is full"
                    ),
                )
            elif message.returned:
                self._fail(
                    message, Unavailable(UnavailableReason.UNROUTABLE, f"the broker has no queue {topology.WRITE_QUEUE}")
                )
            else:
                self._metrics.published_messages.inc()
                self._metrics.confirm_seconds.observe(self._loop.time() - message.started_s)
                self._hold(-len(message.body) - _MESSAGE_BYTES)
                if not message.confirmed.done():
                    message.confirmed.set_result(None)

    def _fail(self, message: _Message, error: Unavailable) -> None:
        self._hold(-len(message.body) - _MESSAGE_BYTES)
        if not message.confirmed.done():
            message.confirmed.set_exception(error)
            # A caller that has left does not fetch it.
            message.confirmed.exception()

    def _sweep(self) -> None:
        """Fails the messages that have waited too long without being sent on the present connection."""
        now = self._loop.time()
        if self._waiting:
            unexpired = deque[_Message]()
            for message in self._waiting:
                if message.expires_s > now:
                    unexpired.append(message)
                else:
                    self._fail(message, self.timeout_error(sent=message.sent))
            self._waiting = unexpired
        self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)
