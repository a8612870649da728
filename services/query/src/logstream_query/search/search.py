"""Finds records within a budget of time, and says how far it got. It knows neither HTTP nor SQL."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from typing import Final

from logstream_contract.filters.filters import Filter

from logstream_query.config import Config
from logstream_query.metrics import Metrics
from logstream_query.questions.cursors import Order, Position
from logstream_query.questions.ranges import border_us
from logstream_query.search.answer_limiter import AnswerLimiter
from logstream_query.search.walk import Budget, Steps, Walk
from logstream_query.store import Store, StoredRecord
from logstream_query.store.room import Room
from logstream_query.unavailable import RegexTooExpensive, StatementTimeout, TooManySearches

# Connections kept for requests that need no search.
_SPARE_CONNECTIONS: Final = 2


@dataclass(frozen=True, slots=True)
class SearchResult:
    """records: in the requested order, at most as many as requested.

    position: where to go on, None when nothing is left. scanned_until_us: all matching records between the start of this
    search and this time are in the result; microseconds since the Unix epoch, None when nothing is left. is_full: it ended
    because its records took as many bytes as they may.
    """

    records: list[StoredRecord]
    position: Position | None
    scanned_until_us: int | None
    _: KW_ONLY
    is_full: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchLimits:
    """budget_s: of one request. most_s: of one that would get no further otherwise. concurrent: searches at a time.

    regex_s: replaces both for a regular expression. Its cost is not known beforehand, and many could otherwise hold every
    connection for as long as a statement may take. Half of the searches may have one.
    answer_bytes: of records in a response.
    """

    budget_s: float
    most_s: float
    concurrent: int
    regex_s: float = 2.0
    answer_bytes: int
    steps: Steps = field(default_factory=Steps)

    @classmethod
    def from_config(cls, config: Config) -> "SearchLimits":
        return cls(
            budget_s=config.search_budget_s,
            most_s=config.statement_timeout_s,
            concurrent=fitting_searches(config.searches, config.pool_connections),
            answer_bytes=config.answer_bytes,
        )


def fitting_searches(wished: int, connections: int) -> int:
    """The number of concurrent searches that leaves some of the pool's connections to other requests."""
    return max(1, min(wished, connections - _SPARE_CONNECTIONS))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """The first `limit` matching records after a position (or from the end of the order) that the room holds."""

    filter_: Filter
    order: Order
    after: Position | None
    limit: int
    room: Room


