"""Where a search has to look: the times that the stored counts and the search index do not rule out. It requests them as the
search gets there. It knows no SQL."""

from dataclasses import dataclass
from typing import Final, Protocol

from logstream_contract.filters.filters import Filter

from logstream_query.questions.cursors import Order, Position
from logstream_query.questions.moments import HOUR_US
from logstream_query.questions.ranges import Range, common, past, short_of, split, take
from logstream_query.unavailable import StatementTimeout

# Everything known about a window is read at once. The first window is enough for most searches; a long retention takes only
# a few more.
_FIRST_WINDOW_US: Final = 48 * HOUR_US
_WINDOW_GROWTH: Final = 4
# There are many minutes, so they are read only within the hours that remain, and shortly before they are needed.
_MINUTES_US: Final = 6 * HOUR_US
_MOST_RANGES: Final = 1_000_000


class Sources(Protocol):
    """What the store knows about where records can be. Ranges are newest first and may extend beyond `within`; None: nothing
    is known. All methods raise Unavailable."""

    def possible(self, filter_: Filter, within: Range, timeout_s: float) -> list[Range] | None:
        """To the hour by the counts, and by the search index."""

    def present_minutes(self, filter_: Filter, within: Range, timeout_s: float) -> list[Range] | None:
        """To the minute by the counts."""


@dataclass(frozen=True, slots=True)
class Part:
    """ranges: in the walk's order. end: where the walk continues after them."""

    ranges: list[Range]
    end: Position


class Plan:
    """Goes through `whole` once, in the walk's order."""

    def __init__(self, sources: Sources, *, filter_: Filter, order: Order, whole: Range) -> None:
        self._sources = sources
        self._filter = filter_
        self._order: Order = order
        self._left: Range | None = whole
        self._window = whole
        self._window_us = _FIRST_WINDOW_US
        self._coarse: list[Range] = []

    def next_part(self, timeout_s: float) -> Part | None:
        """None: the whole range is done. Raises Unavailable, except after a timeout: then it rules nothing out."""
        if self._coarse:
            return self._fine(timeout_s)
        if not self._left:
            return None
        self._window, self._left = split(self._left, self._window_us, self._order)
        self._window_us *= _WINDOW_GROWTH
        try:
            possible = self._sources.possible(self._filter, self._window, timeout_s)
        except StatementTimeout:
            possible = None
        self._coarse = self._in_order([self._window] if possible is None else common(possible, [self._window]))
        return self._fine(timeout_s) if self._coarse else Part([], past(self._window, self._order))

    def _fine(self, timeout_s: float) -> Part:
        coarse = self._coarse
        group, self._coarse = take(coarse, _MINUTES_US, _MOST_RANGES, self._order)
        newest_first = self._in_order(group)
        try:
            minutes = self._sources.present_minutes(
                self._filter, Range(newest_first[-1].from_us, newest_first[0].to_us), timeout_s
            )
        except StatementTimeout:
            minutes = newest_first
        if minutes is None:
            # Nothing is known about any minute, so the whole part is returned and SliceSizer chooses the steps. Steps of
            # hours would not get past the years to an invented time that was inserted with SQL.
            self._coarse = []
            return Part(coarse, past(self._window, self._order))
        fine = common(minutes, newest_first)
        end = (short_of(self._coarse[0], self._order) if self._coarse else None) or past(self._window, self._order)
        return Part(self._in_order(fine), end)

    def _in_order(self, ranges: list[Range]) -> list[Range]:
        """From newest first to the walk's order, or back."""
        return ranges if self._order == "desc" else ranges[::-1]
