"""Which records a filter matches, outside the database. The SQL of the query service must mean the same; tests compare the
two. Each part of a filter has its own method, so that records in columns can be checked column by column. Pure.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from logstream_contract.filters.filters import Filter
from logstream_contract.filters.lowercase import simple_lower


class Candidate(NamedTuple):
    """A stored record. time_us: microseconds since the Unix epoch; attributes None: it has none."""

    sequence: int
    time_us: int
    severity: int
    level: str
    node: str
    message: str
    attributes: Mapping[str, str] | None


class Matcher:
    """A filter prepared for many records. Raises ValueError for a filter with a regular expression: PostgreSQL has its own
    syntax, which nothing here implements."""

    def __init__(self, filter_: Filter) -> None:
        if filter_.regex:
            raise ValueError("regex: a regular expression can only be used in history")
        self._filter = filter_
        self._levels = frozenset(map(simple_lower, filter_.levels))
        self._level_contains = simple_lower(filter_.level_contains)
        self._nodes = frozenset(node for node in filter_.nodes if "*" not in node)
        self._patterns = [_pattern(node) for node in filter_.nodes if "*" in node]
        self._included = tuple(map(simple_lower, filter_.text.included))
        self._excluded = tuple(map(simple_lower, filter_.text.excluded))
        self._sequences = frozenset(filter_.sequences)
        self.restricts_time_or_sequence = (
            filter_.start_us is not None or filter_.end_us is not None or bool(filter_.sequences)
        )
        self.restricts_text = bool(self._included or self._excluded)
        self.restricts_attributes = bool(filter_.attributes or filter_.not_attributes)

    def record(self, candidate: Candidate) -> bool:
        """Whether the record matches: every part of the filter holds."""
        return (
            self.time_and_sequence(candidate.time_us, candidate.sequence)
            and self.node(candidate.node)
            and self.kind(candidate.severity, candidate.level)
            and bool(self.texts([simple_lower(candidate.message)], [0]))
            and self.attributes(candidate.attributes)
        )

    def time_and_sequence(self, time_us: int, sequence: int) -> bool:
        """Time and sequence."""
        filter_ = self._filter
        return (
            (filter_.start_us is None or time_us >= filter_.start_us)
            and (filter_.end_us is None or time_us < filter_.end_us)
            and (not self._sequences or sequence in self._sequences)
        )

    def node(self, node: str) -> bool:
        if not self._filter.nodes:
            return True
        return node in self._nodes or any(pattern.fullmatch(node) for pattern in self._patterns)

    def kind(self, severity: int, level: str) -> bool:
        """Severity and level."""
        filter_ = self._filter
        if filter_.min_severity is not None and severity < filter_.min_severity:
            return False
        if not (self._levels or self._level_contains):
            return True
        lowered = simple_lower(level)
        return (not self._levels or lowered in self._levels) and self._level_contains in lowered

    def texts(self, lowered: Sequence[str], rows: Sequence[int]) -> Sequence[int]:
        """Those of the rows whose message matches. lowered: all messages, as simple_lower gives them."""
        for term in self._included:
            rows = [row for row in rows if term in lowered[row]]
        for term in self._excluded:
            rows = [row for row in rows if term not in lowered[row]]
        return rows

    def attributes(self, attributes: Mapping[str, str] | None) -> bool:
        filter_, has = self._filter, attributes or {}
        return all(has.get(key) == value for key, value in filter_.attributes) and not any(
            has.get(key) == value for key, value in filter_.not_attributes
        )


def _pattern(node: str) -> re.Pattern[str]:
    """`*` stands for any number of characters. Each part between two of them is matched once, where it first occurs, without
    backtracking (an atomic group), so that no pattern takes longer than its length times the node's."""
    first, *between, last = map(re.escape, node.split("*"))
    return re.compile(first + "".join(f"(?>.*?{part})" for part in between) + f".*{last}", re.DOTALL)
