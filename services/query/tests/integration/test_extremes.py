"""Times, sequences and cursors at the ends of what can be written: an answer or a 400, never a failure."""

import base64
import itertools
import json
import struct
import time
from collections.abc import Iterator

import psycopg
import pytest
from flask.testing import FlaskClient
from harness.planting import Planted, clear, plant
from logstream_query.app import create_app
from logstream_query.config import Config
from logstream_query.metrics import Metrics
from logstream_query.questions.cursors import MAX_SEQUENCE, Cursor, Position
from logstream_query.questions.moments import MAX_US
from logstream_query.store import Store
from prometheus_client import CollectorRegistry

FILTERED = ("/api/logs", "/api/logs/histogram", "/api/logs/facets", "/api/logs/export")
TIMES = (
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00%2B23:59",
    "1969-12-31T23:59:59.999999Z",
    "1970-01-01T00:00:00Z",
    "1970-01-01T00:00:00%2B00:01",
    "2024-08-06",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-23:59",
    "9999-12-31T24:00:00Z",
    "10000-01-01T00:00:00Z",
    "99999999999999",
    "99999999999.999999999",
    "100000000000",
    "253402300799",
    "253402300799.999999",
    "0",
    "-999999999w",
    "now",
)
OTHERS = (
    "",
    "&q=x",
    "&level=info",
    "&regex=x",
    "&sequence=0,9223372036854775807",
    "&order=asc",
    "&bucket=3650d",
    "&bucket=1s",
)
CURSORS = [
    Cursor(
        order=order, requested_at_us=requested_at_us, position=Position(time_us, sequence), records_sent=records_sent
    ).encode()
    for order in ("desc", "asc")
    for requested_at_us in (0, MAX_US)
    for time_us in (-(2**63) + 1, -1, 0, MAX_US, MAX_US + 1, 2**63 - 1)
    for sequence in (0, MAX_SEQUENCE)
    for records_sent in (0, 2**52)
]
NO_CURSORS = [
    base64.urlsafe_b64encode(struct.pack(">BBqqqq", *fields)).rstrip(b"=").decode()
    for fields in [
        (2, 0, 0, 0, 0, 2**63 - 1),
        (2, 0, MAX_US + 1, 0, 0, 0),
        (2, 0, -1, 0, 0, 0),
        (2, 0, 0, 0, -1, 0),
        (2, 0, 2**63 - 1, 0, 0, 0),
        (2, 2, 0, 0, 0, 0),
        (9, 0, 0, 0, 0, 0),
    ]
]


@pytest.fixture(scope="module")
def client(database_url: str) -> Iterator[FlaskClient]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        clear(connection)
        plant(connection, [Planted(1_722_902_400_000_000 + second * 1_000_000, "x") for second in range(9)])
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    store = Store(database_url, metrics, pool_connections=2, pool_wait_s=20, statement_timeout_s=20)
    store.open()
    yield create_app(store, metrics, lambda: registry, Config(database_url="postgresql://")).test_client()
    store.close()


def assert_fine(client: FlaskClient, path: str) -> int:
    status, text = ask(client, path)
    assert status in (200, 400), (path, status, text[:300])
    return status


def ask(client: FlaskClient, path: str) -> tuple[int, str]:
    with client.get(path) as answer:
        return answer.status_code, answer.get_data(as_text=True)


@pytest.mark.parametrize("route", FILTERED)
def test_times(client: FlaskClient, route: str) -> None:
    answered = 0
    for moment, other in itertools.product(TIMES, OTHERS):
        for bounds in (f"start={moment}", f"end={moment}"):
            answered += assert_fine(client, f"{route}?{bounds}{other}") == 200
    for start, end in itertools.product(TIMES, TIMES):
        answered += assert_fine(client, f"{route}?start={start}&end={end}") == 200
    assert answered > 100


def test_times_of_the_seeds_route(client: FlaskClient) -> None:
    for start, end in itertools.product(("", *TIMES), repeat=2):
        assert_fine(client, f"/historical-logs?startTime={start}&endTime={end}")


@pytest.mark.parametrize("route", ["/api/logs", "/api/logs/export"])
def test_cursors(client: FlaskClient, route: str) -> None:
    for cursor, other in itertools.product(CURSORS, ("", "&q=x", "&level=info", "&start=-15m", "&end=now", "&regex=x")):
        assert ask(client, f"{route}?cursor={cursor}{other}")[0] == 200, (cursor, other)
    for cursor in NO_CURSORS:
        assert ask(client, f"{route}?cursor={cursor}")[0] == 400, cursor


@pytest.mark.parametrize("sequence", ["0", "65536", "9223372036854775807", "9223372036854775808", "9" * 19, "9" * 400])
def test_sequences(client: FlaskClient, sequence: str) -> None:
    assert client.get(f"/api/logs/{sequence}/context").status_code in (200, 400, 404)
    for path in (f"/api/logs?sequence={sequence}", f"/historical-logs?sequence_number={sequence}"):
        assert_fine(client, path)


@pytest.mark.parametrize(
    "query", ["a&" * 4_000, "limit=x&" * 900, "%01" * 2_700, "&".join(f"p{n}=%F0%9F%9A%80" for n in range(400))]
)
def test_an_error_is_not_much_larger_than_what_was_asked(client: FlaskClient, query: str) -> None:
    for route in (*FILTERED, "/api/stats"):
        answer = client.get(f"{route}?{query}")
        assert answer.status_code == 400
        assert len(answer.data) < len(query) + 4_096
        assert len(json.loads(answer.data)["problems"]) <= 10


def test_statistics_list_the_most_frequent_levels(client: FlaskClient, database_url: str) -> None:
    five_minutes_ago_us = (time.time_ns() // 60_000_000_000 - 5) * 60_000_000
    levels = [f"level-{number}" for number in range(90)] + ["level-7"]
    with psycopg.connect(database_url, autocommit=True) as connection:
        plant(connection, [Planted(five_minutes_ago_us, "x", level=level) for level in levels])
    hour = json.loads(ask(client, "/api/stats")[1])["rates"]["hour"]
    assert (len(hour["levels"]), hour["other_levels"], hour["records"]) == (50, 40, 91)
    assert next(iter(hour["levels"].items())) == ("level-7", 2)
