"""Counts that name only a part of what they count, from a real database: totals and severities are exact all the same, and a
question for names that may be among the rest is answered exactly or not from the counts."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient
from harness.planting import Planted, move_counts, plant
from logstream_contract.counted_names import OTHER, folded_level, is_known_level
from logstream_contract.filters.filters import Filter
from logstream_query.app import create_app
from logstream_query.config import Config
from logstream_query.metrics import Metrics
from logstream_query.questions.moments import MINUTE_US, as_datetime
from logstream_query.questions.ranges import Range
from logstream_query.store import Aggregates, Neighbours, Store, StoredRecord, aggregates
from prometheus_client import CollectorRegistry

START_US = 1_722_902_400_000_000
HOUR_US = 60 * MINUTE_US
SPAN_US = 5 * HOUR_US
LEVELS = [("info", 9), ("INFO", 9), ("eRRor", 17), ("error", 17), ("odd", 0), ("other", 0), ("Odd", 9), ("", 0)]
NODES = ["api-1", "api-2", "db", "other"]
# In hours without these, every name is kept.
CROWDED_HOURS = (1, 3)


def planted(connection: psycopg.Connection, records: list[Planted]) -> list[StoredRecord]:
    return [StoredRecord(*record) for record in plant(connection, records)]


@dataclass(frozen=True)
class Database:
    records: list[StoredRecord]
    store: Store

    @property
    def aggregates(self) -> Aggregates:
        return Aggregates(self.store, 1.0)


def fold_some(connection: psycopg.Connection, chance: random.Random, table: str, widths_s: tuple[int, ...] = (0,)) -> None:
    """As writers and maintenance do: within the crowded hours some names of a sum give way."""
    for width_s in widths_s:
        width = f"width_s = {width_s} AND" if width_s else ""
        columns = "width_s, bucket, node, level, severity" if width_s else "bucket, node, level, severity"
        for hour in CROWDED_HOURS:
            start = as_datetime(START_US + hour * HOUR_US)
            rows = connection.execute(
                f"DELETE FROM {table} WHERE {width} bucket >= %s AND bucket < %s + interval '1 hour'"
                f" RETURNING {columns}, count",
                (start, start),
            ).fetchall()
            folded: Counter[tuple[object, ...]] = Counter()
            for *key, node, level, severity, count in rows:
                given = chance.random()
                level = level if given < 0.6 else folded_level(level)
                node = node if given < 0.9 else OTHER
                folded[*key, node, level, severity] += count
            with connection.cursor() as cursor:
                marks = ", ".join(["%s"] * (len(columns.split(",")) + 1))
                cursor.executemany(
                    f"INSERT INTO {table} ({columns}, count) VALUES ({marks})", [(*key, n) for key, n in folded.items()]
                )


@pytest.fixture(scope="module")
def database(database_url: str, seed: int) -> Iterator[Database]:
    chance = random.Random(seed)
    store = Store(database_url, Metrics(CollectorRegistry()), pool_connections=4, pool_wait_s=20, statement_timeout_s=20)
    store.open()

    def some_records(count: int) -> list[Planted]:
        return [
            Planted(START_US + chance.randrange(SPAN_US), "m", *chance.choice(LEVELS), chance.choice(NODES))
            for _ in range(count)
        ]

    with psycopg.connect(database_url, autocommit=True) as connection:
        records = planted(connection, some_records(2_000))
        fold_some(connection, chance, "log_counts")
        move_counts(connection, 0.7, chance)
        fold_some(connection, chance, "log_rollups", (60, 600, 3600))
        records += planted(connection, some_records(500))
        fold_some(connection, chance, "log_counts")
    yield Database(records, store)
    store.close()


@pytest.fixture
def client(database: Database) -> FlaskClient:
    registry = CollectorRegistry()
    return create_app(
        database.store, Metrics(registry), lambda: registry, Config(database_url="postgresql://")
    ).test_client()


def matches(record: StoredRecord, filter_: Filter) -> bool:
    return (
        (filter_.start_us is None or record.time_us >= filter_.start_us)
        and (filter_.end_us is None or record.time_us < filter_.end_us)
        and (not filter_.levels or record.level.lower() in filter_.levels)
        and (filter_.level_contains in record.level.lower())
        and (filter_.min_severity is None or record.severity >= filter_.min_severity)
        and (
            not filter_.nodes
            or any(record.node == name or (name == "api-*" and record.node[:4] == "api-") for name in filter_.nodes)
        )
    )


def some_range(chance: random.Random) -> tuple[int, int]:
    start_us, end_us = sorted(START_US + chance.randrange(SPAN_US) for _ in range(2))
    return tuple(chance.choice([bound, bound // MINUTE_US * MINUTE_US]) for bound in (start_us, end_us))  # type: ignore[return-value]


@pytest.mark.parametrize("min_severity", [None, 9, 17])
def test_totals_and_severities_are_exact(database: Database, seed: int, min_severity: int | None) -> None:
    chance = random.Random(seed)
    for _ in range(60):
        start_us, end_us = some_range(chance)
        filter_ = Filter(start_us=start_us, end_us=end_us, min_severity=min_severity)
        expected = [record for record in database.records if matches(record, filter_)]
        now_us = START_US + chance.randrange(SPAN_US)
        assert database.aggregates.total(filter_, now_us) == len(expected)
        width_us = chance.choice([1, 10, 60]) * MINUTE_US
        bars = database.aggregates.counted_bars(filter_, width_us, now_us)
        assert bars is not None
        result = Counter[tuple[int, int]]()
        for bar in bars:
            assert bar.records > 0
            result[bar.start_us, bar.severity] += bar.records
        assert result == Counter((record[1] // width_us * width_us, record[2]) for record in expected)
        tops = database.aggregates.top(filter_, 100, now_us)
        assert tops is not None
        for top, column in zip(tops, (3, 4), strict=True):
            assert top.total == len(expected) == sum(value.records for value in top.values) + top.unnamed
            assert OTHER not in {value.value for value in top.values}
            assert top.distinct == len(top.values)
            assert {value.value.lower() for value in top.values} <= {str(record[column]).lower() for record in expected}


def test_a_name_has_at_most_its_records(database: Database) -> None:
    """And of whole hours that are not crowded exactly those."""
    for hour in range(5):
        filter_ = Filter(start_us=START_US + hour * HOUR_US, end_us=START_US + (hour + 1) * HOUR_US)
        expected = [record for record in database.records if matches(record, filter_)]
        tops = database.aggregates.top(filter_, 100, START_US)
        assert tops is not None
        for top, column in zip(tops, (3, 4), strict=True):
            # Beyond the bound a known level is counted in lower case.
            truth = Counter(str(record[column]).lower() for record in expected)
            named = Counter[str]()
            for value in top.values:
                named[value.value.lower()] += value.records
            assert named <= truth
            assert (named == truth, top.unnamed == 0) == ((hour not in CROWDED_HOURS,) * 2)


@pytest.mark.parametrize("most_hours", [12, 0])
def test_a_question_for_names_is_answered_exactly_or_not_at_all(
    database: Database, seed: int, most_hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where names are missing in few hours, by their records."""
    monkeypatch.setattr(aggregates, "_MOST_HOURS", most_hours)
    monkeypatch.setattr(aggregates, "_MOST_PIECES", 10_000)
    chance = random.Random(seed)
    untold = Counter[str]()
    for _ in range(150):
        start_us, end_us = some_range(chance)
        filter_ = Filter(
            start_us=start_us,
            end_us=end_us,
            levels=chance.choice([(), ("error",), ("info", "error"), ("odd",), ("odd", "error"), ("other",)]),
            nodes=chance.choice([(), (), ("api-1",), ("api-*", "db"), ("other",)]),
            min_severity=chance.choice([None, 9]),
        )
        expected = [record for record in database.records if matches(record, filter_)]
        now_us = START_US + chance.randrange(SPAN_US)
        total = database.aggregates.total(filter_, now_us)
        bars = database.aggregates.counted_bars(filter_, HOUR_US, now_us)
        tops = database.aggregates.top(filter_, 100, now_us)
        assert total in (None, len(expected)), filter_
        assert not most_hours or None not in (total, bars, tops)
        assert bars is None or sum(bar.records for bar in bars) == len(expected)
        assert tops is None or [top.total for top in tops] == [len(expected)] * 2
        if not filter_.nodes and all(map(is_known_level, filter_.levels)):
            assert None not in (total, bars, tops), "levels that everybody uses are always counted"
        hours = {(time_us - START_US) // HOUR_US for time_us in range(start_us, end_us, MINUTE_US)}
        if not hours & set(CROWDED_HOURS) and end_us // HOUR_US * HOUR_US not in (
            START_US + hour * HOUR_US for hour in CROWDED_HOURS
        ):
            assert None not in (total, bars, tops), "where all names are kept nothing is unsure"
        untold["told" if total is not None else "untold"] += 1
    assert untold["told"] > 10
    assert (untold["untold"] > 10) == (most_hours == 0)


