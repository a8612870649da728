"""Remembers which batches were delivered, by number, so that none is delivered twice. Its memory is bounded: it must not be
trusted for what is long past."""

from collections import OrderedDict


class DeliveredNumbers:
    """The serials of the last `limit` deliveries by batch number. Serials count deliveries, from 1."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._serials: OrderedDict[int, int] = OrderedDict()

    def __contains__(self, number: int) -> bool:
        return number in self._serials

    def serial(self, number: int) -> int:
        """The serial of the batch's last delivery; 0: not delivered."""
        return self._serials.get(number, 0)

    def note(self, number: int, serial: int) -> None:
        self._serials[number] = serial
        self._serials.move_to_end(number)
        if len(self._serials) > self._limit:
            self._serials.popitem(last=False)
