"""The id of an event, with which a viewer resumes. Clients treat it as opaque. Reading it must accept any text that a client
sends, without an error."""

import re
from dataclasses import dataclass
from typing import Final

# The highest index a record can have. Nothing of the batch comes after it, so it also stands for "all of the batch".
ALL: Final = 0xFFFF

# Positions fit a float in Redis's Lua. Times end with the year 9998, so that a day can be added to them.
_MAX_POSITION: Final = 2**53
_MAX_RECEIVED_MS: Final = 253_370_764_800_000
_TEXT: Final = re.compile(r"([!-~]{1,128}):(\d{1,16}):(\d{1,5}):(\d{1,15})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventId:
    """After the record with this index of the batch at this position."""

    epoch: str
    position: int
    index: int  # 0..65535
    # When the gateway received the batch: the start of a gap, should Redis have lost the position.
    received_ms: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.position}:{self.index}:{self.received_ms}"


def read_event_id(text: str) -> EventId | None:
    """Reads an id; None for a text that logstream did not write."""
    match = _TEXT.fullmatch(text)
    if not match:
        return None
    event_id = EventId(epoch=match[1], position=int(match[2]), index=int(match[3]), received_ms=int(match[4]))
    is_possible = event_id.position <= _MAX_POSITION and event_id.index <= ALL and event_id.received_ms <= _MAX_RECEIVED_MS
    return event_id if is_possible else None
