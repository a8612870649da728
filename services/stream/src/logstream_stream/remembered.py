"""Remembers which batches were delivered, by number, so that none is delivered twice. Its memory is bounded: it must not be
trusted for what is long past."""

from collections import OrderedDict


class Remembered:
    """The last `limit` numbers that were added."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._numbers: OrderedDict[int, None] = OrderedDict()

    def __contains__(self, number: int) -> bool:
        return number in self._numbers

    def add(self, number: int) -> None:
        self._numbers[number] = None
        if len(self._numbers) > self._limit:
            self._numbers.popitem(last=False)

    def clear(self) -> None:
        self._numbers.clear()
