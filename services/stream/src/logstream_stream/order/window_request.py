"""What the sequencer asks of the recent window, and what was true when it asked."""

from dataclasses import dataclass

from logstream_stream.order.reorder_buffer import ReorderBuffer


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRequest:
    """anchor, after, upto and count are the arguments of Window.read."""

    # The buffer at that time. A snapshot for another one comes too late and is ignored.
    buffer: ReorderBuffer
    # The last delivered position, 0: none, and the name of the batch there, None: not known. If the window has the same name
    # at this position, its positions are ours.
    anchor: int
    anchor_name: str | None
    # The range to read: the missing positions in (after, upto], at most count entries. count 0: only the head is read.
    after: int
    upto: int
    count: int
    # Epochs whose batches were held at that time. The snapshot settles what they are.
    held_epochs: tuple[str, ...]
    # When it was asked. What was published before is in the snapshot.
    requested_ns: int
