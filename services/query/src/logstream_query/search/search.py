"""Finds records within a budget of time, and says how far it looked. It knows neither HTTP nor SQL."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from logstream_contract.filters.filters import Filter

from logstream_query.metrics import Metrics
from logstream_query.questions.cursors import Order, Position
from logstream_query.questions.ranges import border_us
from logstream_query.search.answering import Answering
from logstream_query.search.walk import Budget, Steps, Walk
from logstream_query.store import Store, StoredRecord
from logstream_query.store.room import MOST_BYTES, Room
from logstream_query.unavailable import RegexTooExpensive, StatementTimeout, TooManySearches

_SEQUENCE_OF_RECORD: Final = 0
_TIME_OF_RECORD: Final = 1
# Connections kept for requests that need no search.
_SPARE_CONNECTIONS: Final = 2


@dataclass(frozen=True, slots=True)
class Found:
    """records: in the order asked for, at most as many as asked for.

    position: where to go on, None when all was looked at. scanned_until_us: all matching records between where this search
    began and here are in the answer; microseconds since the Unix epoch, None when nothing is left. is_full: it ended because
    of its bytes.
    """

    records: list[StoredRecord]
    position: Position | None
    scanned_until_us: int | None
    is_full: bool = False


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """budget_s: of one request. most_s: of one that would get no further otherwise. concurrent: searches at a time.

    regex_s: in place of both for a regular expression, whose cost nobody can tell before: many could else hold every
    connection for as long as a statement may take. Half of the searches may have one. answer_bytes: of records in an answer.
    """

    budget_s: float = 0.8
    most_s: float = 10.0
    concurrent: int = 8
    regex_s: float = 2.0
    answer_bytes: int = MOST_BYTES
    steps: Steps = field(default_factory=Steps)


def fitting_searches(wished: int, connections: int) -> int:
    """Searches at a time that leave some of a pool's connections to other requests."""
    return max(1, min(wished, connections - _SPARE_CONNECTIONS))


