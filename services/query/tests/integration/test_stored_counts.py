"""Counts, facets, neighbours and statistics from a real database: the same as plain Python counts in the same records,
whatever part of the counts maintenance has moved."""

import itertools
import random
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import NamedTuple

import psycopg
import pytest
from logstream_contract.filters.filters import Filter, Terms
from logstream_query.metrics import Metrics
from logstream_query.questions.bars import bar_starts, nice_width
from logstream_query.questions.moments import MINUTE_US, as_datetime
from logstream_query.search.record_counts import RecordCounts
from logstream_query.store import Aggregates, Levels, Neighbours, Side, Store, StoredRecord, Top, read_statistics
from prometheus_client import CollectorRegistry

START_US = 1_722_902_400_000_000
HOUR_US = 60 * MINUTE_US
# Several chunks of a day.
SPAN_US = 50 * HOUR_US
END_US = START_US + SPAN_US
LEVELS = [("info", 9), ("INFO", 9), ("warn", 13), ("odd", 0), ("odd", 4)]
NODES = ["api-1", "api-2", "db", "api*"]
# As maintenance does it: a count leaves log_counts and arrives once in the sums of each width.
MOVE = """
WITH moved AS (DELETE FROM log_counts WHERE {} RETURNING *)
INSERT INTO log_rollups (width_s, bucket, node, level, severity, count)
SELECT width_s, date_bin(width_s * interval '1 second', bucket, 'epoch'), node, level, severity, sum(count)
FROM moved, (VALUES (60), (600), (3600)) AS widths (width_s) GROUP BY 1, 2, 3, 4, 5
ON CONFLICT (width_s, bucket, node, level, severity) DO UPDATE SET count = log_rollups.count + excluded.count
"""


class Planted(NamedTuple):
    """A record to be stored."""

    time_us: int
    level: str
    severity: int
    node: str
    message: str


class Database(NamedTuple):
    """The records stored in `connection`'s database."""

    connection: psycopg.Connection
    records: list[StoredRecord]
    store: Store


def some_records(chance: random.Random, count: int, span_us: int = SPAN_US) -> list[Planted]:
    return [
        Planted(
            START_US + chance.randrange(span_us) // (unit := chance.choice([1, 1_000_000])) * unit,
            *chance.choice(LEVELS),
            chance.choice(NODES),
            chance.choice(["disk full", "cart", "ok"]),
        )
        for _ in range(count)
    ]


