"""A set that keeps the items added last, such as the batches that were delivered. It is bounded, so it must not be relied on
for items added long ago."""

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class RecentSet(Generic[T]):
    """The last `limit` items that were added."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: OrderedDict[T, None] = OrderedDict()

    def __contains__(self, item: T) -> bool:
        return item in self._items

    def add(self, item: T) -> None:
        self._items[item] = None
        if len(self._items) > self._limit:
            self._items.popitem(last=False)

    def clear(self) -> None:
        self._items.clear()
