"""What operators rely on: health, readiness and metrics of every service, and the page's one origin."""

from typing import Any

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from harness.history import get
from harness.metrics import read_metrics
from harness.senders import channel
from harness.services import SERVICES, Service
from harness.stack import Stack

PROBED = [service for service in SERVICES if service.metrics_prefix]
each_service = pytest.mark.parametrize("service", PROBED, ids=lambda service: service.name)


@each_service
@pytest.mark.parametrize("probe", ["livez", "readyz"])
def test_a_service_that_runs_is_alive_and_ready(stack: Stack, service: Service, probe: str) -> None:
    answer = get(f"{stack.admin_url(service.name)}/{probe}")
    assert (answer.status_code, answer.text.strip()) == (200, "ok")


@each_service
def test_a_service_tells_its_metrics(stack: Stack, service: Service) -> None:
    found = read_metrics(f"{stack.admin_url(service.name)}/metrics")
    own = [name for name in found if name.startswith(f"{service.metrics_prefix}_")]
    assert own, f"no metric named {service.metrics_prefix}_*; found {sorted(found)[:20]}"


@pytest.mark.parametrize("name", ["", "LoggerService.Logger", "logstream.v1.LogIngest"])
def test_the_gateway_answers_grpc_health_checks(stack: Stack, name: str) -> None:
    with channel(stack.gateway) as opened:
        stub: Any = health_pb2_grpc.HealthStub(opened)
        answer = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=30)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_the_page_is_served(stack: Stack) -> None:
    answer = get(stack.page_url)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/livez"])
def test_the_page_does_not_show_the_operators_routes(stack: Stack, path: str) -> None:
    answer = get(f"{stack.page_url}{path}")
    assert "logstream_" not in answer.text
    assert answer.text.strip() != "ok"
