"""How much time the filters of viewers may take. Each different filter is held against every batch, in the one process that
serves everybody: past the budget the expensive ones are left out of some batches, each in turn, and cheap ones of none.

The time of a second is shared max-min fairly: first among clients, none of which gets more than its most, then among the
filters of each. What a filter would need is estimated from what it took for a record and how many records come. It must not
know how viewers are told.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, Generic, TypeVar

T = TypeVar("T", bound=Hashable)

_SHARE_EVERY_S: Final = 0.25
# Of what was estimated before, how much remains when a new measurement comes.
_REMAINS: Final = 0.8
# Part of a second's time that filters may take of one batch before those are left out that have a share or are not known
# yet: nobody knows what a new filter takes.
_MOST_OF_BATCH: Final = 0.5
# A filter that several clients have gets its needs in parts, which may not add up to the last digit.
_ENOUGH: Final = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterTimeLimits:
    """Seconds of a second: of all filters of this process; of those of one client; of first screens and returns."""

    process_s: float
    client_s: float
    catch_up_s: float = 0.25


class TimeBudget:
    """So much time a second, with one second's worth kept. What was taken too much has to be waited for. clock: monotonic
    seconds."""

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
    """What is known of one filter."""

    __slots__ = ("clients", "per_record_s", "share")

    def __init__(self) -> None:
        self.clients: Counter[str | None] = Counter()
        # What it takes to hold it against a record; None: it was held against none yet.
        self.per_record_s: float | None = None
        # None: it may take what it needs.
        self.share: TimeBudget | None = None


class FilterTime(Generic[T]):
    """T: a filter. Not thread-safe. clock: monotonic seconds; timer: seconds that this thread was at work."""

    def __init__(self, limits: FilterTimeLimits, clock: Callable[[], float], timer: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._timer = timer
        self._filters: dict[T, _FilterState] = {}
        self._records = 0
        self._shared_at = clock()
        self._of_batch_s = 0.0
        self.catch_up = TimeBudget(limits.catch_up_s, clock)
        # Since the start, in batches that went live.
        self.spent_s = 0.0

    def enter(self, filter_: T, client: str | None) -> None:
        """A viewer of this client has the filter from now on."""
        self._filters.setdefault(filter_, _FilterState()).clients[client] += 1

    def leave(self, filter_: T, client: str | None) -> None:
        known = self._filters[filter_]
        known.clients[client] -= 1
        if not known.clients[client]:
            del known.clients[client]
        if not known.clients:
            del self._filters[filter_]

    def begin(self, records: int) -> bool:
        """A batch with so many records is next. Whether there are filters."""
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
        """Whether the filter may be held against the batch."""
        known = self._filters.get(filter_)
        if known is None:
            return True
        if known.share is None and known.per_record_s is not None:
            return True
        return self._of_batch_s <= self._limits.process_s * _MOST_OF_BATCH and (known.share is None or known.share.is_left)

    def taken(self, filter_: T, records: int, seconds: float) -> None:
        """The filter was held against a batch with so many records."""
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
        """Shares the time of a second anew."""
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
    """What each gets who needs more than that, if all others get what they need; infinite when there is enough for all."""
    left, others = total, len(needs)
    for need in sorted(needs):
        if need * others > left:
            return left / others
        left -= need
        others -= 1
    return inf
