"""Records that no writer stores, but somebody with SQL: each is shown as well as it can be, and hides no other."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import psycopg
import pytest
from flask.testing import FlaskClient
from harness.planting import Planted, clear, plant
from logstream_contract.filters.filters import Filter
from logstream_query.app import create_app
from logstream_query.config import Config
from logstream_query.metrics import Metrics
from logstream_query.questions.cursors import Order
from logstream_query.search.answer_limiter import AnswerLimiter, AnswerLimits
from logstream_query.search.search import Search, SearchLimits
from logstream_query.search.walk import Steps
from logstream_query.store import Store
from prometheus_client import CollectorRegistry

START_US = 1_722_902_400_000_000
ORDINARY = 9
CONFIG = Config(database_url="postgresql://")
ODD = {
    "time": (
        "infinity",
        "4713-01-01 BC",
        "200000-01-01",
        "9999-12-31 23:59:59.999999+00",
        "4000-01-01 BC",
        "0001-01-01",
        "1969-12-31 23:59:59.9+00",
    ),
    "attributes": (
        "[]",
        '["a", {"b": 1}]',
        "7",
        '""',
        "null",
        '{"a": 1, "b": [1], "c": {"d": "e"}, "f": null, "g": "h", "": ""}',
        '{"n": 1e400, "big": 123456789012345678901234567890}',
        '{"n": 1e9999}',
        '{"deep": ' + "[" * 300 + "]" * 300 + "}",
        "[" * 1_500 + "]" * 1_500,
        json.dumps({"large": ["x" * 4_000_000]}),
        json.dumps({str(number): number for number in range(3_000)}),
    ),
    "message": ("", "\x01\x1b[31m\x7f\x9b\u2028\ufffe\uffff\U0010ffff", "\u202e=1+1", "x" * 4_000_000, "'=\r\n"),
    "severity": (-32_768, 32_767),
    "node": ("", "n" * 100_000),
    "level": ("", "l" * 100_000),
}


class Case(NamedTuple):
    """ordinary, odd: the sequences of what is stored."""

    client: FlaskClient
    store: Store
    ordinary: list[int]
    odd: list[int]

    def text(self, path: str) -> str:
        with self.client.get(path) as answer:
            text = answer.get_data(as_text=True)
            assert answer.status_code == 200, (path, text[:300])
        return text

    def json(self, path: str) -> Any:
        return json.loads(self.text(path))

    def assert_all(self, sequences: list[int]) -> None:
        """Each once."""
        assert sorted(sequences) == sorted(self.ordinary + self.odd)


@pytest.fixture(scope="module")
def store(database_url: str) -> Iterator[Store]:
    metrics = Metrics(CollectorRegistry())
    opened = Store(database_url, metrics, pool_connections=2, pool_wait_s=20, statement_timeout_s=20)
    opened.open()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def client(store: Store) -> FlaskClient:
    registry = CollectorRegistry()
    return create_app(store, Metrics(registry), lambda: registry, CONFIG).test_client()


@pytest.fixture(
    scope="module",
    params=[pytest.param({column: value}, id=f"{column}={str(value)[:20]!a}") for column in ODD for value in ODD[column]],
)
def case(database_url: str, client: FlaskClient, store: Store, request: pytest.FixtureRequest) -> Case:
    with psycopg.connect(database_url, autocommit=True) as connection:
        clear(connection)
        ordinary = plant(connection, [Planted(START_US + second * 1_000_000, "x") for second in range(ORDINARY)])
        odd = [plant_odd(connection, request.param) for _ in range(2)]
        return Case(client, store, [row.sequence for row in ordinary], odd)


def plant_odd(connection: psycopg.Connection, columns: dict[str, object]) -> int:
    """Stores a record amid the ordinary ones, as somebody would who doesn't know of the counts. Returns its sequence."""
    row = {"time": "2024-08-06T00:00:04.5Z", "severity": 9, "level": "info", "node": "api", "message": "x"}
    row |= {"attributes": None} | columns
    batch = connection.execute(
        "INSERT INTO batches (project, batch_id, digest, records, time_from, time_to, received_at)"
        " VALUES ('default', gen_random_uuid(), '', 1, %(time)s, %(time)s, now()) RETURNING number",
        row,
    ).fetchone()
    assert batch
    sequence = int(batch[0]) << 16
    connection.execute(
        "INSERT INTO logs (sequence, time, severity, level, node, message, attributes)"
        " VALUES (%(sequence)s, %(time)s, %(severity)s, %(level)s, %(node)s, %(message)s, %(attributes)s::jsonb)",
        row | {"sequence": sequence},
    )
    return sequence


