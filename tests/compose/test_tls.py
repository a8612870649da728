"""The layer deploy/compose/tls.yml, on a project of its own: its ports speak TLS and nothing else, and what goes through
plain ones goes through them. The images must be there, by the tag LOGSTREAM_COMPOSE_IMAGES_TAG.
"""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from operator import eq
from pathlib import Path
from typing import Any

import grpc
import pytest
import requests
from grpc_health.v1 import health_pb2, health_pb2_grpc
from harness import wire
from harness.compose_stack import free_port
from harness.senders import make_batch
from harness.waiting import wait_for
from harness.wire import ROOT

TAG = "LOGSTREAM_COMPOSE_IMAGES_TAG"
PROJECT = "logstream-tls"
UP_S = 300
CALL_S = 15
OTHER_NAME = "logs.example.com"

pytestmark = [
    pytest.mark.skipif(TAG not in os.environ, reason=f"{TAG} is not set: no engine with images of ours"),
    pytest.mark.timeout(UP_S + 120),
]


@dataclass(frozen=True)
class Front:
    """The published ports, and the certificate that they show."""

    gateway: str
    otlp_url: str
    page_url: str
    certificate: Path


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("tls")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)  # the container's user has to get there
    ports = {name: str(free_port()) for name in ("GATEWAY_PORT", "OTLP_PORT", "PAGE_PORT")}
    environment = os.environ | ports | {"LOGSTREAM_TLS_FOLDER": str(folder), "LOGSTREAM_IMAGE_TAG": os.environ[TAG]}
    environment["LOGSTREAM_ALLOWED_HOSTS"] = OTHER_NAME

    def run(*command: str) -> None:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr[-3_000:]}"

    files = ("--file", "docker-compose.yml", "--file", "deploy/compose/tls.yml")
    compose = ("docker", "compose", "--project-name", PROJECT, *files)
    run("deploy/compose/env")
    run("deploy/compose/tls/self-signed")
    try:
        run(*compose, "up", "--detach", "--no-build", "--wait", "--wait-timeout", str(UP_S))
        yield Front(
            gateway=f"localhost:{ports['GATEWAY_PORT']}",
            otlp_url=f"https://localhost:{ports['OTLP_PORT']}",
            page_url=f"https://localhost:{ports['PAGE_PORT']}",
            certificate=folder / "certificate.pem",
        )
    finally:
        run(*compose, "down", "--volumes")


@pytest.fixture(scope="module")
def channel(front: Front) -> Iterator[Any]:
    credentials = grpc.ssl_channel_credentials(front.certificate.read_bytes())
    with grpc.secure_channel(front.gateway, credentials, [("grpc.max_send_message_length", -1)]) as opened:
        yield opened


def records_of(front: Front, node: str) -> list[dict[str, Any]]:
    answer = requests.get(
        f"{front.page_url}/api/logs", {"node": node, "start": "-5m"}, verify=str(front.certificate), timeout=CALL_S
    )
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()["records"]
    return found


def test_calls_go_through(front: Front, channel: Any) -> None:
    push = channel.unary_unary(wire.PUSH, response_deserializer=wire.compiled().PushResult.FromString)
    assert push(make_batch("tls-push", ["a", "b"]).raw, timeout=CALL_S).accepted == 2
    wait_for("the records in history", lambda: len(records_of(front, "tls-push")), lambda found: found == 2)


def test_a_stream_is_answered_while_it_is_open(channel: Any) -> None:
    """Each batch is sent when the one before has its result: neither side may be held back until the end."""
    push_stream = channel.stream_stream(wire.PUSH_STREAM, response_deserializer=wire.compiled().PushResult.FromString)
    results: list[int] = []

    def batches() -> Iterator[bytes]:
        for count in (1, 2, 3):
            wait_for("the result before", partial(len, results), partial(eq, count - 1))
            yield make_batch("tls-stream", ["x"] * count).raw

    for result in push_stream(batches(), timeout=60):
        results.append(result.accepted)  # noqa: PERF401 - batches() looks at it meanwhile
    assert results == [1, 2, 3]


def test_an_error_keeps_its_status_and_words(channel: Any) -> None:
    push = channel.unary_unary(wire.PUSH)
    # More than nginx lets a request have by default, a little more than the gateway takes: it is the gateway that says so.
    with pytest.raises(grpc.RpcError) as refused:
        push(make_batch("tls-large", ["m" * 60_000] * 71).raw, timeout=CALL_S)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "4194304" in refused.value.details()


