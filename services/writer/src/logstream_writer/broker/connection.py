"""A thread that keeps one connection to the broker and does all of its work there."""

import logging
import threading
from collections.abc import Callable

import pika
from logstream_runtime.retry import backoff_s
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.adapters.utils.io_services_utils import _AsyncTransportBase
from pika.exceptions import AMQPError, ChannelWrongStateError

log = logging.getLogger(__name__)

_TURN_S = 1.0
# A frame has up to 128 KiB. pika reads 4 KiB at a time and checks after each whether the frame is complete.
_READ_BYTES = 128 * 1024


def read_whole_frames() -> None:
    """Makes pika read a whole frame at a time in this process, which saves a fifth of a microsecond per record.

    The name is private to pika and only affects speed. If pika renames it, a test fails and nothing else changes.
    """
    _AsyncTransportBase._MAX_RECV_BYTES = _READ_BYTES


class BrokerThread(threading.Thread):
    """Connects, works until the connection is lost, and connects again, until end() is called.

    Subclasses fill in opened() and lost(), both called in this thread, and may fill in turn().
    """

    def __init__(self, name: str, url: str) -> None:
        super().__init__(name=name, daemon=True)
        self._parameters = pika.URLParameters(url)
        self._parameters.client_properties = {"connection_name": f"logstream-{name}"}
        self._parameters.blocked_connection_timeout = None
        self._parameters.socket_timeout = 5
        self._ending = threading.Event()
        self._connection: BlockingConnection | None = None
        # The error that ended the thread, and the function to call then.
        self.crash: BaseException | None = None
        self.on_crash: Callable[[], object] = lambda: None

    def opened(self, channel: BlockingChannel) -> None:
        """Prepares a new channel."""
        raise NotImplementedError

    def lost(self) -> None:
        """The channel is gone, by failure or because of end()."""
        raise NotImplementedError

    def turn(self) -> None:
        """Called again and again while there is a channel, about once a second when nothing else happens."""

    def call(self, function: Callable[[], object]) -> bool:
        """Runs the function soon in this thread, from any other; False when there is no connection to do it on."""
        connection = self._connection
        try:
            if connection is None or not connection.is_open:
                return False
            connection.add_callback_threadsafe(function)
        except AMQPError:
            return False
        return True

    def end(self, within_s: float) -> None:
        """Closes the connection after what was handed to call() is done. Blocks until then."""
        self._ending.set()
        self.call(lambda: None)
        self.join(within_s)

    def run(self) -> None:
        failures = 0
        try:
            while not self._ending.is_set():
                try:
                    self._connection = BlockingConnection(self._parameters)
                    channel = self._connection.channel()
                    self.opened(channel)
                    failures = 0
                    log.info("%s: connected to the broker", self.name)
                    while not self._ending.is_set():
                        self._connection.process_data_events(time_limit=_TURN_S)
                        if channel.is_closed:
                            # The broker closed only the channel; no event reports that.
                            raise ChannelWrongStateError("the broker closed the channel")
                        self.turn()
                    self._connection.process_data_events(time_limit=0)
                    self._connection.close()
                except (AMQPError, OSError) as error:
                    if self._ending.is_set():
                        break
                    failures += 1
                    delay_s = backoff_s(failures)
                    log.warning(
                        "%s: no connection to the broker",
                        self.name,
                        extra={"error": repr(error), "retry_in_s": round(delay_s, 2)},
                    )
                    self._drop()
                    self._ending.wait(delay_s)
        except BaseException as error:
            self.crash = error
            log.exception("%s: the thread was ended by an error", self.name)
            self.on_crash()
        finally:
            self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self.lost()
        if connection is not None and connection.is_open:
            try:
                connection.close()
            except (AMQPError, OSError):
                log.debug("%s: closing failed", self.name, exc_info=True)
