"""Bad parameters of the routes that count, export or look around a record; no store is asked."""

from collections.abc import Callable
from typing import cast

import pytest
from flask.testing import FlaskClient
from logstream_query.app import create_app
from logstream_query.config import Config
from logstream_query.metrics import Metrics
from logstream_query.store import Store
from prometheus_client import CollectorRegistry

ROUTES = ["/api/logs/histogram", "/api/logs/facets", "/api/logs/1/context", "/api/logs/export", "/api/stats"]
COUNT = "a whole number from "


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def client(registry: CollectorRegistry) -> FlaskClient:
    config = Config(database_url="postgresql://", export_records=1_000)
    return create_app(cast(Store, None), Metrics(registry), lambda: registry, config).test_client()


def problems(client: FlaskClient, path: str) -> dict[str, str]:
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    return {problem["name"]: problem["expected"] for problem in answer.get_json(force=True)["problems"]}


@pytest.mark.parametrize("path", ROUTES)
def test_unknown_parameters_are_named(client: FlaskClient, path: str) -> None:
    assert list(problems(client, f"{path}?evil=1")) == ["evil"]
    assert client.head(f"{path}?evil=1").status_code == 400


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("histogram?buckets=0&start=x", {"buckets": f"{COUNT}1 to 1000", "start": ""}),
        ("histogram?buckets=1001", {"buckets": f"{COUNT}1 to 1000"}),
        ("histogram?bucket=5", {"bucket": "a width such as"}),
        (
            "histogram?bucket=1s&start=2024-01-01&end=2024-01-02",
            {"bucket": "a width that divides the time range into at most 5000 bars"},
        ),
        ("histogram?start=2024-01-02&end=2024-01-01", {"end": "a time that is not earlier than the start"}),
        ("facets?top=1001&records=5001", {"top": f"{COUNT}1 to 1000", "records": f"{COUNT}1 to 5000"}),
        ("facets?min_level=nothing", {"min_level": "a level name"}),
        ("-1/context", {"sequence": f"{COUNT}0 to 9223372036854775807"}),
        ("9223372036854775808/context?scope=x", {"sequence": f"{COUNT}0", "scope": "node"}),
        ("%D9%A1/context?before=-1&after=501", {"sequence": COUNT, "before": f"{COUNT}0 to 500", "after": COUNT}),
        ("export?format=xml&max_records=0", {"format": "ndjson", "max_records": "a whole number of at least 1"}),
        ("export?max_records=1001&cursor=x", {"max_records": f"{COUNT}1 to 1000", "cursor": "the next_cursor"}),
        ("export?max_records=1e9", {"max_records": "a whole number of at least 1"}),
    ],
)
def test_bad_parameters_are_named(client: FlaskClient, path: str, expected: dict[str, str]) -> None:
    found = problems(client, f"/api/logs/{path}")
    assert found.keys() == expected.keys()
    for name, text in expected.items():
        assert text in found[name]


def test_a_bad_sequence_is_counted_under_its_name(client: FlaskClient, registry: CollectorRegistry) -> None:
    client.get("/api/logs/x/context")
    labels = {"route": "/api/logs/<sequence>/context", "parameter": "sequence"}
    assert registry.get_sample_value("logstream_query_rejected_parameters_total", labels) == 1


def test_other_methods_are_refused(client: FlaskClient) -> None:
    send: list[Callable[[str], object]] = [client.post, client.put, client.delete]
    for path in ROUTES:
        for method in send:
            assert getattr(method(path), "status_code", None) == 405
