"""Finds records page by page, and says how far it looked. It knows neither HTTP nor SQL."""

from dataclasses import dataclass
from typing import Final

from logstream_contract.filters import Filter

from logstream_query.cursors import Order, Position
from logstream_query.store import Store, StoredRecord

_SEQUENCE_OF_RECORD: Final = 0
_TIME_OF_RECORD: Final = 1


@dataclass(frozen=True, slots=True)
class Found:
    """records: in the order asked for, at most as many as asked for.

    position: where to go on, None when all was looked at. scanned_until_us: all matching records between where this search
    began and here are in the answer; microseconds since the Unix epoch, None when nothing is left.
    """

    records: list[StoredRecord]
    position: Position | None
    scanned_until_us: int | None


class Search:
    """Every call answers within its budget, and gets further with each."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, wanted: Filter, order: Order, after: Position | None, limit: int) -> Found:
        """The first matching records after a position (or from the end of the order). Raises Unavailable."""
        # One more than asked for tells whether there is more.
        found = self._store.page(wanted, order, after, limit + 1)
        if len(found) <= limit:
            return Found(found, None, None)
        last = found[limit - 1]
        position = Position(last[_TIME_OF_RECORD], last[_SEQUENCE_OF_RECORD])
        return Found(found[:limit], position, position.time_us)