@pytest.mark.parametrize("order", ["desc", "asc"])
@pytest.mark.parametrize("limit", [3, 100])
def test_pages_show_each_record_once(case: Case, order: str, limit: int) -> None:
    path: str | None = f"/api/logs?order={order}&limit={limit}"
    sequences: list[int] = []
    while path and len(sequences) <= len(case.ordinary + case.odd):
        page = case.json(path)
        sequences += [int(record["sequence"]) for record in page["records"]]
        texts = [text for record in page["records"] for text in record["attributes"].values()]
        assert all(isinstance(text, str) for text in texts)
        path = f"/api/logs?limit={limit}&cursor={page['next_cursor']}" if page["next_cursor"] else None
    case.assert_all(sequences)


@pytest.mark.parametrize(
    "question", ["q=x", "q=-y", "level=info", "node=api", "end=now", "attr.g=h", "-attr.g=h", "regex=x"]
)
def test_searches_show_the_ordinary_records(case: Case, question: str) -> None:
    for order in ("desc", "asc"):
        sequences = [int(record["sequence"]) for record in case.json(f"/api/logs?{question}&order={order}")["records"]]
        assert question == "attr.g=h" or set(sequences) >= set(case.ordinary)


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_a_search_in_slices_finds_each_record_once(case: Case, order: Order) -> None:
    metrics = Metrics(CollectorRegistry())
    search = Search(
        case.store,
        metrics,
        limits=replace(SearchLimits.from_config(CONFIG), budget_s=60.0, steps=Steps(2, 2)),
        answer_limiter=AnswerLimiter(metrics, AnswerLimits.from_config(CONFIG)),
    )
    filter_ = Filter(not_attributes=(("no", "such"),))
    result = search.find(filter_, order, None, 4)
    sequences = [row[0] for row in result.records]
    while result.position and len(sequences) <= len(case.ordinary + case.odd):
        result = search.find(filter_, order, result.position, 4)
        sequences += [row[0] for row in result.records]
    case.assert_all(sequences)


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_an_export_has_each_record_once(case: Case, order: str) -> None:
    lines = case.text(f"/api/logs/export?format=ndjson&order={order}").splitlines()
    case.assert_all([int(json.loads(line)["sequence"]) for line in lines[:-1]])
    table = io.StringIO(case.text(f"/api/logs/export?format=csv&order={order}"), newline="")
    csv.field_size_limit(2**30)
    case.assert_all([int(row["sequence"]) for row in csv.DictReader(table)])


def test_the_seeds_route_has_each_record_once(case: Case) -> None:
    case.assert_all([int(record["sequence_number"]) for record in case.json("/historical-logs?limit=100")])


@pytest.mark.parametrize("question", ["", "q=x"])
def test_aggregates_count_the_ordinary_records(case: Case, question: str) -> None:
    assert case.json(f"/api/logs/histogram?{question}")["total"] >= ORDINARY
    assert case.json(f"/api/logs/facets?{question}")["levels"]["total"] >= ORDINARY
    assert case.json("/api/stats")["rows"] == ORDINARY


@pytest.mark.parametrize("scope", ["all", "node"])
def test_context_of_every_record(case: Case, scope: str) -> None:
    """Of an ordinary one with all others of its node around it, unless large ones leave no room: then it says so."""
    for sequence in case.odd:
        assert case.json(f"/api/logs/{sequence}/context?scope={scope}")["record"]["sequence"] == str(sequence)
    around = case.json(f"/api/logs/{case.ordinary[4]}/context?scope={scope}")
    shown = {int(record["sequence"]) for record in [*around["before"], *around["after"]]}
    assert shown >= set(case.ordinary) - {case.ordinary[4]} or not all(around["complete"].values())
