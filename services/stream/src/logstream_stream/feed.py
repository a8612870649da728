"""Keeps the hub supplied: runs the consumer, reads the window for the sequencer, and calls what is due at intervals. It must
not contain any rule about order.

Each loop is a greenlet, and what happens between two switches is atomic. Switches happen only in reads of the window, in the
broker's socket, and where other greenlets get a turn between two batches. The sequencer and the hub never switch.
"""

import logging
import threading
import time
from collections.abc import Callable

import gevent
from logstream_runtime.retry import retry_until_stopped

from logstream_stream.arriving.consumer import BrokerUnavailable, Consumer
from logstream_stream.arriving.stored import read_message
from logstream_stream.arriving.window import Window, WindowUnavailable
from logstream_stream.failures import READ
from logstream_stream.metrics import Metrics
from logstream_stream.order.outcomes import Outcome
from logstream_stream.order.sequencer import Sequencer
from logstream_stream.viewers.hub import Hub

log = logging.getLogger(__name__)

_STEP_S = 0.025
_FLUSH_S = 0.1
_AFTER_FAILURE_S = 1.0
# Bytes of unpacked batches after which viewers get a turn: about a thousand records, which seldom fill a queue.
_TURN_BYTES = 32 * 1024


class Feed:
    """Call start() once, in the process that serves viewers; stop() ends the loops."""

    def __init__(self, *, sequencer: Sequencer, hub: Hub, window: Window, metrics: Metrics) -> None:
        self._sequencer = sequencer
        self._hub = hub
        self._window = window
        self._metrics = metrics
        self._stopping = threading.Event()
        self._greenlets: list[gevent.Greenlet[..., None]] = []
        self.broker_up = False
        self.recent_up = False
        self._was_usable = False
        self._since_turn_bytes = 0

    def start(self, consumer: Consumer) -> None:
        loops: list[Callable[[], None]] = [
            lambda: self._consume(consumer),
            lambda: self._every(_STEP_S, self._step),
            lambda: self._every(_FLUSH_S, self._hub.flush),
            lambda: self._every(1.0, self._hub.second),
        ]
        self._greenlets = [gevent.spawn(loop) for loop in loops]

    def stop(self) -> None:
        """Blocks until the loops have ended, a few seconds at most."""
        self._stopping.set()
        gevent.joinall(self._greenlets, timeout=5)

    def problem(self) -> str | None:
        """Why this replica is of no use to viewers; None while the fanout or the recent window works."""
        if self._hub.draining:
            return "draining"
        if self.broker_up or (self.recent_up and self._was_usable):
            self._was_usable = True
            return None
        return "the broker is unavailable" if self.recent_up else "the broker and the recent window are unavailable"

    def take(self, body: bytes) -> None:
        """Takes the body of one fanout message. May let other greenlets run."""
        self._metrics.fanout.inc()
        try:
            message = read_message(body)
        except Exception as error:  # noqa: BLE001 see failures
            # A numbered batch in it is read from the window, like any lost one. The next count reveals the others.
            self._metrics.unreadable.inc()
            self._hub.failures.note(READ, error)
            return
        if message.count:
            received_ns = [batch.received_ns for _, batch in message.batches]
            self._apply(self._sequencer.hear(message.count, message.epoch, received_ns))
        for position, batch in message.batches:
            self._apply(self._sequencer.receive(message.epoch, [(position, batch)]))
            self._since_turn_bytes += batch.raw_bytes
            if self._since_turn_bytes >= _TURN_BYTES:
                # Otherwise everything that has arrived would be queued at once, beyond the limit even of a fast viewer.
                self._since_turn_bytes = 0
                gevent.sleep(0)

    def _apply(self, outcomes: list[Outcome]) -> None:
        self._hub.apply(outcomes)
        if self._sequencer.healed:
            self._metrics.healed.inc(self._sequencer.healed)
            self._sequencer.healed = 0

    def _step(self) -> None:
        request = self._sequencer.window_request()
        if request:
            try:
                snapshot = self._window.read(
                    anchor=request.anchor, after=request.after, upto=request.upto, count=request.count
                )
            except WindowUnavailable as error:
                self._sequencer.window_failed()
                self._set_recent(False, str(error))
            else:
                self._set_recent(True)
                self._apply(self._sequencer.window_read(request, snapshot))
        self._apply(self._sequencer.tick())

    def _consume(self, consumer: Consumer) -> None:
        connect = retry_until_stopped("the broker", BrokerUnavailable, self._stopping)
        while not self._stopping.is_set():
            try:
                subscription = connect(consumer.connect)
                self._set_broker(True)
                subscription.run(self._stopping.is_set)
            except BrokerUnavailable as error:
                log.warning("the broker is unavailable", extra={"error": str(error)})
            except Exception:
                log.exception("the consumer failed")
                self._stopping.wait(_AFTER_FAILURE_S)
            finally:
                self._set_broker(False)

    def _set_broker(self, up: bool) -> None:
        if up != self.broker_up:
            log.info("consuming the live fanout" if up else "no longer consuming the live fanout")
        self.broker_up = up
        self._apply(self._sequencer.set_broker(up))
        self._metrics.broker_up.set(up)
        self._hub.set_status("broker", up)

    def _set_recent(self, up: bool, error: str = "") -> None:
        if up and not self.recent_up:
            log.info("the recent window can be read")
        elif not up and self.recent_up:
            log.warning("waiting for the recent window", extra={"error": error})
        self.recent_up = up
        self._metrics.recent_up.set(up)
        self._hub.set_status("recent", up)

    def _every(self, seconds: float, act: Callable[[], object]) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                act()
            except Exception:
                log.exception("a step of the feed failed")
                self._stopping.wait(_AFTER_FAILURE_S)
            self._stopping.wait(max(seconds - (time.monotonic() - began), 0.001))