def test_a_search_looks_where_unnamed_records_may_be(database: Database) -> None:
    whole = Range(START_US, START_US + SPAN_US)
    for filter_ in (Filter(nodes=("db",)), Filter(levels=("odd",)), Filter(level_contains="od"), Filter(levels=("error",))):
        for result in (database.store.possible(filter_, whole, 10), database.store.present_minutes(filter_, whole, 10)):
            assert result is not None
            for record in database.records:
                if matches(record, filter_):
                    assert any(one.from_us <= record[1] <= one.to_us for one in result), (filter_, record)


def test_neighbours_of_an_unnamed_node_are_found(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    in_order = sorted(database.records, key=lambda record: (record[1], record[0]))
    for record in chance.sample(in_order, 20):
        family = [other for other in in_order if other[4] == record[4]]
        index = family.index(record)
        result = Neighbours(database.store, 20, most_bytes=8_388_608).of(record[0], 200, 200, same_node=True)
        assert result
        assert result.before.records[::-1] == family[max(0, index - 200) : index]
        assert result.after.records == family[index + 1 : index + 201]


def answer(client: FlaskClient, path: str) -> Any:
    result = client.get(path)
    assert result.status_code == 200, result.text
    return result.get_json()


def hours(first: int, last: int) -> str:
    start, end = (as_datetime(START_US + hour * HOUR_US).strftime("%Y-%m-%dT%H:%M:%SZ") for hour in (first, last))
    return f"start={start}&end={end}"


def test_answers_say_what_is_unnamed(client: FlaskClient, database: Database) -> None:
    crowded, ordinary = hours(1, 2), hours(2, 3)
    histogram = answer(client, f"/api/logs/histogram?{crowded}&bucket=1h")
    assert (histogram["source"], histogram["complete"]) == ("counts", True)
    assert histogram["unnamed"] == histogram["total"] - sum(level["count"] for level in histogram["levels"]) > 0
    assert OTHER not in {level["level"] for level in histogram["levels"]}
    assert answer(client, f"/api/logs/histogram?{ordinary}&bucket=1h")["unnamed"] == 0
    facets = answer(client, f"/api/logs/facets?{crowded}&records=1")
    for facet in ("levels", "nodes"):
        assert facets[facet]["over"] == "all"
        assert facets[facet]["unnamed"] == facets[facet]["total"] - sum(one["count"] for one in facets[facet]["top"]) > 0
    assert answer(client, f"/api/logs/facets?{ordinary}")["nodes"]["unnamed"] == 0


@pytest.mark.parametrize("most_hours", [12, 0])
@pytest.mark.parametrize("query", ["level=odd", "node=db", "level=other", "node=other"])
def test_names_that_may_be_unnamed_are_counted_from_records(
    client: FlaskClient, database: Database, query: str, most_hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the minutes that don't name all, or if that is too much all of them."""
    monkeypatch.setattr(aggregates, "_MOST_HOURS", most_hours)
    monkeypatch.setattr(aggregates, "_MOST_PIECES", 10_000)
    column, value = (3 if query.startswith("level") else 4), query.partition("=")[2]
    truth = sum(str(record[column]).lower() == value for record in database.records)
    counted = answer(client, f"/api/logs/histogram?{hours(0, 5)}&{query}&bucket=1h")
    assert (counted["source"], counted["complete"]) == ("counts" if most_hours else "records", True)
    assert counted["total"] == truth
    facets = answer(client, f"/api/logs/facets?{hours(0, 5)}&{query}&records=5000")
    assert facets["levels"]["over"] == ("all" if most_hours else {"records": truth, "complete": True})
    assert facets["nodes"]["total"] == truth
    assert answer(client, f"/api/logs/histogram?{hours(2, 3)}&{query}&bucket=1h")["source"] == "counts"
    exported = client.get(f"/api/logs/export?{hours(0, 5)}&{query}&max_records=1")
    assert exported.headers.get("X-Logstream-Matching-Records") == (str(truth) if most_hours else None)
