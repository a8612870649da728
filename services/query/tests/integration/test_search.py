"""Searches in a real database, cut short anywhere: walks find what plain Python finds in the same records, in order."""

import functools
import random
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final, TypeVar

import psycopg
import pytest
from harness.planting import Planted, clear, move_counts, plant
from logstream_contract.filters.filters import Filter, Terms
from logstream_query.config import Config
from logstream_query.metrics import Metrics
from logstream_query.questions.cursors import Order, Position
from logstream_query.questions.ranges import Range, common
from logstream_query.search.answer_limiter import AnswerLimiter, AnswerLimits
from logstream_query.search.search import Search, SearchLimits
from logstream_query.search.walk import Budget, Steps, Walk
from logstream_query.store import Store, StoredRecord, sketches
from logstream_query.store.database import Nearest
from logstream_query.store.room import Room
from logstream_query.unavailable import StatementTimeout, TooManySearches
from prometheus_client import CollectorRegistry

START_US = 1_722_902_400_000_000
MINUTE_US = 60_000_000
DAY_US = 1_440 * MINUTE_US
NODES = ("api-1", "api-2", "db", "cron")
LEVELS = (("error", 17), ("WARN", 13), ("info", 9), ("odd", 0))
WORDS = ("disk", "full", "cart", "paid", "needle")
ORDERS: Final[tuple[Order, Order]] = ("desc", "asc")
MOST_ANSWERS = 2_000
TRIALS = 60

T = TypeVar("T")


def planted(connection: psycopg.Connection, records: list[Planted]) -> list[StoredRecord]:
    return [StoredRecord(*record) for record in plant(connection, records)]


class ImpatientStore(Store):
    """Gives up on what is longer than these."""

    most_span_us = 10**18
    most_rows = 10**9

    def nearest(self, *arguments: object) -> Nearest:
        if arguments[4] > self.most_rows:  # type: ignore[operator]
            raise StatementTimeout("too many")
        return super().nearest(*arguments)  # type: ignore[arg-type]

    def within(self, filter_: Filter, order: Order, ranges: Sequence[Range], *rest: object) -> list[StoredRecord]:
        if sum(range_.span_us for range_ in ranges) > self.most_span_us:
            raise StatementTimeout("too long")
        return super().within(filter_, order, ranges, *rest)  # type: ignore[arg-type]


class Questions(Budget):
    """A budget of looks at it instead of time, so that an answer ends after any slice."""

    def __init__(self, looks: int) -> None:
        super().__init__(60.0, 60.0)
        self._looks = looks

    @property
    def is_used_up(self) -> bool:
        self._looks -= 1
        return self._looks < 0


@pytest.fixture(scope="module")
def store(database_url: str) -> Iterator[ImpatientStore]:
    metrics = Metrics(CollectorRegistry())
    opened = ImpatientStore(database_url, metrics, pool_connections=5, pool_wait_s=20, statement_timeout_s=20)
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
def patient(store: ImpatientStore) -> Iterator[ImpatientStore]:
    yield store
    store.most_span_us, store.most_rows = ImpatientStore.most_span_us, ImpatientStore.most_rows


