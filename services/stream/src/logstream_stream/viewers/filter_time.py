"""Limits how much time the filters of viewers take. Every batch is tested against each different filter, in the one process
that serves all viewers. Beyond the limit, expensive filters skip some batches and cheap filters skip none.

The time of a second is shared max-min fairly: first among clients, each up to its own limit, then among the filters of each
client. What a filter needs is estimated from the time it took for a record and from the rate of records. This module must
not know how viewers learn about it.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, Generic, TypeVar

T = TypeVar("T", bound=Hashable)

_SHARE_EVERY_S: Final = 0.25
# The weight of the previous estimate when a new measurement arrives.
_REMAINS: Final = 0.8
# The part of a second's time that filters may spend on one batch before limited and new filters skip it: nobody knows yet
# how long a new filter takes.
_MOST_OF_BATCH: Final = 0.5
# A filter of several clients gets what it needs in parts, and the sum of the parts may differ in the last digit.
_ENOUGH: Final = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterTimeLimits:
    """Seconds in each second: for all filters of this process, for those of one client, and for viewers who catch up."""

    process_s: float
    client_s: float
    catch_up_s: float = 0.25


class TimeBudget:
    """per_second_s of time a second, with that of one second in store. Time taken beyond that has to be waited for. clock:
    monotonic seconds."""

    def __init__(self, per_second_s: float, clock: Callable[[], float]) -> None:
        self.per_second_s = per_second_s
        self._clock = clock
        self._left_s = per_second_s
        self._filled_at = clock()

    @property
    def is_left(self) -> bool:
        now = self._clock()
        self._left_s = min(self._left_s + (now - self._filled_at) * self.per_second_s, self.per_second_s)
        self._filled_at = now
        return self._left_s > 0

    def take(self, seconds: float) -> None:
        self._left_s -= seconds


class _FilterState:
    """What is known about one filter."""

    __slots__ = ("clients", "per_record_s", "share")

    def __init__(self) -> None:
        self.clients: Counter[str | None] = Counter()
        # Time to test one record; None: it has tested none yet.
        self.per_record_s: float | None = None
        # None: it may take as much as it needs.
        self.share: TimeBudget | None = None


class FilterTime(Generic[T]):
    """T: a filter. Not thread-safe. clock: monotonic seconds; timer: processor seconds of this thread."""

    def __init__(self, limits: FilterTimeLimits, clock: Callable[[], float], timer: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._timer = timer
        self._filters: dict[T, _FilterState] = {}
        self._records = 0
        self._shared_at = clock()
        self._of_batch_s = 0.0
        self.catch_up = TimeBudget(limits.catch_up_s, clock)
        # Since the start, for batches that went live.
        self.spent_s = 0.0

    def enter(self, filter_: T, client: str | None) -> None:
        """Adds a viewer of this client with this filter."""
        self._filters.setdefault(filter_, _FilterState()).clients[client] += 1

    def leave(self, filter_: T, client: str | None) -> None:
        known = self._filters[filter_]
        known.clients[client] -= 1
        if not known.clients[client]:
            del known.clients[client]
        if not known.clients:
            del self._filters[filter_]

    def begin(self, records: int) -> bool:
        """Starts a batch of this many records. Returns whether there are filters."""
        if not self._filters:
            self._records, self._shared_at = 0, self._clock()
            return False
        passed_s = self._clock() - self._shared_at
        if passed_s >= _SHARE_EVERY_S:
            self._share(self._records / passed_s)
            self._records, self._shared_at = 0, self._clock()
        self._records += records
        self._of_batch_s = 0.0
        return True

    def may_take(self, filter_: T) -> bool:
        """Whether the filter may be applied to the batch."""
        known = self._filters.get(filter_)
        if known is None:
            return True
        if known.share is None and known.per_record_s is not None:
            return True
        return self._of_batch_s <= self._limits.process_s * _MOST_OF_BATCH and (known.share is None or known.share.is_left)

    def taken(self, filter_: T, records: int, seconds: float) -> None:
        """The filter was applied to a batch of this many records, which took this long."""
        self.spent_s += seconds
        self._of_batch_s += seconds
        known = self._filters.get(filter_)
        if known is None:
            return
        per_record_s = seconds / max(records, 1)
        before_s = per_record_s if known.per_record_s is None else known.per_record_s
        known.per_record_s = _REMAINS * before_s + (1 - _REMAINS) * per_record_s
        if known.share:
            known.share.take(seconds)

    def time(self) -> float:
        return self._timer()

    def _share(self, records_per_s: float) -> None:
        """Shares the time of a second again."""
        needs: dict[str | None, list[tuple[float, T]]] = {}
        for filter_, known in self._filters.items():
            need_s = (known.per_record_s or 0.0) * records_per_s / len(known.clients)
            for client in known.clients:
                needs.setdefault(client, []).append((need_s, filter_))
        most_s = self._limits.client_s
        of_clients = [min(sum(need_s for need_s, _ in own), most_s) for own in needs.values()]
        client_level_s = min(_level(of_clients, self._limits.process_s), most_s)
        shares_s: dict[T, float] = {}
        for own in needs.values():
            level_s = _level([need_s for need_s, _ in own], client_level_s)
            for need_s, filter_ in own:
                shares_s[filter_] = shares_s.get(filter_, 0.0) + min(need_s, level_s)
        for filter_, share_s in shares_s.items():
            known = self._filters[filter_]
            if share_s >= _ENOUGH * (known.per_record_s or 0.0) * records_per_s:
                known.share = None
            elif known.share is None:
                known.share = TimeBudget(share_s, self._clock)
            else:
                known.share.per_second_s = share_s


def _level(needs: Sequence[float], total: float) -> float:
    """What each one with a larger need gets, if all others get what they need; infinite if there is enough for all."""
    left, others = total, len(needs)
    for need in sorted(needs):
        if need * others > left:
            return left / others
        left -= need
        others -= 1
    return inf
