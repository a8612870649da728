"""Notices that messages of the fanout did not arrive, by the counts of the writers that sent them. It must not know what is
in the window, which has what was lost if it had a position there."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# Writers get a new name with every start; those not heard of for longest are forgotten.
_WRITERS: Final = 1_024


@dataclass(frozen=True, slots=True)
class Count:
    """What a writer says it has published, up to and with the message this came with: messages that hold batches, and those
    of them whose batches have no position."""

    writer: bytes
    messages: int
    unnumbered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Messages that did not arrive.

    from_ns: what is in them was received by the gateway after this, in nanoseconds since the Unix epoch, as far as batches
    come in the order in which they were received; None: not known. epoch: of the last numbered message of that writer that
    arrived, "": none.
    """

    numbered: int
    unnumbered: int
    from_ns: int | None
    epoch: str


@dataclass(slots=True, kw_only=True)
class _WriterState:
    messages: int
    unnumbered: int
    # None: no batch of it has arrived, and what it has in hand may have waited for long.
    received_ns: int | None
    epoch: str


class LossDetector:
    """Not thread-safe. Messages of a writer come in the order in which it sent them."""

    def __init__(self) -> None:
        self._writers: OrderedDict[bytes, _WriterState] = OrderedDict()

    def hear(self, count: Count, epoch: str, received_ns: Sequence[int]) -> Lost | None:
        """Takes a message's count, and what did not arrive before it.

        epoch: of its positions, "": it has none. received_ns: when the gateway received each of its batches; none: the count
        came alone. The first message of a writer says nothing of those before it.
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
            # Came a second time.
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