def plant(connection: psycopg.Connection, planted: list[Planted]) -> list[StoredRecord]:
    """Stores records as one batch, with their counts as a writer appends them."""
    times = [as_datetime(record.time_us) for record in planted]
    with connection.transaction():
        row = connection.execute(
            "INSERT INTO batches (project, batch_id, digest, records, time_from, time_to, received_at)"
            " VALUES ('default', %s, '', %s, %s, %s, now()) RETURNING number",
            (uuid.uuid4(), len(planted), min(times), max(times)),
        ).fetchone()
        assert row
        records: list[StoredRecord] = [
            StoredRecord(
                sequence=row[0] << 16 | index,
                time_us=record.time_us,
                severity=record.severity,
                level=record.level,
                node=record.node,
                message=record.message,
                attributes=None,
            )
            for index, record in enumerate(planted)
        ]
        counts = Counter((r.time_us // MINUTE_US * MINUTE_US, r.node, r.level, r.severity) for r in planted)
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO logs (sequence, time, severity, level, node, message) VALUES (%s, %s, %s, %s, %s, %s)",
                [(sequence, as_datetime(time_us), *rest) for sequence, time_us, *rest, _ in records],
            )
            cursor.executemany(
                "INSERT INTO log_counts (bucket, node, level, severity, count) VALUES (%s, %s, %s, %s, %s)",
                [(as_datetime(bucket), *key, number) for (bucket, *key), number in counts.items()],
            )
    return records


@pytest.fixture(scope="module")
def store(database_url: str) -> Iterator[Store]:
    opened = Store(database_url, Metrics(CollectorRegistry()), pool_connections=2, pool_wait_s=20, statement_timeout_s=20)
    opened.open()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def database(database_url: str, store: Store, seed: int) -> Iterator[Database]:
    """Half of the counts moved, and then more records come, to the same minutes, too."""
    chance = random.Random(seed)
    rare = [Planted(time_us, "info", 9, "rare", "ok") for time_us in (START_US - 200 * HOUR_US, START_US + 30, END_US)]
    with psycopg.connect(database_url, autocommit=True) as connection:
        records = plant(connection, some_records(chance, 3_000) + rare)
        records += plant(connection, some_records(chance, 500, 2 * HOUR_US))
        connection.execute(MOVE.format("random() < 0.7"))
        records += plant(connection, some_records(chance, 500)) + plant(connection, some_records(chance, 300, 2 * HOUR_US))
        connection.execute(MOVE.format("random() < 0.3"))
        yield Database(connection, records, store)


def matches(record: StoredRecord, filter_: Filter) -> bool:
    _, time_us, severity, level, node, message, _ = record
    return (
        (filter_.start_us is None or time_us >= filter_.start_us)
        and (filter_.end_us is None or time_us < filter_.end_us)
        and (not filter_.levels or level.lower() in filter_.levels)
        and (filter_.min_severity is None or severity >= filter_.min_severity)
        and (not filter_.nodes or any(node == name or (name == "api-*" and node[:4] == "api-") for name in filter_.nodes))
        and all(term in message for term in filter_.text.included)
    )


def some_time(chance: random.Random, records: list[StoredRecord]) -> int:
    """Anywhere, at whole minutes and hours, and right at a record."""
    near = chance.choice(records)[1]
    return chance.choice(
        [
            START_US + chance.randrange(-HOUR_US, SPAN_US + HOUR_US),
            near // MINUTE_US * MINUTE_US,
            near // HOUR_US * HOUR_US,
            near + chance.choice([-1, 0, 1]),
            START_US + chance.randrange(2 * HOUR_US),
        ]
    )


def some_filter(chance: random.Random, records: list[StoredRecord]) -> Filter:
    bounds = sorted(some_time(chance, records) for _ in range(2))
    start_us, end_us = (bound if chance.random() < 0.9 else None for bound in bounds)
    return Filter(
        start_us=start_us,
        end_us=end_us,
        levels=chance.choice([(), (), ("info",), ("odd", "warn")]),
        min_severity=chance.choice([None, None, 5, 13]),
        nodes=chance.choice([(), (), ("api-1",), ("api-*", "db"), ("nobody",)]),
    )


def test_a_range_is_counted_to_the_record(database: Database, seed: int) -> None:
    aggregates = Aggregates(database.store, 1.0)
    chance = random.Random(seed)
    for _ in range(150):
        filter_ = some_filter(chance, database.records)
        now_us = some_time(chance, database.records)
        expected = [record for record in database.records if matches(record, filter_)]
        assert aggregates.total(filter_, now_us) == len(expected), (filter_, now_us)


@pytest.mark.parametrize("minutes", [1, 2, 7, 10, 60, 90, 1_440, 10_080])
def test_bars_are_counted_to_the_record(database: Database, seed: int, minutes: int) -> None:
    aggregates = Aggregates(database.store, 1.0)
    chance = random.Random(seed)
    width_us = minutes * MINUTE_US
    for _ in range(20):
        filter_ = some_filter(chance, database.records)
        starts = bar_starts(START_US, START_US + 1, width_us)
        expected: Counter[tuple[int, str, int]] = Counter()
        for record in database.records:
            if matches(record, filter_):
                start_us = (record[1] - starts.start) // width_us * width_us + starts.start
                expected[start_us, record[3], record[2]] += 1
        result = aggregates.counted_bars(filter_, width_us, some_time(chance, database.records))
        assert result is not None
        assert {bar[:3]: bar.records for bar in result} == expected, filter_


@pytest.mark.parametrize("budget_s", [20, 0.000_001])
def test_records_are_counted_from_the_newest_on(database: Database, budget_s: float) -> None:
    counts = RecordCounts(Aggregates(database.store, 1.0), budget_s, lambda _: nullcontext())
    filter_ = Filter(text=Terms(("disk",)), nodes=("api-*",))
    width_us = nice_width(SPAN_US, 60) + 1
    result, scanned_us = counts.bars(filter_, START_US, END_US, width_us)
    expected = [record for record in database.records if matches(record, filter_) and scanned_us <= record[1] < END_US]
    assert sum(bar.records for bar in result) == len(expected)
    assert Counter(record[3] for record in expected) == sum((Counter({bar.level: bar.records}) for bar in result), Counter())
    assert (scanned_us == START_US) == (budget_s == 20)
    assert {bar.start_us for bar in result} <= set(bar_starts(START_US, END_US, width_us))


def test_the_most_frequent_levels_and_nodes(database: Database, seed: int) -> None:
    aggregates = Aggregates(database.store, 1.0)
    chance = random.Random(seed)
    for _ in range(60):
        filter_ = some_filter(chance, database.records)
        limit = chance.choice([1, 2, 100])
        expected = [record for record in database.records if matches(record, filter_)]
        tops = aggregates.top(filter_, limit, some_time(chance, database.records))
        assert tops is not None
        levels, nodes = tops
        for result, column in ((levels, 3), (nodes, 4)):
            counts = Counter(str(record[column]) for record in expected)
            most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            assert [(value.value, value.records) for value in result.values] == most[:limit], filter_
            assert (result.distinct, result.total) == (len(counts), len(expected))
        for value in levels.values:
            severities = Counter(record[2] for record in expected if record[3] == value.value)
            assert severities[value.severity] == max(severities.values())


@pytest.mark.parametrize("same_node", [True, False])
def test_neighbours_are_the_nearest_records(database: Database, seed: int, same_node: bool) -> None:
    """Even a node's are found that are hours apart, because the counts tell where they are."""
    neighbours = Neighbours(database.store, 20, most_bytes=8_388_608)
    chance = random.Random(seed)
    in_order = sorted(database.records, key=lambda record: (record[1], record[0]))
    for record in [in_order[0], in_order[-1], *chance.sample(in_order, 25)]:
        before, after = chance.choice([0, 1, 10, 500]), chance.choice([0, 3, 10, 500])
        family = [other for other in in_order if not same_node or other[4] == record[4]]
        index = family.index(record)
        result = neighbours.of(record[0], before, after, same_node=same_node)
        assert result
        assert result.record == record
        assert result.before.records[::-1] == family[max(0, index - before) : index]
        assert result.after.records == family[index + 1 : index + 1 + after]
        assert (result.before.complete, result.after.complete) == (True, True)


def test_neighbours_of_a_rare_node_are_found_over_days(database: Database) -> None:
    rare = sorted((record for record in database.records if record[4] == "rare"), key=lambda record: record[1])
    for index, record in enumerate(rare):
        result = Neighbours(database.store, 20, most_bytes=8_388_608).of(record[0], 10, 10, same_node=True)
        assert result
        assert (result.before.records[::-1], result.after.records) == (rare[:index], rare[index + 1 :])


def test_neighbours_not_found_within_the_budget_are_not_said_to_be_missing(database: Database) -> None:
    ticks_s = itertools.count(0, 100)
    newest = max(database.records, key=lambda record: record[1])
    neighbours = Neighbours(database.store, 20, most_bytes=8_388_608, clock_s=lambda: next(ticks_s))
    result = neighbours.of(newest[0], 2, 0, same_node=True)
    assert result
    assert (newest[4], result.before) == ("rare", Side([], False))


def test_neighbours_not_found_because_the_database_is_slow_are_not_said_to_be_missing(
    database: Database, database_url: str
) -> None:
    newest = max(database.records, key=lambda record: record[1])
    with psycopg.connect(database_url) as connection:
        connection.execute("LOCK TABLE log_counts IN ACCESS EXCLUSIVE MODE")
        result = Neighbours(database.store, 0.5, most_bytes=8_388_608).of(newest[0], 2, 0, same_node=True)
    assert result
    assert result.before == Side([], False)


def test_an_unknown_sequence_has_no_neighbourhood(database: Database) -> None:
    neighbours = Neighbours(database.store, 20, most_bytes=8_388_608)
    last = max(record[0] for record in database.records)
    for sequence in (0, last + 1, last + (1 << 16), 2**63 - 1):
        assert neighbours.of(sequence, 1, 1, same_node=True) is None


def test_statistics(database: Database) -> None:
    (newest_batch,) = database.connection.execute("SELECT max(number) FROM batches").fetchone() or (0,)
    times = [record[1] for record in database.records]
    result = read_statistics(database.store, max(times) + MINUTE_US)
    assert (result.rows, result.oldest_us, result.newest_us) == (len(times), min(times), max(times))
    assert result.chunks >= 3
    assert result.total_bytes >= result.table_bytes + result.index_bytes > 0
    assert result.newest_batch == newest_batch
    assert (result.indexed_rows, result.indexed_to) == (0, None)
    assert result.postgresql.startswith("17")
    end_us = max(times) // MINUTE_US * MINUTE_US + MINUTE_US
    for counts, minutes in ((result.last_minute, 1), (result.last_hour, 60)):
        levels = Counter(r[3] for r in database.records if end_us - minutes * MINUTE_US <= r[1] < end_us)
        assert counts == Levels(dict(levels), 0, levels.total())


def test_counts_that_are_being_moved_are_counted_once(database: Database, database_url: str) -> None:
    aggregates = Aggregates(database.store, 1.0)

    def move() -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            for _ in range(100):
                connection.execute(MOVE.format("random() < 0.05"))

    with ThreadPoolExecutor(1) as pool:
        moving = pool.submit(move)
        while not moving.done():
            assert aggregates.total(Filter(), START_US) == len(database.records)
        moving.result()


def test_an_empty_database(database: Database) -> None:
    database.connection.execute("TRUNCATE logs, log_counts, log_rollups, batches")
    aggregates = Aggregates(database.store, 1.0)
    assert aggregates.oldest_us() is None
    assert aggregates.total(Filter(), START_US) == 0
    assert aggregates.counted_bars(Filter(end_us=START_US + 1), MINUTE_US, START_US) == []
    assert aggregates.top(Filter(), 10, START_US) == (Top([], 0, 0), Top([], 0, 0))
    result = read_statistics(database.store, START_US)
    assert (result.rows, result.oldest_us, result.newest_us, result.newest_batch) == (0, None, None, None)
