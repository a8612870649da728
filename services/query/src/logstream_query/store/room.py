"""How much one response may hold in memory. Pure.

Records are fetched with a share of the room each. A record that is larger than its share is fetched by itself afterwards,
and compared with the bytes left. So neither this process nor the database's client library ever holds much more than the
room.
"""

from collections.abc import Callable, Mapping, Sequence
from sys import getsizeof
from typing import Final

from logstream_query.store.stored_record import StoredRecord

# Size of a record without its texts: time, sequence, names, and Python's own overhead.
_FIXED_BYTES: Final = 200


class Room:
    """The room of one response with at most `records` records, from any number of statements. Not shared.

    share_bytes: the size that each record may have without a check. is_full: a record was left out because of its size.
    """

    def __init__(self, most_bytes: int, records: int, begin_large: Callable[[], None] | None = None) -> None:
        """begin_large: called before records that are larger than their shares are fetched; may raise."""
        self.begin_large = begin_large or _nothing
        self.share_bytes = max(1, most_bytes // max(1, records))
        self.is_full = False
        self._most_bytes = most_bytes
        self._taken_bytes = 0
        self._unmeasured: list[Sequence[StoredRecord]] = []

    def add(self, records: Sequence[StoredRecord]) -> None:
        """Adds records that are no larger than their shares. They are measured only when that matters."""
        if records:
            self._unmeasured.append(records)

    def take(self, size_bytes: int) -> bool:
        """Adds a record of this size and returns True, always for the first one. If it does not fit, the room is full."""
        if not self.is_empty and size_bytes > self.left_bytes:
            self.is_full = True
            return False
        self._taken_bytes += size_bytes
        return True

    @property
    def is_empty(self) -> bool:
        return not (self._taken_bytes or self._unmeasured)

    @property
    def left_bytes(self) -> int:
        self._taken_bytes += sum(size_of(row) for rows in self._unmeasured for row in rows)
        self._unmeasured.clear()
        return max(0, self._most_bytes - self._taken_bytes)


def _nothing() -> None:
    """Large records need no permission."""


def size_of(record: StoredRecord) -> int:
    """About the bytes that a stored record takes in memory."""
    return _FIXED_BYTES + getsizeof(record.message) + _size_of_attributes(record.attributes)


def size_of_texts(message: str, attributes: str | None) -> int:
    """The same, from the message and the attributes' JSON."""
    return _FIXED_BYTES + getsizeof(message) + (getsizeof(attributes) if attributes else 0)


def _size_of_attributes(attributes: Mapping[str, str] | None) -> int:
    return sum(getsizeof(key) + getsizeof(value) for key, value in attributes.items()) if attributes else 0