class Search:
    """Every call returns within its budget, and gets further with each. May be called by many greenlets at once."""

    def __init__(
        self,
        store: Store,
        metrics: Metrics,
        *,
        limits: SearchLimits,
        answer_limiter: AnswerLimiter,
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._limits = limits
        self._answer_limiter = answer_limiter
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
        *,
        budget_s: float | None = None,
        most_bytes: int | None = None,
    ) -> SearchResult:
        """The first `limit` matching records after a position (or from the end of the order), or as many of them as are
        found in time and fit into most_bytes. If any matches in that time, at least one is returned.

        budget_s, most_bytes: None for those of the limits. Raises Unavailable: TooManySearches, TooManyAnswers,
        RegexTooExpensive, and StatementTimeout if the search got no further within the most that a request may take.
        """
        most_bytes = most_bytes or self._limits.answer_bytes
        budget_s = self._limits.budget_s if budget_s is None else budget_s

        def read(begin_large: Callable[[], None]) -> SearchResult:
            # One record more than the limit shows whether there are more.
            room = Room(most_bytes, limit + 1, begin_large)
            request = _Request(filter_=filter_, order=order, after=after, limit=limit, room=room)
            if filter_.regex:
                return self._find_regex(request)
            if _is_bounded(filter_):
                return self._page(request)
            return self._find_by_walk(request, budget_s)

        with self.permit_for(filter_) if filter_.regex else nullcontext():
            return self._answer_limiter.make(read)

    def find_all(self, filter_: Filter, order: Order, after: Position | None, limit: int) -> SearchResult:
        """The first `limit` matching records after a position, or as many as fit, for a response that cannot say how far
        the search got. Raises Unavailable, also when there was no time to look for them all."""
        result = self.find(filter_, order, after, limit, budget_s=self._limits.most_s)
        if result.position and len(result.records) < limit and not result.is_full:
            raise StatementTimeout(
                f"not all records were searched within {self._limits.most_s:g} s: use a shorter time range, or "
                "/api/logs, which returns partial results with a cursor"
            )
        return result

    def _find_by_walk(self, request: _Request, budget_s: float) -> SearchResult:
        """The first look needs no permit unless it takes long, so that frequent records are found even while many search."""
        walk = self._walk(request, Budget(budget_s, self._limits.most_s))
        permit = partial(self.permit_for, request.filter_) if _is_expensive(request.filter_) else nullcontext
        try:
            walk.look_at_first(permit())
            if not walk.is_over:
                with permit():
                    walk.look_further()
        finally:
            self._metrics.slice_timeouts.inc(walk.timeouts)
        return _result_of(walk, request.room)

    def _find_regex(self, request: _Request) -> SearchResult:
        """Within the permit from the first statement on."""
        budget = Budget(min(self._limits.budget_s, self._limits.regex_s), self._limits.regex_s)
        walk = self._walk(request, budget)
        try:
            # Compiling it may be expensive by itself.
            self._store.check_regex(request.filter_.regex, budget.most_left_s())
            if _is_bounded(request.filter_):
                return self._page(request, budget.most_left_s())
            walk.look_at_first()
            if not walk.is_over:
                walk.look_further()
        except StatementTimeout as error:
            raise RegexTooExpensive(
                "regex: checking this regular expression against the next records took longer than "
                f"{self._limits.regex_s:g} s; simplify it, or add other filters so that it is checked against fewer records"
            ) from error
        finally:
            self._metrics.slice_timeouts.inc(walk.timeouts)
        return _result_of(walk, request.room)

    def _walk(self, request: _Request, budget: Budget) -> Walk:
        return Walk(
            self._store,
            filter_=request.filter_,
            order=request.order,
            after=request.after,
            limit=request.limit,
            budget=budget,
            steps=self._limits.steps,
            room=request.room,
        )

    def _page(self, request: _Request, timeout_s: float | None = None) -> SearchResult:
        limit = request.limit
        records = self._store.page(request.filter_, request.order, request.after, limit + 1, request.room, timeout_s)
        if len(records) <= limit and not request.room.is_full:
            return SearchResult(records, None, None)
        last = records[:limit][-1]
        position = Position(last.time_us, last.sequence)
        return SearchResult(records[:limit], position, position.time_us, is_full=len(records) < limit)

    @contextmanager
    def permit_for(self, filter_: Filter) -> Iterator[None]:
        """Held while records are looked at one by one. Raises TooManySearches at once when none is free."""
        with ExitStack() as held:
            if filter_.regex:
                self._acquire(self._regex_permits, f"{self._regexes} searches by regex")
                held.callback(self._regex_permits.release)
            self._acquire(self._permits, f"{self._limits.concurrent} searches")
            held.callback(self._permits.release)
            with self._metrics.searches.track_inprogress():
                yield

    @staticmethod
    def _acquire(permits: threading.Semaphore, what: str) -> None:
        if not permits.acquire(blocking=False):
            raise TooManySearches(f"{what} are already running: try again in a moment")


def _result_of(walk: Walk, room: Room) -> SearchResult:
    return SearchResult(walk.records, walk.position, walk.position and border_us(walk.position), is_full=room.is_full)


def _is_bounded(filter_: Filter) -> bool:
    """Whether the index on time and sequence is enough to find all matching records."""
    names = filter_.levels or filter_.level_contains or filter_.nodes or filter_.min_severity is not None
    return bool(filter_.sequences) or not (names or _is_expensive(filter_))


def _is_expensive(filter_: Filter) -> bool:
    """Whether the records themselves must be looked at."""
    texts = filter_.text.included or filter_.text.excluded or filter_.regex
    return bool(texts or filter_.attributes or filter_.not_attributes)
