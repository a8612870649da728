"""Which records of a batch a filter lets through, looked at a column at a time. What a filter means is said in
logstream_contract.filters.matching; here it is only asked as seldom as can be: of a batch's node and its levels
once, of texts and attributes where the rest holds."""

from collections.abc import Sequence

import numpy as np
import orjson
from logstream_contract.filters.filters import Filter
from logstream_contract.filters.matching import Matcher

from logstream_stream.columns import Columns, Ints
from logstream_stream.decoder import Decoded
from logstream_stream.framing import Framing
from logstream_stream.rendering import Rendered


class Selection:
    """The records of a batch that a viewer is shown. rows: their places in the columns; None: all."""

    __slots__ = ("_decoded", "_rows")

    def __init__(self, decoded: Decoded, rows: Sequence[int] | None) -> None:
        self._decoded = decoded
        self._rows = rows

    def __len__(self) -> int:
        return len(self._decoded.columns if self._rows is None else self._rows)

    @property
    def raw_bytes(self) -> int:
        """Length of the encoded batch."""
        return self._decoded.raw_bytes

    @property
    def times_us(self) -> Ints:
        """Of the records."""
        times_us = self._decoded.columns.times_us
        return times_us if self._rows is None else times_us[self._rows]

    @property
    def indexes(self) -> Sequence[int]:
        """Of the records in the batch; ascending."""
        indexes = self._decoded.indexes
        return indexes if self._rows is None else [indexes[row] for row in self._rows]

    def only(self, kept: Sequence[int]) -> "Selection":
        """The records at these places of the selection, which ascend."""
        return Selection(self._decoded, kept if self._rows is None else [self._rows[place] for place in kept])

    def up_to(self, start: int, size: int) -> int:
        """Where to stop after the record at this place of the selection so as to have this many bytes of messages and
        attributes, or all there are."""
        messages, members = self._decoded.columns.messages, self._decoded.columns.members
        for place in range(start, len(self)):
            row = place if self._rows is None else self._rows[place]
            size -= len(messages[row]) + (len(members[row]) if members else 0)
            if size <= 0:
                return place + 1
        return len(self)

    def rendered(self, framing: Framing) -> Rendered:
        """The records as this framing writes them."""
        return self._decoded.rendered(framing, self._rows)


class Sieve:
    """A filter for batches. Raises ValueError for a filter that only history has."""

    def __init__(self, wanted: Filter) -> None:
        self._matcher = Matcher(wanted)
        self._wanted = [_member(*pair) for pair in wanted.attributes]
        self._named = self._wanted + [_member(*pair) for pair in wanted.not_attributes]

    def rows(self, decoded: Decoded) -> Sequence[int]:
        """The places in the columns of the records that match; ascending."""
        columns, matcher = decoded.columns, self._matcher
        if not matcher.node(columns.node):
            return []
        rows = self._of_kinds(columns)
        if rows and matcher.restricts_time_or_sequence:
            times_us, sequences = columns.times_us.tolist(), columns.sequences().tolist()
            rows = [row for row in rows if matcher.time_and_sequence(times_us[row], sequences[row])]
        if rows and matcher.restricts_text:
            rows = matcher.texts(decoded.lowered(), rows)
        if rows and matcher.restricts_attributes:
            rows = self._of_attributes(columns.members, rows)
        return rows

    def _of_kinds(self, columns: Columns) -> Sequence[int]:
        matching = [self._matcher.kind(*kind) for kind in columns.level_kinds]
        if all(matching):
            return range(len(columns))
        if not any(matching):
            return []
        rows: list[int] = np.flatnonzero(np.array(matching)[columns.kinds]).tolist()
        return rows

    def _of_attributes(self, members: list[bytes], rows: Sequence[int]) -> Sequence[int]:
        matches = self._matcher.attributes
        if not members:
            return rows if matches(None) else []
        for member in self._wanted:
            rows = [row for row in rows if member in members[row]]
        # What looks like a member may be part of two others; what does not look like one is none.
        return [
            row
            for row in rows
            if not any(member in members[row] for member in self._named) or matches(orjson.loads(b"{%b}" % members[row]))
        ]


def select(decoded: Decoded, sieve: Sieve | None) -> Selection:
    """sieve None: all records."""
    rows = sieve.rows(decoded) if sieve else None
    return Selection(decoded, None if rows is None or len(rows) == len(decoded.columns) else rows)


def _member(key: str, value: str) -> bytes:
    """An attribute as Columns.members hold it."""
    return orjson.dumps({key: value})[1:-1]
