"""Remembers the latest of something, such as the batches that were delivered. Its memory is bounded: it must not be trusted
for what is long past."""

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class RecentSet(Generic[T]):
    """The last `limit` things that were added."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._things: OrderedDict[T, None] = OrderedDict()

    def __contains__(self, thing: T) -> bool:
        return thing in self._things

    def add(self, thing: T) -> None:
        self._things[thing] = None
        if len(self._things) > self._limit:
            self._things.popitem(last=False)

    def clear(self) -> None:
        self._things.clear()
