"""Decides which deliveries share a flush, depending on what writers were flushing when they died. Pure: it must not use the
clock, the broker or the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from logstream_writer.delivery import Delivery

# When this many writers have died while they flushed only this message, it becomes a dead letter without being decoded. One
# writer may have been killed just then by chance, but hardly three.
PARKED_AFTER: Final = 3


@dataclass(frozen=True, slots=True)
class Gathering:
    """Deliveries of one flush. died_alone: how many writers died while they flushed nothing but this one message."""

    deliveries: list[Delivery]
    died_alone: int = 0

    @property
    def parked(self) -> bool:
        """Whether it must not be decoded."""
        return self.died_alone >= PARKED_AFTER


def split(deliveries: Sequence[Delivery], suspected: Mapping[bytes, int]) -> list[Gathering]:
    """Gatherings to be flushed one after another. suspected: by the name of each message that was being flushed when a
    writer died, how many died while they flushed it alone.

    What is not suspected is flushed together and first, then each suspected message by itself, the least suspected first:
    if one ends this writer as well, the others are stored by then.
    """
    if not suspected:
        return [Gathering(list(deliveries))]
    together = [delivery for delivery in deliveries if delivery.name not in suspected]
    alone = [Gathering([delivery], suspected[delivery.name]) for delivery in deliveries if delivery.name in suspected]
    # Those to be parked do no harm.
    alone.sort(key=lambda gathering: (not gathering.parked, gathering.died_alone))
    return [Gathering(together), *alone] if together else alone