class Search:
    """Every call answers within its budget, and gets further with each. May be called by many at once."""

    def __init__(
        self, store: Store, metrics: Metrics, limits: SearchLimits | None = None, answering: Answering | None = None
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._limits = limits or SearchLimits()
        self._answering = answering or Answering(metrics)
        self._permits = threading.BoundedSemaphore(self._limits.concurrent)
        self.answer_bytes = self._limits.answer_bytes
        self._regexes = max(1, self._limits.concurrent // 2)
        self._regex_permits = threading.BoundedSemaphore(self._regexes)

    def find(
        self,
        wanted: Filter,
        order: Order,
        after: Position | None,
        limit: int,
        budget_s: float | None = None,
        patience_s: float = 0.0,
        most_bytes: int | None = None,
    ) -> Found:
        """The first matching records after a position (or from the end of the order), as many as are found in time and
        as fit into most_bytes, the limits' own if None. At least one, if one is found.

        budget_s: to search for, the limits' own if None. patience_s: how long to wait when too many search already.
        Raises Unavailable: TooManySearches, TooManyAnswers, RegexTooExpensive, and StatementTimeout if it got no further
        within the most that a request may take.
        """
        most_bytes = most_bytes or self._limits.answer_bytes

        def read(begin_large: Callable[[], None]) -> Found:
            # One more than asked for tells whether there is more.
            room = Room(most_bytes, limit + 1, begin_large)
            if wanted.regex:
                return self._find_regex(wanted, order, after, limit, room)
            if _is_bounded(wanted):
                return self._page(wanted, order, after, limit, room)
            return self._find_by_walk(
                wanted, order, after, limit, room, self._limits.budget_s if budget_s is None else budget_s, patience_s
            )

        with self.permit_for(wanted, patience_s) if wanted.regex else nullcontext():
            return self._answering.make(read)

    def _find_by_walk(
        self,
        wanted: Filter,
        order: Order,
        after: Position | None,
        limit: int,
        room: Room,
        budget_s: float,
        patience_s: float,
    ) -> Found:
        """The first look needs no permit, so that what is frequent is found also while many search; unless it takes long."""
        walk = Walk(
            self._store, wanted, order, after, limit, Budget(budget_s, self._limits.most_s), self._limits.steps, room
        )
        permit = partial(self.permit_for, wanted, patience_s) if _is_costly(wanted) else nullcontext
        try:
            walk.look_at_first(permit())
            if not walk.is_over:
                with permit():
                    walk.look_further()
        finally:
            self._metrics.slice_timeouts.inc(walk.timeouts)
        return _found(walk, room)

    def _find_regex(self, wanted: Filter, order: Order, after: Position | None, limit: int, room: Room) -> Found:
        """Within the permit from the first statement on."""
        budget = Budget(min(self._limits.budget_s, self._limits.regex_s), self._limits.regex_s)
        walk = Walk(self._store, wanted, order, after, limit, budget, self._limits.steps, room)
        try:
            # Compiles it, which alone may be expensive.
            self._store.check_regex(wanted.regex, budget.most_left_s())
            if _is_bounded(wanted):
                return self._page(wanted, order, after, limit, room, budget.most_left_s())
            walk.look_at_first()
            if not walk.is_over:
                walk.look_further()
        except StatementTimeout as error:
            raise RegexTooExpensive(
                f"regex: this regular expression took longer than {self._limits.regex_s:g} s over the next records: make it "
                "simpler, or let other filters leave fewer records to it"
            ) from error
        finally:
            self._metrics.slice_timeouts.inc(walk.timeouts)
        return _found(walk, room)

    def find_all(self, wanted: Filter, order: Order, after: Position | None, limit: int) -> Found:
        """The first `limit` matching records after a position, or as many as fit, for an answer that can't say how far it
        got. Raises Unavailable, also when there was no time to look for them all."""
        found = self.find(wanted, order, after, limit, self._limits.most_s)
        if found.position and len(found.records) < limit and not found.is_full:
            raise StatementTimeout(
                f"not all searched within {self._limits.most_s:g} s: ask for a shorter time range, or use /api/logs, which "
                "answers as it gets along"
            )
        return found

    def _page(
        self,
        wanted: Filter,
        order: Order,
        after: Position | None,
        limit: int,
        room: Room,
        timeout_s: float | None = None,
    ) -> Found:
        found = self._store.page(wanted, order, after, limit + 1, room, timeout_s)
        if len(found) <= limit and not room.is_full:
            return Found(found, None, None)
        last = found[:limit][-1]
        position = Position(last[_TIME_OF_RECORD], last[_SEQUENCE_OF_RECORD])
        return Found(found[:limit], position, position.time_us, is_full=len(found) < limit)

    @contextmanager
    def permit_for(self, wanted: Filter, patience_s: float = 0.0) -> Iterator[None]:
        """Needed by whoever looks at records one by one. Raises TooManySearches, after waiting for so long."""
        with ExitStack() as held:
            if wanted.regex:
                self._acquire(self._regex_permits, patience_s, f"{self._regexes} searches by regex")
                held.callback(self._regex_permits.release)
            self._acquire(self._permits, patience_s, f"{self._limits.concurrent} searches")
            held.callback(self._permits.release)
            with self._metrics.searches.track_inprogress():
                yield

    @staticmethod
    def _acquire(permits: threading.Semaphore, patience_s: float, what: str) -> None:
        if not permits.acquire(blocking=patience_s > 0, timeout=patience_s or None):
            raise TooManySearches(f"{what} are under way already: try again in a moment")


def _found(walk: Walk, room: Room) -> Found:
    return Found(walk.records, walk.position, walk.position and border_us(walk.position), room.is_full)


def _is_bounded(wanted: Filter) -> bool:
    """Whether the index of records alone leads to all that match."""
    names = wanted.levels or wanted.level_contains or wanted.nodes or wanted.min_severity is not None
    return bool(wanted.sequences) or not (names or _is_costly(wanted))


def _is_costly(wanted: Filter) -> bool:
    """Whether records themselves must be looked at."""
    texts = wanted.text.included or wanted.text.excluded or wanted.regex
    return bool(texts or wanted.attributes or wanted.not_attributes)
