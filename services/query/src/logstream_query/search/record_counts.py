"""Counts records by reading them, newest first and slice by slice, within a budget of time. It knows neither HTTP nor
SQL."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Final

from logstream_contract.filters.filters import Filter

from logstream_query.search.slice_sizer import TARGET_S, SliceSizer
from logstream_query.store import Aggregates, BarCount
from logstream_query.unavailable import RegexTooExpensive, StatementTimeout

# The first slice holds this many records, which take the database some ten milliseconds.
_FIRST_RECORDS: Final = 20_000
_MOST_SLICE_S: Final = 4 * TARGET_S
# A slice may take four times the target before it times out, so a smaller step down would often time out again.
_SHRINK: Final = 16


class RecordCounts:
    """Usable by many greenlets at once."""

    def __init__(
        self,
        aggregates: Aggregates,
        budget_s: float,
        permit_for: Callable[[Filter], AbstractContextManager[None]],
        *,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """permit_for: returns the context manager that is held while records are read; entering it may raise Unavailable."""
        self._permit_for = permit_for
        self._aggregates = aggregates
        self._budget_s = budget_s
        self._clock_s = clock_s

    def bars(self, filter_: Filter, start_us: int, end_us: int, width_us: int) -> tuple[list[BarCount], int]:
        """Returns counts by bar, and the time from which on they hold all matching records: start_us when nothing is left.

        The given range replaces the filter's; microseconds since the Unix epoch. Raises Unavailable.
        """
        with self._permit_for(filter_):
            if filter_.regex:
                self._check_regex(filter_.regex)
            return self._bars(filter_, start_us, end_us, width_us)

    def _check_regex(self, regex: str) -> None:
        try:
            self._aggregates.check_regex(regex, self._budget_s)
        except StatementTimeout as error:
            raise RegexTooExpensive(
                f"regex: the database took longer than {self._budget_s:g} s to parse this regular expression; simplify it"
            ) from error

    def _bars(self, filter_: Filter, start_us: int, end_us: int, width_us: int) -> tuple[list[BarCount], int]:
        counted: Counter[tuple[int, str, int]] = Counter()
        if start_us >= end_us:
            return [], end_us
        deadline_s = self._clock_s() + self._budget_s
        first_us = self._aggregates.nth_newest_us(start_us, end_us, _FIRST_RECORDS)
        # Records of the same microsecond are in one slice.
        slice_sizer = SliceSizer(end_us - (start_us if first_us is None else first_us), _SHRINK)
        while end_us > start_us and (left_s := deadline_s - self._clock_s()) > 0:
            span_us = slice_sizer.span_us()
            from_us = max(start_us, end_us - span_us)
            began_s = self._clock_s()
            try:
                slice_bars = self._aggregates.bars_of_records(
                    replace(filter_, start_us=from_us, end_us=end_us), width_us, min(left_s, _MOST_SLICE_S)
                )
            except StatementTimeout:
                slice_sizer.timed_out(span_us, 1)
                continue
            for start, level, severity, count in slice_bars:
                counted[start, level, severity] += count
            end_us = from_us
            slice_sizer.took(span_us, 1, self._clock_s() - began_s)
        return [BarCount(*key, count) for key, count in counted.items()], end_us