def test_otlp_over_http_goes_through(front: Front) -> None:
    record = {"timeUnixNano": str(time.time_ns()), "body": {"stringValue": "a" * 50_000}}
    service = {"key": "service.name", "value": {"stringValue": "tls-otlp"}}
    request = {"resourceLogs": [{"resource": {"attributes": [service]}, "scopeLogs": [{"logRecords": [record] * 40}]}]}
    body = json.dumps(request).encode()
    # Of unknown length, as some SDKs send it, and larger than what nginx takes by default.
    parts = (body[start : start + 65_536] for start in range(0, len(body), 65_536))
    headers = {"Content-Type": "application/json"}
    answer = requests.post(
        f"{front.otlp_url}/v1/logs", data=parts, headers=headers, verify=str(front.certificate), timeout=CALL_S
    )
    assert (answer.status_code, answer.json()) == (200, {})
    wait_for("the records in history", lambda: len(records_of(front, "tls-otlp")), lambda found: found == 40)


def test_health_answers(channel: Any) -> None:
    answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=CALL_S)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_events_arrive_while_the_stream_is_open(front: Front, channel: Any) -> None:
    push = channel.unary_unary(wire.PUSH)
    with requests.get(
        f"{front.page_url}/stream", {"node": "tls-live"}, verify=str(front.certificate), stream=True, timeout=60
    ) as answer:
        lines = answer.iter_lines(chunk_size=1)
        next(line for line in lines if line == b"event: live")
        push(make_batch("tls-live", ["seen"]).raw, timeout=CALL_S)
        shown = next(line for line in lines if line.startswith(b"data: ") and b"tls-live" in line)
    assert [record["message"] for record in json.loads(shown.removeprefix(b"data: "))] == ["seen"]


def test_an_address_that_a_client_makes_up_is_not_believed(front: Front) -> None:
    """Else a client that names another address for each connection had no limit on its viewers."""
    viewers = []
    try:
        for number in range(101):
            headers = {"X-Forwarded-For": f"203.0.113.{number}"}
            answer = requests.get(
                f"{front.page_url}/stream", headers=headers, verify=str(front.certificate), stream=True, timeout=CALL_S
            )
            viewers.append(answer)
        assert [viewer.status_code for viewer in viewers].count(429) >= 1
    finally:
        for viewer in viewers:
            viewer.close()


@pytest.mark.parametrize(("name", "status"), [(OTHER_NAME, 200), ("evil.example", 421)])
def test_names_are_asked_for_behind_it(front: Front, name: str, status: int) -> None:
    image = f"logstream-dashboard:{os.environ[TAG]}"
    has_entry_point = ("docker", "run", "--rm", "--entrypoint", "test", image, "-x", "/docker-entrypoint.sh")
    if name == OTHER_NAME and subprocess.run(has_entry_point, check=False).returncode:
        pytest.skip("this engine's base of the page's image has an entry point of its own, which reads no names")
    for path in ("/", "/api/logs"):
        answer = requests.get(front.page_url + path, headers={"Host": name}, verify=str(front.certificate), timeout=CALL_S)
        assert answer.status_code == status


def test_plain_connections_are_refused(front: Front) -> None:
    with grpc.insecure_channel(front.gateway) as plain, pytest.raises(grpc.RpcError) as refused:
        plain.unary_unary(wire.PUSH)(make_batch("tls-plain", ["a"]).raw, timeout=CALL_S)
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    for url in (front.page_url, front.otlp_url):
        assert requests.get(url.replace("https", "http"), timeout=CALL_S).status_code == 400


def test_the_system_is_not_started_over_it(front: Front, channel: Any) -> None:
    """`make up` would take the gateway down, whose ports it could not have."""
    environment = os.environ | {"STACK": "compose", "COMPOSE_PROJECT_NAME": PROJECT}
    for command in ("up", "demo"):
        done = subprocess.run(
            ["deploy/local/choose", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert "add deploy/compose/tls.yml to COMPOSE_FILE in .env" in done.stderr
    push = channel.unary_unary(wire.PUSH, response_deserializer=wire.compiled().PushResult.FromString)
    assert push(make_batch("tls-over", ["a"]).raw, timeout=CALL_S).accepted == 1


@pytest.mark.parametrize("service", ["gateway", "page", "query", "stream", "writer", "timescaledb", "rabbitmq", "redis"])
def test_nothing_else_is_published(front: Front, service: str) -> None:
    told = subprocess.run(
        ["docker", "ps", "--filter", f"label=com.docker.compose.project={PROJECT}",
         "--filter", f"label=com.docker.compose.service={service}", "--format", "{{.Ports}}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "->" not in told.stdout
