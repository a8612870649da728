"""Decides which deliveries share a flush. Pure: it must know neither clock nor broker."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from logstream_writer.delivery import Delivery

# A message that has come this often before may be what ends its writers: it is stored alone, so that it harms no other.
ALONE_AFTER = 2
# And this often: it is kept as a dead letter without being looked into.
PARKED_AFTER = 9


@dataclass(frozen=True, slots=True)
class Gathering:
    """Deliveries in the order they came; parked ones are not to be decoded."""

    deliveries: list[Delivery]
    parked: bool = False


def split(deliveries: Iterable[Delivery]) -> Iterator[Gathering]:
    """Cuts deliveries into gatherings to be flushed one after another, keeping their order."""
    together: list[Delivery] = []
    for delivery in deliveries:
        if delivery.suspicion < ALONE_AFTER:
            together.append(delivery)
            continue
        if together:
            yield Gathering(together)
            together = []
        yield Gathering([delivery], parked=delivery.suspicion >= PARKED_AFTER)
    if together:
        yield Gathering(together)
