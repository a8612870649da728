"""Answers over records of any size: each ends where its bytes do, and going on by cursors brings every record once."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from sys import getsizeof
from typing import Any

import psycopg
import pytest
from harness.planting import Planted, clear, plant
from logstream_contract.filters.filters import Filter, Terms
from logstream_query.config import Config
from logstream_query.metrics import Metrics
from logstream_query.questions.cursors import Order, Position
from logstream_query.search.answer_limiter import AnswerLimiter, AnswerLimits
from logstream_query.search.search import Search, SearchLimits, SearchResult
from logstream_query.search.walk import Steps
from logstream_query.store import Neighbours, Store, StoredRecord
from logstream_query.store.room import Room
from prometheus_client import CollectorRegistry

START_US = 1_722_902_400_000_000
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
ANSWER_BYTES = 200_000
EVERYTHING = 10**9


def planted(connection: psycopg.Connection, records: list[Planted]) -> list[StoredRecord]:
    return [StoredRecord(*record) for record in plant(connection, records)]


@pytest.fixture(scope="module")
def store(database_url: str) -> Iterator[Store]:
    opened = Store(database_url, Metrics(CollectorRegistry()), pool_connections=5, pool_wait_s=20, statement_timeout_s=20)
    opened.open()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def records(database_url: str, seed: int) -> list[StoredRecord]:
    """Of all sizes, newest first."""
    chance = random.Random(seed)
    with psycopg.connect(database_url, autocommit=True) as connection:
        clear(connection)
        result = [record for _ in range(6) for record in planted(connection, [some_record(chance) for _ in range(25)])]
    return sorted(result, key=lambda record: (record.time_us, record.sequence), reverse=True)


def some_record(chance: random.Random) -> Planted:
    time_us = START_US + chance.choice((0, DAY_US, 9 * DAY_US)) + chance.randrange(40) * SECOND_US
    message = "hay " + chance.choice(("", "x" * 3_000, chance.randbytes(32_000).hex(), "y" * 65_000, "\N{ROCKET}" * 9_000))
    attributes = chance.choice(
        (
            None,
            {"k": "v"},
            {"\x01": "\x02" * 900},
            {f"k{n}": chance.randbytes(2_000).hex() for n in range(64)},
            {f"k{n}": "z" * 20_000 for n in range(50)},
        )
    )
    return Planted(time_us, message, node=chance.choice(("api", "db")), attributes=attributes)


CONFIG = Config(database_url="postgresql://")


def search(store: Store, **limits: Any) -> Search:
    metrics = Metrics(CollectorRegistry())
    small: dict[str, Any] = {"budget_s": 60.0, "answer_bytes": ANSWER_BYTES, "steps": Steps(9, 3)}
    return Search(
        store,
        metrics,
        limits=replace(SearchLimits.from_config(CONFIG), **small | limits),
        answer_limiter=AnswerLimiter(metrics, AnswerLimits.from_config(CONFIG)),
    )


def memory(records: Sequence[StoredRecord]) -> int:
    """Of their messages and attributes, however these are kept."""
    return sum(getsizeof(message) + sum(map(len, (result or {}).values())) for *_, message, result in records)


@pytest.mark.parametrize("order", ["desc", "asc"])
@pytest.mark.parametrize(
    "filter_",
    [
        Filter(),
        Filter(nodes=("api",)),
        Filter(text=Terms(("HAY",))),
        Filter(regex="^hay"),
        Filter(text=Terms(("y",)), nodes=("db",)),
    ],
)
def test_going_on_by_cursors_brings_every_record_once(
    store: Store, records: list[StoredRecord], order: Order, filter_: Filter
) -> None:
    expected = [record for record in records if not filter_.nodes or record.node in filter_.nodes]
    looking = search(store)
    seen: list[StoredRecord] = []
    after: Position | None = None
    full = 0
    while True:
        result: SearchResult = looking.find(filter_, order, after, 5_000)
        assert len(result.records) <= 1 or memory(result.records) <= ANSWER_BYTES
        full += result.is_full
        seen += result.records
        if result.position is None:
            break
        assert result.records
        after = result.position
    assert seen == (expected if order == "desc" else expected[::-1])
    assert full > 10


def test_what_fits_is_one_answer(store: Store, records: list[StoredRecord]) -> None:
    room = Room(EVERYTHING, 1_000)
    assert store.page(Filter(), "desc", None, 1_000, room) == records
    assert not room.is_full


def test_pages_of_a_number_of_records_are_as_many(store: Store, records: list[StoredRecord]) -> None:
    result = search(store, answer_bytes=EVERYTHING).find(Filter(), "desc", None, 7)
    assert result.records == records[:7]
    assert result.position == (records[6].time_us, records[6].sequence)
    assert not result.is_full


@pytest.mark.parametrize("same_node", [True, False])
def test_a_context_is_the_nearest_that_fit(store: Store, records: list[StoredRecord], same_node: bool) -> None:
    index = len(records) // 2
    middle = records[index]
    result = Neighbours(store, 20, most_bytes=ANSWER_BYTES).of(middle.sequence, 100, 100, same_node=same_node)
    assert result
    assert result.record == middle
    sides = ((result.before, records[index + 1 :]), (result.after, records[:index][::-1]))
    for side, further in sides:
        nearest = [record for record in further if not same_node or record.node == middle.node]
        assert side.records == nearest[: len(side.records)]
        assert side.records
        assert len(side.records) == 1 or memory(side.records) <= ANSWER_BYTES // 2
        assert (side.complete, side.is_full) == (False, True)
