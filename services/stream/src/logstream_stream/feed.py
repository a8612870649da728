"""Keeps the hub fed: runs the consumer, answers what the sequencer wants to know from the window, and beats the time. It
must hold no rule of order itself.

Each loop is a greenlet. What happens between two switches is atomic, and only the readings of the window, the broker's
socket and a turn for the others between two batches switch: the sequencer and the hub never do.
"""

import logging
import threading
import time
from collections.abc import Callable

import gevent
from logstream_runtime.retry import retry_until_stopped

from logstream_stream.consumer import BrokerAway, Consumer
from logstream_stream.hub import Hub
from logstream_stream.metrics import Metrics
from logstream_stream.mishaps import READ
from logstream_stream.sequencer import Outcome, Sequencer
from logstream_stream.stored import read_message
from logstream_stream.window import Window, WindowAway

log = logging.getLogger(__name__)

_STEP_S = 0.025
_FLUSH_S = 0.1
_AFTER_FAILURE_S = 1.0
# Of batches, unpacked, after which viewers get their turn: about a thousand records, seldom so many that they fill a queue.
_TURN_BYTES = 32 * 1024


class Feed:
    """start() once, in the process that serves; stop() ends the loops."""

    def __init__(self, sequencer: Sequencer, hub: Hub, window: Window, metrics: Metrics) -> None:
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
        """Why this replica is of no use to viewers; None while live or the window works."""
        if self._hub.draining:
            return "draining"
        if self.broker_up or (self.recent_up and self._was_usable):
            self._was_usable = True
            return None
        return "the broker is away" if self.recent_up else "the broker and the recent window are away"

    def take(self, body: bytes) -> None:
        """Takes the body of one fanout message. May let other greenlets run."""
        self._metrics.fanout.inc()
        try:
            message = read_message(body)
        except Exception as error:  # noqa: BLE001 see mishaps
            # A numbered batch in it is healed from the window like any lost one; others the next count tells of.
            self._metrics.unreadable.inc()
            self._hub.mishaps.note(READ, error)
            return
        if message.count:
            received_ns = [batch.received_ns for _, batch in message.batches]
            self._apply(self._sequencer.hear(message.count, message.epoch, received_ns))
        for position, batch in message.batches:
            self._apply(self._sequencer.receive(message.epoch, [(position, batch)]))
            self._since_turn_bytes += batch.raw_bytes
            if self._since_turn_bytes >= _TURN_BYTES:
                # All that has arrived would otherwise be queued in one go, past the limit of who reads fast.
                self._since_turn_bytes = 0
                gevent.sleep(0)

    def _apply(self, outcomes: list[Outcome]) -> None:
        self._hub.apply(outcomes)
        if self._sequencer.healed:
            self._metrics.healed.inc(self._sequencer.healed)
            self._sequencer.healed = 0

    def _step(self) -> None:
        want = self._sequencer.wanted()
        if want:
            try:
                reading = self._window.read(want.anchor, want.after, want.upto, want.count)
            except WindowAway as error:
                self._sequencer.away()
                self._set_recent(False, str(error))
            else:
                self._set_recent(True)
                self._apply(self._sequencer.read(want, reading))
        self._apply(self._sequencer.tick())

    def _consume(self, consumer: Consumer) -> None:
        connect = retry_until_stopped("the broker", BrokerAway, self._stopping)
        while not self._stopping.is_set():
            try:
                subscription = connect(consumer.connect)
                self._set_broker(True)
                subscription.run(self._stopping.is_set)
            except BrokerAway as error:
                log.warning("the broker is away", extra={"error": str(error)})
            except Exception:
                log.exception("the consumer failed")
                self._stopping.wait(_AFTER_FAILURE_S)
            finally:
                self._set_broker(False)

    def _set_broker(self, up: bool) -> None:
        if up != self.broker_up:
            log.info("live fanout is consumed" if up else "live fanout is not consumed")
        self.broker_up = up
        self._apply(self._sequencer.broker(up))
        self._metrics.broker_up.set(up)
        self._hub.set_status("broker", up)

    def _set_recent(self, up: bool, error: str = "") -> None:
        if up and not self.recent_up:
            log.info("recent window can be read")
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
