"""What the store finds in a real database: the same as plain Python finds in the same records, page after page."""

import itertools
import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from typing import NamedTuple

import psycopg
import pytest
from logstream_contract.filters.filters import Filter, Terms
from logstream_query.metrics import Metrics
from logstream_query.questions.cursors import Order, Position
from logstream_query.questions.moments import as_datetime
from logstream_query.questions.queries import historical_query
from logstream_query.store import Store, StoredRecord
from logstream_query.store.room import Room
from logstream_query.unavailable import SchemaMissing
from prometheus_client import CollectorRegistry
from psycopg.types.json import Jsonb

START_US = 1_722_902_400_000_000
SECOND_US = 1_000_000
MOST_PAGES = 100


class Planted(NamedTuple):
    """A record to be stored."""

    time_us: int
    message: str
    level: str = "info"
    severity: int = 9
    node: str = "api"
    attributes: dict[str, str] | None = None


Plant = Callable[[Sequence[Planted]], list[StoredRecord]]


@pytest.fixture
def plant(database_url: str) -> Iterator[Plant]:
    """Stores records as one batch in the emptied tables and gives them as the store should."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("TRUNCATE logs, batches")

        def plant_batch(records: Sequence[Planted]) -> list[StoredRecord]:
            times = [as_datetime(record.time_us) for record in records]
            row = connection.execute(
                "INSERT INTO batches (project, batch_id, digest, records, time_from, time_to, received_at)"
                " VALUES ('default', %s, '', %s, %s, %s, now()) RETURNING number",
                (uuid.uuid4(), len(records), min(times), max(times)),
            ).fetchone()
            assert row
            stored: list[StoredRecord] = [
                StoredRecord(
                    sequence=row[0] << 16 | index,
                    time_us=item.time_us,
                    severity=item.severity,
                    level=item.level,
                    node=item.node,
                    message=item.message,
                    attributes=item.attributes,
                )
                for index, item in enumerate(records)
            ]
            with connection.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO logs (sequence, time, severity, level, node, message, attributes)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                    [
                        (sequence, as_datetime(time_us), *rest, Jsonb(attributes) if attributes else None)
                        for sequence, time_us, *rest, attributes in stored
                    ],
                )
            return stored

        yield plant_batch


def store_of(url: str) -> Store:
    return Store(url, Metrics(CollectorRegistry()), pool_connections=2, pool_wait_s=20, statement_timeout_s=20)


@pytest.fixture(scope="module")
def store(database_url: str) -> Iterator[Store]:
    opened = store_of(database_url)
    opened.open()
    yield opened
    opened.close()


def messages(found: Sequence[StoredRecord]) -> list[str]:
    return [record[5] for record in found]


def newest_first(records: Sequence[StoredRecord]) -> list[StoredRecord]:
    return sorted(records, key=lambda record: (record[1], record[0]), reverse=True)


def walk(store: Store, filter_: Filter, order: Order, limit: int) -> Iterator[list[StoredRecord]]:
    """All pages to the end, which must come."""
    after: Position | None = None
    for _ in range(MOST_PAGES):
        page = store.page(filter_, order, after, limit, Room(8_388_608, limit))
        if not page:
            return
        yield page
        after = Position(page[-1][1], page[-1][0])
    pytest.fail(f"no end after {MOST_PAGES} pages")


def test_records_come_back_as_they_were_stored(store: Store, plant: Plant) -> None:
    stored = plant(
        [
            Planted(START_US + 1, 'tab\t"quote" \\ \' ü 💥 \u202e', "WARN", 13, "näme", {"k": "v", "ключ": "\n"}),
            Planted(START_US, "", "", 0, "n"),
        ]
    )
    assert store.page(Filter(), "desc", None, 10, Room(8_388_608, 10)) == stored


# Words of a sentence each; İ and ẞ lower-case to one character each, as simple lower-casing has it.
SENTENCES = [
    "Disk FULL on /dev/sda1",
    "disk is full to 100%",
    "disk_full",
    "diskXfull",
    "İstanbul Straße ẞ",
    "istanbul strasse ß",
    "한글 로그",
    "e\u0301te\u0301 combining",
    "été composed",
    'say "hi" \\ back',
    "",
]


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (Terms(("disk", "full")), SENTENCES[:4]),
        (Terms(("disk full",)), SENTENCES[:1]),
        (Terms(("100%",)), SENTENCES[1:2]),
        (Terms(("disk_full",)), SENTENCES[2:3]),
        (Terms(("%",)), SENTENCES[1:2]),
        (Terms(("_",)), SENTENCES[2:3]),
        (Terms(("İSTANBUL",)), SENTENCES[4:6]),
        (Terms(("ß",)), SENTENCES[4:6]),
        (Terms(("SS",)), SENTENCES[5:6]),
        (Terms(("글",)), SENTENCES[6:7]),
        (Terms(("ÉTÉ",)), SENTENCES[8:9]),
        (Terms(('"HI"',)), SENTENCES[9:10]),
        (Terms(("\\",)), SENTENCES[9:10]),
        (Terms((), ("disk", "E")), [SENTENCES[6], *SENTENCES[9:]]),
        (Terms(("disk",), ("full", "x")), []),
        (Terms(("'; DROP TABLE logs; --",)), []),
    ],
)
def test_text_search(store: Store, plant: Plant, terms: Terms, expected: list[str]) -> None:
    plant([Planted(START_US + index, sentence) for index, sentence in enumerate(SENTENCES)])
    assert messages(store.page(Filter(text=terms), "asc", None, 100, Room(8_388_608, 100))) == expected


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        (Filter(levels=("ERROR",)), "ab"),
        (Filter(levels=("error", "info")), "abd"),
        (Filter(level_contains="err"), "ab"),
        (Filter(level_contains="%"), "f"),
        (Filter(min_severity=13), "abc"),
        (Filter(min_severity=1), "abcd"),
        (Filter(nodes=("api-1",)), "a"),
        (Filter(nodes=("API-1",)), ""),
        (Filter(nodes=("api-*",)), "abc"),
        (Filter(nodes=("*-1",)), "ad"),
        (Filter(nodes=("a*2", "db-1")), "bd"),
        (Filter(nodes=("api_1",)), ""),
        (Filter(nodes=("*%*",)), "e"),
        (Filter(start_us=START_US + 1, end_us=START_US + 3), "bc"),
        (Filter(start_us=START_US + 3), "def"),
        (Filter(end_us=START_US + 3), "abc"),
        (Filter(start_us=START_US, end_us=START_US), ""),
        (Filter(levels=("error",), nodes=("api-*",), text=Terms(("b",))), "b"),
        (Filter(start_us=0, end_us=START_US + 365 * 86_400 * SECOND_US * 10), "abcdef"),
    ],
)
def test_filters(store: Store, plant: Plant, filter_: Filter, expected: str) -> None:
    plant(
        [
            Planted(START_US, "a", "error", 17, "api-1"),
            Planted(START_US + 1, "b", "Error", 17, "api-2"),
            Planted(START_US + 2, "c", "warn", 13, "api-3"),
            Planted(START_US + 3, "d", "info", 9, "db-1"),
            Planted(START_US + 4, "e", "odd", 0, "50%"),
            Planted(START_US + 5, "f", "100%", 0, "x"),
        ]
    )
    assert "".join(messages(store.page(filter_, "asc", None, 100, Room(8_388_608, 100)))) == expected


@pytest.mark.parametrize("order", ["desc", "asc"])
@pytest.mark.parametrize("limit", [1, 7, 100])
def test_pages_hold_each_record_once_and_in_order(store: Store, plant: Plant, order: Order, limit: int) -> None:
    """Many records share a time, and batches overlap; days apart, they lie in several chunks."""
    chance = random.Random(7)
    stored: list[StoredRecord] = []
    for batch in range(4):
        times = (START_US + chance.randrange(4) * 3_600 * 24 * SECOND_US + chance.randrange(3) for _ in range(15))
        stored += plant([Planted(time_us, f"{batch}") for time_us in times])
    expected = newest_first(stored) if order == "desc" else newest_first(stored)[::-1]
    assert list(itertools.chain.from_iterable(walk(store, Filter(), order, limit))) == expected


def test_new_records_do_not_shift_a_walk(store: Store, plant: Plant) -> None:
    old = plant([Planted(START_US + index, "old") for index in range(10)])
    seen = []
    for page in walk(store, Filter(), "desc", 3):
        seen += page
        plant([Planted(START_US + 100 + len(seen), "new")])
    assert seen == newest_first(old)


def test_the_position_of_a_record(store: Store, plant: Plant) -> None:
    stored = plant([Planted(START_US + index, f"{index}") for index in range(3)])
    assert [store.position_of(record[0]) for record in stored] == [Position(record[1], record[0]) for record in stored]


def test_a_record_that_is_not_stored_has_no_position(store: Store, plant: Plant) -> None:
    stored = plant([Planted(START_US, "a"), Planted(START_US + 1, "b")])
    past_the_batch = stored[-1][0] + 1
    unknown_batch = stored[-1][0] + (5 << 16)
    assert [store.position_of(sequence) for sequence in (past_the_batch, unknown_batch, 0, 2**63 - 1)] == [None] * 4


def test_the_seed_finds_the_millisecond_it_was_told(store: Store, plant: Plant) -> None:
    plant([Planted(START_US + 513_000, "a"), Planted(START_US + 513_999, "b"), Planted(START_US + 514_000, "c")])
    filter_ = historical_query("startTime=2024-08-06T00:00:00.513Z&endTime=2024-08-06T00:00:00.513Z", 0, UTC).filter
    assert messages(store.page(filter_, "asc", None, 10, Room(8_388_608, 10))) == ["a", "b"]


def test_a_database_without_tables(database_url: str, store: Store) -> None:
    assert store.problem() is None
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE batches RENAME TO batches_elsewhere")
        try:
            assert "no logstream tables" in (store.problem() or "")
            with pytest.raises(SchemaMissing):
                store.position_of(1)
        finally:
            connection.execute("ALTER TABLE batches_elsewhere RENAME TO batches")
    assert store.position_of(1) is None
