"""Detects that messages of the fanout did not arrive, from the counts that writers send with them. It must not know the
window: lost batches that have a position are read from there."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# A writer gets a new name each time it starts. Those that have been silent longest are forgotten.
_WRITERS: Final = 1_024


@dataclass(frozen=True, slots=True)
class Count:
    """How much a writer has published, including the message that carries this count: messages with batches, and those among
    them whose batches are unnumbered."""

    writer: bytes
    messages: int
    unnumbered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Messages that did not arrive.

    from_ns: the gateway received their batches after this, in nanoseconds since the Unix epoch, provided that batches arrive
    in the order in which they were received; None: not known. epoch: that of the last numbered message of this writer that
    arrived; "": none.
    """

    numbered: int
    unnumbered: int
    from_ns: int | None
    epoch: str


@dataclass(slots=True, kw_only=True)
class _WriterState:
    messages: int
    unnumbered: int
    # None: none of its batches has arrived, and those it holds may have waited for a long time.
    received_ns: int | None
    epoch: str


class LossDetector:
    """Not thread-safe. The messages of one writer arrive in the order in which it sent them."""

    def __init__(self) -> None:
        self._writers: OrderedDict[bytes, _WriterState] = OrderedDict()

    def hear(self, count: Count, epoch: str, received_ns: Sequence[int]) -> Lost | None:
        """Takes the count of a message, and returns what was lost before it.

        epoch: that of the message's positions; "": unnumbered. received_ns: when the gateway received each of its batches;
        empty: the count came alone. The first message of a writer says nothing about earlier ones.
        """
        has_batches = bool(received_ns)
        writer = self._writers.get(count.writer)
        if writer is None:
            self._writers[count.writer] = _WriterState(
                messages=count.messages, unnumbered=count.unnumbered, received_ns=min(received_ns, default=None), epoch=epoch
            )
            if len(self._writers) > _WRITERS:
                self._writers.popitem(last=False)
            return None
        messages = count.messages - writer.messages - has_batches
        unnumbered = count.unnumbered - writer.unnumbered - (has_batches and not epoch)
        if messages < 0:
            # A message that was delivered twice.
            return None
        lost = (
            Lost(numbered=messages - unnumbered, unnumbered=unnumbered, from_ns=writer.received_ns, epoch=writer.epoch)
            if messages
            else None
        )
        writer.messages, writer.unnumbered = count.messages, count.unnumbered
        writer.received_ns = min(received_ns, default=writer.received_ns)
        writer.epoch = epoch or writer.epoch
        self._writers.move_to_end(count.writer)
        return lost
