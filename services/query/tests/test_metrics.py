"""What the query service can count is there from the start."""

from typing import cast

from logstream_query.app import create_app
from logstream_query.config import Config
from logstream_query.metrics import UNAVAILABLE, Metrics
from logstream_query.store import Store
from logstream_query.unavailable import Unavailable
from prometheus_client import CollectorRegistry


def test_every_reason_is_declared() -> None:
    kinds = [found for kind in Unavailable.__subclasses__() for found in (kind, *kind.__subclasses__())]
    assert sorted(kind.reason for kind in kinds) == sorted(UNAVAILABLE)


def test_counters_begin_at_0() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    app = create_app(cast(Store, None), metrics, lambda: registry, Config(database_url="postgresql://"))
    for reason in UNAVAILABLE:
        assert registry.get_sample_value("logstream_query_unavailable_requests_total", {"reason": reason}) == 0
    for route in ("/api/logs", "/historical-logs", "/api/logs/export"):
        assert route in {rule.rule for rule in app.url_map.iter_rules()}
        failed = {"route": route, "method": "GET", "status": "500"}
        assert registry.get_sample_value("logstream_query_requests_total", failed) == 0
