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
from logstream_query.search.answer_limiter import AnswerLimiter
from logstream_query.search.walk import Budget, Steps, Walk
from logstream_query.store import Store, StoredRecord
from logstream_query.store.room import MOST_BYTES, Room
from logstream_query.unavailable import RegexTooExpensive, StatementTimeout, TooManySearches

_SEQUENCE_OF_RECORD: Final = 0
_TIME_OF_RECORD: Final = 1
# Connections kept for requests that need no search.
_SPARE_CONNECTIONS: Final = 2


@dataclass(frozen=True, slots=True)
class SearchResult:
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
        self, store: Store, metrics: Metrics, limits: SearchLimits | None = None, answer_limiter: AnswerLimiter | None = None
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._limits = limits or SearchLimits()
        self._answer_limiter = answer_limiter or AnswerLimiter(metrics)
        self._permits = threading.BoundedSemaphore(self._limits.concurrent)
        self.answer_bytes = self._limits.answer_bytes
        self._regexes = max(1, self._limits.concurrent // 2)
        self._regex_permits = threading.BoundedSemaphore(self._regexes)

    def find(
        self,
        filter_: Filter,
        order: Order,
        after: Position | None,
        limit: int,
        budget_s: float | None = None,
        wait_s: float = 0.0,
        most_bytes: int | None = None,
    ) -> SearchResult:
        """The first matching records after a position (or from the end of the order), as many as are found in time and
        as fit into most_bytes, the limits' own if None. At least one, if one is found.

        budget_s: to search for, the limits' own if None. patience_s: how long to wait when too many search already.
        Raises Unavailable: TooManySearches, TooManyAnswers, RegexTooExpensive, and StatementTimeout if it got no further
        within the most that a request may take.
        """
        most_bytes = most_bytes or self._limits.answer_bytes

        def read(begin_large: Callable[[], None]) -> SearchResult:
            # One more than asked for tells whether there is more.
            room = Room(most_bytes, limit + 1, begin_large)
            if filter_.regex:
                return self._find_regex(filter_, order, after, limit, room)
            if _is_bounded(filter_):
                return self._page(filter_, order, after, limit, room)
            return self._find_by_walk(
                filter_, order, after, limit, room, self._limits.budget_s if budget_s is None else budget_s, wait_s
            )

        with self.permit_for(filter_, wait_s) if filter_.regex else nullcontext():
            return self._answer_limiter.make(read)

    def _find_by_walk(
        self,
        filter_: Filter,
        order: Order,
        after: Position | None,
        limit: int,
        room: Room,
        budget_s: float,
        wait_s: float,
    ) -> SearchResult:
        """The first look needs no permit, so that what is frequent is found also while many search; unless it takes long."""
        walk = Walk(
            self._store, filter_, order, after, limit, Budget(budget_s, self._limits.most_s), self._limits.steps, room
        )
        permit = partial(self.permit_for, filter_, wait_s) if _is_costly(filter_) else nullcontext
        try:
            walk.look_at_first(permit())
            if not walk.is_over:
                with permit():
                    walk.look_further()
        finally:
            self._metrics.slice_timeouts.inc(walk.timeouts)
        return _result_of(walk, room)

    def _find_regex(self, filter_: Filter, order: Order, after: Position | None, limit: int, room: Room) -> SearchResult:
        """Within the permit from the first statement on."""
        budget = Budget(min(self._limits.budget_s, self._limits.regex_s), self._limits.regex_s)
        walk = Walk(self._store, filter_, order, after, limit, budget, self._limits.steps, room)
        try:
            # Compiles it, which alone may be expensive.
            self._store.check_regex(filter_.regex, budget.most_left_s())
            if _is_bounded(filter_):
                return self._page(filter_, order, after, limit, room, budget.most_left_s())
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
        return _result_of(walk, room)

    def find_all(self, filter_: Filter, order: Order, after: Position | None, limit: int) -> SearchResult:
        """The first `limit` matching records after a position, or as many as fit, for an answer that can't say how far it
        got. Raises Unavailable, also when there was no time to look for them all."""
        result = self.find(filter_, order, after, limit, self._limits.most_s)
        if result.position and len(result.records) < limit and not result.is_full:
            raise StatementTimeout(
                f"not all searched within {self._limits.most_s:g} s: ask for a shorter time range, or use /api/logs, which "
                "answers as it gets along"
            )
        return result

    def _page(
        self,
        filter_: Filter,
        order: Order,
        after: Position | None,
        limit: int,
        room: Room,
        timeout_s: float | None = None,
    ) -> SearchResult:
        records = self._store.page(filter_, order, after, limit + 1, room, timeout_s)
        if len(records) <= limit and not room.is_full:
            return SearchResult(records, None, None)
        last = records[:limit][-1]
        position = Position(last[_TIME_OF_RECORD], last[_SEQUENCE_OF_RECORD])
        return SearchResult(records[:limit], position, position.time_us, is_full=len(records) < limit)

    @contextmanager
    def permit_for(self, filter_: Filter, wait_s: float = 0.0) -> Iterator[None]:
        """Needed by whoever looks at records one by one. Raises TooManySearches, after waiting for so long."""
        with ExitStack() as held:
            if filter_.regex:
                self._acquire(self._regex_permits, wait_s, f"{self._regexes} searches by regex")
                held.callback(self._regex_permits.release)
            self._acquire(self._permits, wait_s, f"{self._limits.concurrent} searches")
            held.callback(self._permits.release)
            with self._metrics.searches.track_inprogress():
                yield

    @staticmethod
    def _acquire(permits: threading.Semaphore, wait_s: float, what: str) -> None:
        if not permits.acquire(blocking=wait_s > 0, timeout=wait_s or None):
            raise TooManySearches(f"{what} are under way already: try again in a moment")


def _result_of(walk: Walk, room: Room) -> SearchResult:
    return SearchResult(walk.records, walk.position, walk.position and border_us(walk.position), room.is_full)


def _is_bounded(filter_: Filter) -> bool:
    """Whether the index of records alone leads to all that match."""
    names = filter_.levels or filter_.level_contains or filter_.nodes or filter_.min_severity is not None
    return bool(filter_.sequences) or not (names or _is_costly(filter_))


def _is_costly(filter_: Filter) -> bool:
    """Whether records themselves must be looked at."""
    texts = filter_.text.included or filter_.text.excluded or filter_.regex
    return bool(texts or filter_.attributes or filter_.not_attributes)