@pytest.fixture
def sql(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        clear(connection)
        yield connection


@pytest.fixture
def chance(seed: int) -> random.Random:
    return random.Random(seed)


def some_records(chance: random.Random, count: int) -> list[Planted]:
    """In bursts days, hours and seconds apart, some of the same microsecond."""
    records = []
    for _ in range(count):
        burst = chance.choice((0, 3 * MINUTE_US, 200 * MINUTE_US, 2 * DAY_US, 2 * DAY_US + 61 * MINUTE_US, 9 * DAY_US))
        time_us = START_US + burst + chance.choice((0, 1, 1_000, chance.randrange(5 * MINUTE_US)))
        level, severity = chance.choice(LEVELS)
        words = " ".join(chance.sample(WORDS, chance.randrange(4))).title()
        records.append(Planted(time_us, words, level, severity, chance.choice(NODES)))
    return records


def some_filter(chance: random.Random) -> Filter:
    def maybe(values: Sequence[T], nothing: T, likely: float = 0.3) -> T:
        return chance.choice(values) if chance.random() < likely else nothing

    return Filter(
        start_us=maybe([START_US, START_US + 2 * DAY_US, START_US + 1_000], None),
        end_us=maybe([START_US + 3 * MINUTE_US, START_US + 2 * DAY_US + 1, START_US + 20 * DAY_US], None),
        levels=maybe([("ERROR",), ("warn", "odd"), ("nosuch",)], ()),
        level_contains=maybe(["r", "AR"], "", 0.1),
        min_severity=maybe([9, 13, 17], None),
        nodes=maybe([("db",), ("api-*",), ("cron", "a*2"), ("nosuch",)], ()),
        text=maybe([Terms(("disk",)), Terms(("needle", "full")), Terms((), ("cart", "e")), Terms(("nosuch",))], Terms()),
    )


def matches(record: StoredRecord, filter_: Filter) -> bool:
    level, message = record.level.lower(), record.message.lower()
    patterns = [re.escape(name).replace(r"\*", ".*") for name in filter_.nodes]
    return (
        (filter_.start_us is None or record.time_us >= filter_.start_us)
        and (filter_.end_us is None or record.time_us < filter_.end_us)
        and (not filter_.levels or level in [name.lower() for name in filter_.levels])
        and filter_.level_contains.lower() in level
        and (filter_.min_severity is None or record.severity >= filter_.min_severity)
        and (not patterns or any(re.fullmatch(pattern, record.node) for pattern in patterns))
        and all(term in message for term in filter_.text.included)
        and not any(term in message for term in filter_.text.excluded)
    )


def expected(records: Sequence[StoredRecord], filter_: Filter, order: Order) -> list[StoredRecord]:
    found = [record for record in records if matches(record, filter_)]
    return sorted(found, key=lambda record: (record.time_us, record.sequence), reverse=order == "desc")


CONFIG = Config(database_url="postgresql://")


def search_of(store: Store, metrics: Metrics | None = None, **limits: Any) -> Search:
    """With the limits of the default settings, but for these."""
    metrics = metrics or Metrics(CollectorRegistry())
    return Search(
        store,
        metrics,
        limits=replace(SearchLimits.from_config(CONFIG), **limits),
        answer_limiter=AnswerLimiter(metrics, AnswerLimits.from_config(CONFIG)),
    )


def walk_of(store: Store, budget: Budget, steps: Steps, *, limit: int, **question: Any) -> Walk:
    return Walk(store, limit=limit, budget=budget, steps=steps, room=Room(CONFIG.answer_bytes, limit + 1), **question)


def walk(
    store: Store, filter_: Filter, order: Order, limit: int, looks: Callable[[], int], steps: Steps
) -> Iterator[list[StoredRecord]]:
    """All answers to the end, which must come; each that isn't the last gets further."""
    after: Position | None = None
    for _ in range(MOST_ANSWERS):
        step = walk_of(store, Questions(looks()), steps, filter_=filter_, order=order, after=after, limit=limit)
        step.look_at_first()
        if not step.is_over:
            step.look_further()
        assert len(step.records) <= limit
        yield step.records
        if step.position is None:
            return
        assert after is None or (step.position < after) is (order == "desc")
        assert step.position != after
        after = step.position
    pytest.fail(f"no end after {MOST_ANSWERS} answers")


@pytest.mark.parametrize("impatience", [False, True])
def test_walks_find_what_plain_python_finds(
    patient: ImpatientStore, sql: psycopg.Connection, chance: random.Random, impatience: bool
) -> None:
    stored = [record for _ in range(6) for record in planted(sql, some_records(chance, 40))]
    move_counts(sql, 0.5, chance)
    for _ in range(TRIALS):
        if impatience:
            patient.most_rows = chance.choice((5, 1_000))
            patient.most_span_us = chance.choice((MINUTE_US // 50, 60 * MINUTE_US))
        filter_, order = some_filter(chance), chance.choice(ORDERS)
        limit, most_looks = chance.choice((1, 3, 500)), chance.choice((0, 4, 50, 500))
        steps = Steps(first_rows=chance.choice((6, 30)), least_rows=chance.choice((2, 5)))
        looks = functools.partial(chance.randint, 0, most_looks)
        found = [record for answer in walk(patient, filter_, order, limit, looks, steps) for record in answer]
        assert found == expected(stored, filter_, order), (filter_, order, limit)


def test_the_search_index_leaves_out_nothing_that_matches(
    patient: ImpatientStore, sql: psycopg.Connection, chance: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = [record for _ in range(6) for record in planted(sql, some_records(chance, 40))]

    def candidates(_: object, filter_: Filter, from_us: int, to_us: int) -> list[tuple[int, int]]:
        """The times of the records that match, some with others around them."""
        times = sorted({record.time_us for record in stored if matches(record, filter_)}, reverse=True)
        around = [(time_us - chance.choice((0, 2)), time_us) for time_us in times]
        return [(max(start, from_us), min(end, to_us)) for start, end in around if start <= to_us and end >= from_us]

    monkeypatch.setattr(sketches, "candidates", candidates)
    for _ in range(TRIALS):
        filter_, order = some_filter(chance), chance.choice(ORDERS)
        answers = walk(patient, filter_, order, chance.choice((3, 500)), lambda: chance.randint(0, 60), Steps(6, 2))
        assert [record for answer in answers for record in answer] == expected(stored, filter_, order), (filter_, order)


def test_only_what_the_index_leaves_is_read(
    patient: ImpatientStore, sql: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    (needle, *_) = planted(sql, [Planted(START_US, "needle"), *[Planted(START_US + DAY_US + i, "hay") for i in range(9)]])
    block = Range(needle.time_us - 1, needle.time_us + 1)
    monkeypatch.setattr(sketches, "candidates", lambda *_: [block])
    read: list[Range] = []

    def within(filter_: Filter, order: Order, ranges: Sequence[Range], *rest: object) -> list[StoredRecord]:
        read.extend(ranges)
        return Store.within(patient, filter_, order, ranges, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(patient, "within", within)
    search = search_of(patient, budget_s=60.0, steps=Steps(2, 2))
    assert search.find(Filter(text=Terms(("needle",))), "desc", None, 10).records == [needle]
    assert common(sorted(read, reverse=True), [block]) == sorted(read, reverse=True)


def test_records_that_never_were_are_known_not_to_be_without_reading_any(
    patient: ImpatientStore, sql: psycopg.Connection, chance: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted(sql, some_records(chance, 100))
    move_counts(sql, 0.5, chance)
    monkeypatch.setattr(patient, "within", lambda *_: pytest.fail("records were read"))
    search = search_of(patient, budget_s=60.0, steps=Steps(2, 2))
    for filter_ in (Filter(nodes=("nosuch",)), Filter(levels=("nosuch",)), Filter(min_severity=20)):
        assert search.find(filter_, "desc", None, 10).position is None


def test_minutes_of_a_node_come_from_counts_of_both_kinds(
    store: ImpatientStore, sql: psycopg.Connection, chance: random.Random
) -> None:
    stored = planted(sql, some_records(chance, 100))
    for share in (0.0, 0.5, 1.0):
        move_counts(sql, share, chance)
        minutes = {record.time_us // MINUTE_US for record in stored if record.node == "db" and record.severity >= 13}
        found = store.present_minutes(Filter(nodes=("db",), min_severity=13), Range(0, START_US + 99 * DAY_US), 20)
        assert found is not None
        assert {time_us // MINUTE_US for start, end in found for time_us in range(start, end, MINUTE_US)} == minutes


def test_late_records_are_found_before_the_place_of_a_walk_and_not_behind(
    patient: ImpatientStore, sql: psycopg.Connection
) -> None:
    old = planted(sql, [Planted(START_US + minute * MINUTE_US, "old") for minute in range(20)])
    pages = walk(patient, Filter(text=Terms(("l",))), "desc", 5, lambda: 100, Steps(2, 2))
    first = next(pages)
    late = planted(sql, [Planted(START_US + 30, "late"), Planted(START_US + 19 * MINUTE_US + 1, "too late")])
    seen = first + [record for page in pages for record in page]
    assert seen == expected([*old, late[0]], Filter(), "desc")


def test_slices_that_take_too_long_are_made_smaller_until_they_fit(patient: ImpatientStore, sql: psycopg.Connection) -> None:
    records = [Planted(START_US + minute * MINUTE_US, "hay", node=f"n{minute % 2}") for minute in range(60)]
    stored = planted(sql, [*records, Planted(START_US + 9 * DAY_US, "last"), Planted(START_US + 9 * DAY_US + 1, "last")])
    patient.most_span_us = 10 * MINUTE_US
    step = walk_of(
        patient, Questions(2_000), Steps(3, 2), filter_=Filter(text=Terms(("hay",))), order="desc", after=None, limit=100
    )
    step.look_at_first()
    step.look_further()
    assert step.timeouts > 1
    assert step.position is None
    assert step.records == expected(stored[:60], Filter(), "desc")


def test_the_statements_of_a_transaction_see_the_same_records(store: ImpatientStore, sql: psycopg.Connection) -> None:
    planted(sql, [Planted(START_US, "a")])
    with store.transaction() as connection:
        for _ in range(2):
            assert connection.execute("SELECT count(*) FROM logs").fetchone() == (1,)
            planted(sql, [Planted(START_US, "b")])


def test_an_answer_says_how_far_it_looked(patient: ImpatientStore, sql: psycopg.Connection) -> None:
    stored = planted(sql, [Planted(START_US + minute * MINUTE_US, "hay") for minute in range(20)])
    search = search_of(patient, budget_s=0.0, steps=Steps(4, 4))
    filter_ = Filter(text=Terms(("needle",)))
    found = search.find(filter_, "desc", None, 10)
    assert (found.records, found.scanned_until_us) == ([], stored[16].time_us)
    assert search.find(filter_, "desc", found.position, 10).scanned_until_us == stored[12].time_us
    assert search.find(filter_, "asc", None, 10).scanned_until_us == stored[3].time_us


def test_a_search_that_gets_no_further_at_all_is_a_time_out(patient: ImpatientStore, sql: psycopg.Connection) -> None:
    planted(sql, [Planted(START_US, "hay")])
    patient.most_rows = 1
    search = search_of(patient)
    with pytest.raises(StatementTimeout):
        search.find(Filter(text=Terms(("needle",))), "desc", None, 10)


def test_an_answer_that_must_be_whole_is_whole_or_a_time_out(patient: ImpatientStore, sql: psycopg.Connection) -> None:
    stored = planted(sql, [Planted(START_US + minute * MINUTE_US, "hay") for minute in range(20)])
    filter_ = Filter(text=Terms(("hay",)))
    metrics = Metrics(CollectorRegistry())
    hasty = search_of(patient, metrics, budget_s=0.0, most_s=0.0, steps=Steps(4, 2))
    with pytest.raises(StatementTimeout, match="0 s"):
        hasty.find_all(filter_, "desc", None, 10)
    assert hasty.find_all(filter_, "desc", None, 3).records == expected(stored, Filter(), "desc")[:3]
    thorough = search_of(patient, metrics, budget_s=0.0, most_s=60.0, steps=Steps(4, 2))
    assert thorough.find_all(filter_, "desc", None, 15).records == expected(stored, Filter(), "desc")[:15]


def test_too_many_searches_are_refused_and_cheap_questions_are_not(
    patient: ImpatientStore, sql: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = planted(sql, [Planted(START_US + minute * MINUTE_US, "hay", node=f"n{minute}") for minute in range(20)])
    searching, may_go_on = threading.Event(), threading.Event()

    def within(filter_: Filter, *rest: object) -> list[StoredRecord]:
        if filter_.text.included:
            searching.set()
            assert may_go_on.wait(60)
        return Store.within(patient, filter_, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(patient, "within", within)
    search = search_of(patient, budget_s=60.0, concurrent=1, steps=Steps(4, 2))
    filter_ = Filter(text=Terms(("needle",)))
    with ThreadPoolExecutor() as pool:
        first = pool.submit(search.find, filter_, "desc", None, 10)
        assert searching.wait(60)
        with pytest.raises(TooManySearches, match="1 searches"):
            search.find(filter_, "desc", None, 10)
        assert search.find(Filter(nodes=("n1",)), "desc", None, 10).records == [stored[1]]
        assert search.find(Filter(text=Terms(("hay",))), "desc", None, 2).records == stored[:17:-1]
        may_go_on.set()
        assert first.result().position is None
    assert search.find(filter_, "desc", None, 10).position is None
