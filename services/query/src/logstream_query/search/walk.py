"""One search through the records, slice by slice, within a budget of time. It knows neither HTTP nor SQL."""

import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final

from logstream_contract.filters.filters import Filter

from logstream_query.questions.cursors import Order, Position
from logstream_query.questions.ranges import Range, past, short_of, take
from logstream_query.search.plan import Plan
from logstream_query.search.slice_sizer import SliceSizer
from logstream_query.store import Nearest, Store, StoredRecord
from logstream_query.store.room import Room
from logstream_query.unavailable import StatementTimeout

# A statement may take this much longer than the time left, so that a slice that nearly fits is not wasted.
_GRACE_S: Final = 0.15
# With less time left, a statement is not worthwhile.
_LEAST_LEFT_S: Final = 0.02


class Budget:
    """seconds: for the search. most_s: how long the request may take if it would get no further otherwise."""

    def __init__(self, seconds: float, most_s: float) -> None:
        self._began_s = time.monotonic()
        self._seconds = seconds
        self._most_s = most_s

    def left_s(self) -> float:
        return self._began_s + self._seconds - time.monotonic()

    @property
    def is_used_up(self) -> bool:
        return self.left_s() < _LEAST_LEFT_S

    def slice_timeout_s(self) -> float:
        """Half of the time left: after a slice that took too long there is time for a smaller one."""
        return min(max(0.0, self.left_s()) / 2 + _GRACE_S, self.most_left_s())

    def most_left_s(self) -> float:
        return max(_GRACE_S, self._began_s + self._most_s - time.monotonic())


@dataclass(frozen=True, slots=True)
class Steps:
    """How many records a search looks at before it plans where to look: first_rows, or indexed_rows if the search index can
    help. If these take too long, it looks at least_rows, which may take as long as a statement may."""

    first_rows: int = 20_000
    least_rows: int = 500
    indexed_rows: int = 5_000


class Walk:
    """position: where to continue; None when everything was searched. records: at most limit, and as many as the room holds.
    Not shared."""

    def __init__(
        self,
        store: Store,
        *,
        filter_: Filter,
        order: Order,
        after: Position | None,
        limit: int,
        budget: Budget,
        steps: Steps,
        room: Room,
    ) -> None:
        self._store = store
        self._filter = filter_
        self._order: Order = order
        self._limit = limit
        self._budget = budget
        self._steps = steps
        self._room = room
        self._slice_sizer = SliceSizer(1)
        self._has_more = False
        self.position = after
        self.records: list[StoredRecord] = []
        self.timeouts = 0

    @property
    def is_over(self) -> bool:
        """Whether this request gets no further: everything was searched, the page or its room is full, or the budget is used
        up."""
        return self.position is None or self._has_more or self._budget.is_used_up

    def look_at_first(self, retry: AbstractContextManager[None] | None = None) -> None:
        """Looks at the next records without a plan: finds frequent records quickly, and gets further in any case.
        Raises StatementTimeout if even the least number of records took too long.

        retry: entered for a second attempt, which may keep the database busy for long."""
        began_s = time.monotonic()
        rows = self._steps.first_rows
        if self._store.is_indexed(self._filter):
            rows = min(rows, self._steps.indexed_rows)
        try:
            nearest = self._nearest(rows, self._budget.slice_timeout_s())
        except StatementTimeout:
            self.timeouts += 1
            with retry or nullcontext():
                began_s = time.monotonic()
                nearest = self._nearest(self._steps.least_rows, self._budget.most_left_s())
        self.position = nearest.last
        if nearest.first and nearest.last:
            span_us = abs(nearest.first.time_us - nearest.last.time_us) + 1
            self._slice_sizer = SliceSizer(span_us)
            self._slice_sizer.took(span_us, 1, time.monotonic() - began_s)
        self._add(nearest.records)

    def _nearest(self, rows: int, timeout_s: float) -> Nearest:
        return self._store.nearest(self._filter, self._order, self.position, self._wanting, rows, timeout_s, self._room)

    def look_further(self) -> None:
        """Searches slice by slice where the plan says, until this request gets no further."""
        assert self.position
        try:
            end_us = self._store.last_time(self._filter, self._order, self.position, self._budget.slice_timeout_s())
        except StatementTimeout:
            self.timeouts += 1
            return
        if end_us is None:
            self.position = None
            return
        whole = Range(min(end_us, self.position.time_us), max(end_us, self.position.time_us))
        plan = Plan(self._store, filter_=self._filter, order=self._order, whole=whole)
        while not self.is_over:
            part = plan.next_part(self._budget.slice_timeout_s())
            if part is None:
                self.position = None
            elif self._go_through(part.ranges):
                self.position = part.end

    def _go_through(self, ranges: list[Range]) -> bool:
        """Whether it reached the end."""
        while ranges and not self.is_over:
            group, rest = take(
                ranges, self._slice_sizer.span_us(self._budget.left_s()), self._slice_sizer.ranges, self._order
            )
            if not self._look_within(group):
                continue
            if self._has_more:
                return False
            ranges = rest
            self.position = (short_of(rest[0], self._order) if rest else None) or past(group[-1], self._order)
        return not ranges

    def _look_within(self, group: list[Range]) -> bool:
        """False: it took too long, and the next slice has to be smaller."""
        span_us = sum(range_.span_us for range_ in group)
        began_s = time.monotonic()
        try:
            records = self._store.within(
                self._filter, self._order, group, self.position, self._wanting, self._budget.slice_timeout_s(), self._room
            )
        except StatementTimeout:
            self.timeouts += 1
            self._slice_sizer.timed_out(span_us, len(group))
            return False
        self._slice_sizer.took(span_us, len(group), time.monotonic() - began_s)
        self._add(records)
        return True

    @property
    def _wanting(self) -> int:
        """One record more than the page holds shows whether there are more."""
        return self._limit + 1 - len(self.records)

    def _add(self, records: list[StoredRecord]) -> None:
        self.records += records
        self._has_more = self._room.is_full or len(self.records) > self._limit
        # If not even the first record fits into the rest of the room, the walk is already at its position.
        if self._has_more and records:
            del self.records[self._limit :]
            last = self.records[-1]
            self.position = Position(last.time_us, last.sequence)
