"""Notes when messages of the fanout may have been lost because the broker was unavailable, and which gap to announce for it.
It must not know batches.

While every batch has a position, an outage needs no gap: the window has everything that did not arrive. A change of epoch
shows that unnumbered batches were published, and those published during an outage never arrive. So an outage is announced
when the epoch changes after it, or shortly before it."""

from typing import Final

from logstream_stream.order.outcomes import BROKER_WAS_UNAVAILABLE, Gap

# A broken connection is noticed this late at most: two heartbeats, and what was on its way.
_NOTICED_NS: Final = 60 * 1_000_000_000


class BrokerOutage:
    """Not thread-safe. All times are nanoseconds since the Unix epoch."""

    def __init__(self, now_ns: int) -> None:
        # Whether messages arrive now. False until the first connection.
        self.is_up = False
        # Whether they ever arrived. Before the first connection only viewers who were already there can have missed
        # something, so the first connection announces that at once.
        self._was_up = False
        # Start and end of the outage that no gap has announced yet; end None: it continues. Several outages without a change
        # of epoch between them count as one.
        self._unannounced_ns: tuple[int, int | None] | None = (now_ns, None)
        # When the epoch last changed. An outage that is noticed soon after may have begun before that.
        self._epoch_changed_ns = 0

    @property
    def is_unannounced(self) -> bool:
        """Whether there was an outage that no gap has announced."""
        return self._unannounced_ns is not None

    def set_up(self, up: bool, now_ns: int) -> Gap | None:
        """Takes whether messages arrive from now on, and returns the gap to announce."""
        gap = None
        if up and not self.is_up:
            if self._unannounced_ns and self._was_up:
                self._unannounced_ns = self._unannounced_ns[0], now_ns
            elif self._unannounced_ns:
                gap = Gap(self._unannounced_ns[0], now_ns, BROKER_WAS_UNAVAILABLE)
                self._unannounced_ns = None
        elif not up and self.is_up:
            if now_ns - self._epoch_changed_ns < _NOTICED_NS:
                # Unnumbered batches that were published before the change may have been on their way.
                gap = Gap(now_ns - _NOTICED_NS, now_ns, BROKER_WAS_UNAVAILABLE)
            self._unannounced_ns = (self._unannounced_ns[0] if self._unannounced_ns else now_ns), None
        self.is_up = up
        self._was_up |= up
        return gap

    def epoch_changed(self, now_ns: int) -> Gap | None:
        """Takes a change of epoch, and returns the gap to announce."""
        gap = None
        if self._unannounced_ns:
            from_ns, to_ns = self._unannounced_ns
            gap = Gap(from_ns - _NOTICED_NS, to_ns or now_ns, BROKER_WAS_UNAVAILABLE)
        self._epoch_changed_ns = now_ns
        self._unannounced_ns = None if self.is_up else (now_ns, None)
        return gap
