"""The query service's SQL on TimescaleDB's Community edition: pages over a columnstore find what plain Python finds."""

import itertools
from collections.abc import Iterator

import psycopg
import pytest
from logstream_contract.filters.filters import Filter, Terms
from logstream_query.metrics import Metrics
from logstream_query.questions.cursors import Order, Position
from logstream_query.store import Store, StoredRecord
from logstream_query.store.room import Room
from prometheus_client import CollectorRegistry

START_US = 1_740_787_200_000_000
MINUTE_US = 60_000_000
# A record a minute of two days: the first day is compressed, and has late rows beside; the second is plain rows.
MINUTES = 2_880
BATCHES = 4
LATE = range(0, MINUTES // 2, 7)
LEVELS = (("info", 9), ("warn", 13), ("error", 17))
PLANT = """
INSERT INTO logs (time, sequence, severity, level, node, message, attributes)
SELECT to_timestamp(time_us / 1000000), sequence, severity, level, node, message, attributes
FROM unnest(%s::bigint[], %s::bigint[], %s::int[], %s::text[], %s::text[], %s::text[], %s::jsonb[])
     AS given (time_us, sequence, severity, level, node, message, attributes)
"""
MAX_PAGES = 100


def record(minute: int, batch: int) -> StoredRecord:
    level, severity = LEVELS[minute % 3]
    message = f"Order {minute} of 100%_ is \N{LATIN CAPITAL LETTER U WITH DIAERESIS}ber"
    sequence = batch << 16 | minute % 65_536
    return StoredRecord(
        sequence=sequence,
        time_us=START_US + minute * MINUTE_US,
        severity=severity,
        level=level,
        node=f"node-{minute % 5}",
        message=message,
        attributes=None,
    )


ON_TIME = [record(minute, 1 + minute * BATCHES // MINUTES) for minute in range(MINUTES)]
TOO_LATE = [record(minute, BATCHES + 1) for minute in LATE]
RECORDS = sorted([*ON_TIME, *TOO_LATE], key=lambda records: (records[1], records[0]))


def plant(connection: psycopg.Connection, records: list[StoredRecord]) -> None:
    columns = zip(*((time_us, sequence, *rest) for sequence, time_us, *rest in records), strict=True)
    connection.execute(PLANT, [list(column) for column in columns])


@pytest.fixture
def store(community_url: str) -> Iterator[Store]:
    with psycopg.connect(community_url, autocommit=True) as connection:
        connection.execute("TRUNCATE logs, batches")
        plant(connection, ON_TIME)
        connection.execute("SELECT compress_chunk(chunk) FROM show_chunks('logs') AS chunk ORDER BY chunk LIMIT 1")
        plant(connection, TOO_LATE)
        connection.execute(
            "INSERT INTO batches (project, batch_id, number, digest, records, time_from, time_to, received_at)"
            " OVERRIDING SYSTEM VALUE"
            " SELECT 'default', gen_random_uuid(), sequence >> 16, '', count(*), min(time), max(time), now()"
            " FROM logs GROUP BY 3"
        )
    # The database serves one client, so there is one connection.
    metrics = Metrics(CollectorRegistry())
    opened = Store(community_url, metrics, pool_connections=1, pool_wait_s=60, statement_timeout_s=60)
    opened.open()
    yield opened
    opened.close()


def walk(store: Store, filter_: Filter, order: Order, limit: int) -> list[StoredRecord]:
    records: list[StoredRecord] = []
    after = None
    for _ in range(MAX_PAGES):
        page = store.page(filter_, order, after, limit, Room(8_388_608, limit))
        records += page
        if len(page) < limit:
            return records
        after = Position(page[-1][1], page[-1][0])
    raise AssertionError(f"not at the end after {MAX_PAGES} pages of {limit}")


def test_pages_in_both_orders_repeat_and_miss_nothing(store: Store) -> None:
    orders: tuple[Order, Order] = ("asc", "desc")
    for order, limit in itertools.product(orders, (137, 5_000)):
        expected = RECORDS if order == "asc" else RECORDS[::-1]
        assert walk(store, Filter(), order, limit) == expected


def test_filters_find_what_python_finds(store: Store) -> None:
    noon_us, end_us = START_US + 720 * MINUTE_US, START_US + 2_000 * MINUTE_US
    cases: list[tuple[Filter, list[StoredRecord]]] = [
        (Filter(start_us=noon_us, end_us=end_us), [records for records in RECORDS if noon_us <= records[1] < end_us]),
        (Filter(min_severity=13), [records for records in RECORDS if records[2] >= 13]),
        (Filter(levels=("WARN",)), [records for records in RECORDS if records[3] == "warn"]),
        (Filter(nodes=("node-1", "*-3")), [records for records in RECORDS if records[4] in ("node-1", "node-3")]),
        (
            Filter(text=Terms(("order 14", "\N{LATIN SMALL LETTER U WITH DIAERESIS}BER"))),
            [records for records in RECORDS if "Order 14" in records[5]],
        ),
        (Filter(text=Terms(("0%_ ",), ("order 7",))), [records for records in RECORDS if "Order 7" not in records[5]]),
    ]
    for filter_, expected in cases:
        assert expected
        assert walk(store, filter_, "desc", 1_000) == expected[::-1], filter_


def test_a_record_of_a_compressed_chunk_is_found_by_its_sequence(store: Store) -> None:
    for index in (700, 2_500):
        sequence = RECORDS[index][0]
        position = store.position_of(sequence)
        assert store.page(Filter(), "desc", position, 10, Room(8_388_608, 10)) == RECORDS[index - 10 : index][::-1]
