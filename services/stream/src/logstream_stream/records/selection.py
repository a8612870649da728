"""Selects the records of a batch that match a filter, a column at a time. logstream_contract.filters.matching defines what a
filter means; this module calls it as seldom as possible: once for a batch's node and for each level, and for texts and
attributes only where everything else matches."""

from collections.abc import Sequence

import numpy as np
import orjson
from logstream_contract.filters.filters import Filter
from logstream_contract.filters.matching import Matcher

from logstream_stream.records.columns import Columns, Ints
from logstream_stream.records.decoder import Decoded
from logstream_stream.records.framing import Framing
from logstream_stream.records.rendering import Rendered


class Selection:
    """The records of a batch that a viewer is sent. rows: their rows in the columns; None: all."""

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
        """The time of each record."""
        times_us = self._decoded.columns.times_us
        return times_us if self._rows is None else times_us[self._rows]

    @property
    def indexes(self) -> Sequence[int]:
        """The index of each record in the batch; ascending."""
        indexes = self._decoded.indexes
        return indexes if self._rows is None else [indexes[row] for row in self._rows]

    def only(self, chosen: Sequence[int]) -> "Selection":
        """The records at these indexes of the selection, which ascend."""
        return Selection(self._decoded, chosen if self._rows is None else [self._rows[at] for at in chosen])

    def up_to(self, start: int, size: int) -> int:
        """The end of the shortest range from start, an index of the selection, with this many bytes of messages and
        attributes; the end of the selection if it has fewer."""
        messages, members = self._decoded.columns.messages, self._decoded.columns.members
        for at in range(start, len(self)):
            row = at if self._rows is None else self._rows[at]
            size -= len(messages[row]) + (len(members[row]) if members else 0)
            if size <= 0:
                return at + 1
        return len(self)

    def rendered(self, framing: Framing) -> Rendered:
        """The records as this framing writes them."""
        return self._decoded.rendered(framing, self._rows)


class CompiledFilter:
    """A filter, prepared for batches. Raises ValueError for a filter that only history supports."""

    def __init__(self, filter_: Filter) -> None:
        self._matcher = Matcher(filter_)
        self._wanted = [_member(*pair) for pair in filter_.attributes]
        self._named = self._wanted + [_member(*pair) for pair in filter_.not_attributes]

    def rows(self, decoded: Decoded) -> Sequence[int]:
        """The rows of the records that match; ascending."""
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
        # Bytes that look like a member may be parts of two others, so those records are checked; without them there is none.
        return [
            row
            for row in rows
            if not any(member in members[row] for member in self._named) or matches(orjson.loads(b"{%b}" % members[row]))
        ]


def select(decoded: Decoded, compiled_filter: CompiledFilter | None) -> Selection:
    """compiled_filter None: all records."""
    rows = compiled_filter.rows(decoded) if compiled_filter else None
    return Selection(decoded, None if rows is None or len(rows) == len(decoded.columns) else rows)


def _member(key: str, value: str) -> bytes:
    """An attribute as it is in Columns.members."""
    return orjson.dumps({key: value})[1:-1]
