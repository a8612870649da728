"""What the sequencer wants to read from the recent window, and what was true when it asked."""

from dataclasses import dataclass

from logstream_stream.order.reorder_buffer import ReorderBuffer


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRequest:
    """anchor, after, upto and count are the arguments of Window.read."""

    # The buffer at that time. If it has been replaced when the snapshot arrives, the snapshot is too late and is ignored.
    buffer: ReorderBuffer
    # The last delivered position (0: none), and the name of its batch (None: not known). If the window has the same name at
    # this position, it still has the same positions.
    anchor: int
    anchor_name: str | None
    # The range to read: the missing positions in (after, upto], at most count entries. count 0: only the head is read.
    after: int
    upto: int
    count: int
    # Epochs whose batches were held at that time. With the snapshot they are either current or over.
    held_epochs: tuple[str, ...]
    # When the request was made. The snapshot has everything that was published before.
    requested_ns: int
