"""Every panel shows something and every alert has something to judge, on a running system under load; and what an alert is
for makes it fire."""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pytest
from harness import wire
from harness.dead_letters import refusing
from harness.history import get
from harness.ledger import Ledger
from harness.load import Load
from harness.senders import Sender, channel, make_batch
from harness.sse import Viewer, open_viewer
from harness.stack import Stack
from harness.waiting import wait_for

from monitoring.expressions import Expression, alert_expressions, alerts, metrics_in, panel_expressions
from monitoring.scraping import Prometheus, scraping

# Grafana takes at least four scrapes.
RATE_INTERVAL = "10s"
# Kubernetes alone has them.
ELSEWHERE = {"kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes"}
PAUSE_S = 0.2
READINGS = (
    "/api/logs?q=record&limit=5",
    "/api/logs?q=nothing-like-it&limit=5",
    "/api/logs/histogram?start=-15m",
    "/api/logs/facets?start=-15m",
    "/api/logs/export?start=-15m&format=csv",
    "/api/logs?limit=none",
    "/historical-logs?limit=3",
    "/stream?max_rate=none",
)


@pytest.fixture(scope="module")
def prometheus(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    if not stack.broker_metrics_url:
        pytest.skip("the broker's metrics are not reached from here")
    with scraping(stack, tmp_path_factory.mktemp("prometheus")) as opened:
        yield opened


@contextmanager
def reading(stack: Stack) -> Iterator[None]:
    """People who ask for history, wrongly at times, until the end of the block."""
    stopping = threading.Event()

    def read() -> None:
        while not stopping.wait(PAUSE_S):
            for path in READINGS:
                get(f"{stack.page_url}{path}")

    reader = threading.Thread(target=read, name="reader")
    reader.start()
    try:
        yield
    finally:
        stopping.set()
        reader.join()


@pytest.fixture(scope="module")
def busy(prometheus: Prometheus, stack: Stack, seed: int) -> Iterator[Prometheus]:
    """While records come in, are watched and are searched."""
    load = Load(stack.gateway, Ledger("monitoring"), seed)
    load.start()
    try:
        with open_viewer(stack.page_url), Viewer(f"{stack.page_url}/logs"), reading(stack):
            load.wait_accepted("while Prometheus scrapes")
            yield prometheus
    finally:
        load.finish()


def empty(prometheus: Prometheus, expressions: list[Expression]) -> list[str]:
    """Those that bring no series with a number."""
    missing = []
    for one in expressions:
        text = one.text.replace("$__rate_interval", RATE_INTERVAL)
        if not any(math.isfinite(value) for _, value in prometheus.query(text)):
            missing.append(f"{one.where}: {text}")
    return missing


def test_every_expression_of_every_panel_shows_something(busy: Prometheus) -> None:
    wait_for("every panel to show something", lambda: empty(busy, panel_expressions()), lambda missing: missing == [])


def test_every_metric_that_an_alert_looks_at_is_there(busy: Prometheus) -> None:
    names = {(one.where, name) for one in alert_expressions() for name in metrics_in(one.text) - ELSEWHERE}
    series = [Expression(where, f"count({name})") for where, name in sorted(names)]
    wait_for("every alert to have its metrics", lambda: empty(busy, series), lambda missing: missing == [])


def fire(prometheus: Prometheus) -> dict[str, dict[str, str]]:
    """The annotations of the alerts that fire, by name."""
    found = prometheus.ask("alerts")["alerts"]
    return {each["labels"]["alertname"]: each["annotations"] for each in found if each["state"] == "firing"}


def test_the_first_dead_letter_and_the_first_rejected_batch_fire(prometheus: Prometheus, stack: Stack) -> None:
    assert fire(prometheus).keys().isdisjoint({"LogstreamDeadLetters", "LogstreamCallsRejected"})
    ledger = Ledger("monitoring-poison")
    sender = Sender(stack.gateway, ledger, "sender")
    batch = sender.batch(1)
    with refusing(stack, batch.messages[0]):
        sender.push(batch)
        with channel(stack.gateway) as opened, pytest.raises(grpc.RpcError):
            opened.unary_unary(wire.PUSH)(make_batch("", ["without a node"]).raw, timeout=30)
        found = wait_for(
            "both alerts to fire",
            lambda: fire(prometheus),
            lambda found: found.keys() >= {"LogstreamDeadLetters", "LogstreamCallsRejected"},
        )
    sender.close()
    assert "reason refused" in found["LogstreamDeadLetters"]["description"]
    assert "exceeded the limit node" in found["LogstreamCallsRejected"]["description"]


def test_prometheus_evaluates_every_rule_without_a_complaint(prometheus: Prometheus) -> None:
    def unwell() -> list[str]:
        rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
        assert len(rules) == len(alerts())
        return [f"{rule['name']}: {rule['health']} {rule.get('lastError', '')}" for rule in rules if rule["health"] != "ok"]

    wait_for("every rule to be evaluated", unwell, lambda found: found == [])
    assert "error" not in " ".join(text for texts in fire(prometheus).values() for text in texts.values())
