"""Where the live order is now. It must not know how viewers are sent an id."""

from dataclasses import dataclass

from logstream_stream.order.event_id import ALL, EventId


@dataclass(frozen=True, slots=True)
class LivePosition:
    """A position in the live order. epoch None: Redis has not been read yet; "": Redis holds nothing. position 0: none."""

    epoch: str | None
    position: int
    received_ms: int = 0

    def event_id(self, index: int = ALL) -> EventId | None:
        """The id after the record with this index of the batch here. None: nothing can be resumed from here."""
        return (
            EventId(epoch=self.epoch, position=self.position, index=index, received_ms=self.received_ms)
            if self.epoch and self.position
            else None
        )
