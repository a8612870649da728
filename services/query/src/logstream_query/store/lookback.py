"""How far back (or forward) a statement that needs only the next few records has to look. The planner examines every chunk
that a statement may touch, so the next records are first requested within a bound. Pure: it looks at no clock."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from logstream_contract.filters.filters import Filter

from logstream_query.questions.cursors import Order, Position
from logstream_query.questions.moments import HOUR_US, MAX_US

_FIRST_US: Final = HOUR_US
# Records come in bursts, so the bound is much more than what was enough last time. Beyond the second factor it is too much.
_MARGIN: Final = 16
_TOO_MUCH: Final = 64


class Lookback:
    """Learns from each result. One Lookback serves one kind of statement, about a similar number of records. A wrong guess
    costs only a second statement."""

    def __init__(self) -> None:
        self._span_us = _FIRST_US

    def attempts(self, filter_: Filter, order: Order, after: Position | None, now_us: int) -> Iterator[Filter]:
        """Filters to try one after the other until one returns enough records: first the bounded one, then the original."""
        begin_us = _begin_us(filter_, order, after, now_us)
        if begin_us is not None and self._span_us <= begin_us and not filter_.sequences:
            if order == "desc":
                bounded = replace(filter_, start_us=max(begin_us - self._span_us, filter_.start_us or 0))
            else:
                bounded = replace(
                    filter_, end_us=min(begin_us + self._span_us, MAX_US if filter_.end_us is None else filter_.end_us)
                )
            if bounded != filter_:
                yield bounded
        yield filter_

    def learn(self, filter_: Filter, order: Order, after: Position | None, now_us: int, last_us: int | None) -> None:
        """last_us: the time of the last record needed; None: there were not enough records at all, which says something only
        if the filter has no bound of its own."""
        begin_us = _begin_us(filter_, order, after, now_us)
        is_bounded = (filter_.start_us if order == "desc" else filter_.end_us) is not None or filter_.sequences
        if begin_us is None or (last_us is None and is_bounded):
            return
        if last_us is None:
            self._span_us = MAX_US
            return
        span_us = max(_FIRST_US, abs(begin_us - last_us))
        if span_us > self._span_us or self._span_us > span_us * _TOO_MUCH:
            self._span_us = span_us * _MARGIN


def _begin_us(filter_: Filter, order: Order, after: Position | None, now_us: int) -> int | None:
    """About where the statement begins; None: at the oldest record, whose time is not known."""
    if after is not None:
        return after.time_us
    if order == "desc":
        return now_us if filter_.end_us is None else min(now_us, filter_.end_us)
    return filter_.start_us
