"""What the sequencer decides about stored batches: to deliver one, or to announce that some may be missing."""

from dataclasses import dataclass
from typing import Final

from logstream_stream.arriving.stored import StoredBatch

# The reasons of gaps. Clients and dashboards know these texts.
PAST_WINDOW: Final = "past the window"
WINDOW_UNAVAILABLE: Final = "recent window away"
NEW_EPOCH: Final = "new epoch"
BROKER_WAS_UNAVAILABLE: Final = "broker was away"
LOST: Final = "lost on the way"


@dataclass(frozen=True, slots=True)
class Deliver:
    """The next batch of the live order."""

    batch: StoredBatch
    epoch: str
    position: int  # 0: unnumbered


@dataclass(frozen=True, slots=True)
class Gap:
    """Batches received between these moments (nanoseconds since the Unix epoch) may be missing. from_ns None: not known."""

    from_ns: int | None
    to_ns: int
    reason: str


Outcome = Deliver | Gap
