"""How much one answer may hold. Pure.

Records are fetched with a share of the room each. One that is larger than its share is fetched by itself afterwards, and
held against what is left: so neither this process nor the database's client library ever holds much more than the room.
"""

from collections.abc import Callable, Mapping, Sequence
from sys import getsizeof
from typing import Final

from logstream_query.store.stored_record import StoredRecord

# Of a record without its texts: time, sequence, names, and what Python needs for them.
_FIXED_BYTES: Final = 200


class Room:
    """Of one answer with at most `records` records, however many statements bring them. Not shared.

    share_bytes: what each record may take without being asked about. is_full: a record was left out for its size.
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
        """Takes in records that are no larger than their shares. They are measured only if that matters."""
        if records:
            self._unmeasured.append(records)

    def take(self, size_bytes: int) -> bool:
        """Whether a record of this size is taken in, as the first one always is. If not, the room is full."""
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
    """No leave is needed."""


def size_of(record: StoredRecord) -> int:
    """About the bytes that a stored record takes in memory."""
    return _FIXED_BYTES + getsizeof(record.message) + _size_of_attributes(record.attributes)


def size_of_texts(message: str, attributes: str | None) -> int:
    """The same, from the message and the JSON of the attributes."""
    return _FIXED_BYTES + getsizeof(message) + (getsizeof(attributes) if attributes else 0)


def _size_of_attributes(attributes: Mapping[str, str] | None) -> int:
    return sum(getsizeof(key) + getsizeof(value) for key, value in attributes.items()) if attributes else 0
