"""The chart's pods, as it renders them, on a Docker engine: restricted as they are, they start in any order, take a log,
show it and end within their grace period. LOGSTREAM_CHART_IMAGES_TAG is the tag of our images on the engine.
"""

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.history import walk
from harness.ledger import Ledger
from harness.senders import Sender
from harness.sse import open_viewer
from harness.waiting import wait_for

from chart.pods import Pods, manifests_of

ROOT = Path(__file__).parents[2]
TAG = "LOGSTREAM_CHART_IMAGES_TAG"
# Folders in which a RabbitMQ image other than the official one writes.
WRITTEN = "LOGSTREAM_CHART_RABBITMQ_WRITES"
SERVICES = ("gateway", "writer", "query", "stream", "dashboard")
# The whole system on a busy machine, the database's files made anew.
START_S = 240

pytestmark = [
    pytest.mark.skipif(TAG not in os.environ, reason=f"{TAG} is not set: no engine with images of ours"),
    pytest.mark.timeout(START_S + 120),
]


def values() -> dict[str, Any]:
    servers = {
        server: {"runAsUser": int(user)}
        for server in ("timescaledb", "rabbitmq", "redis")
        # Who the servers' users are in images other than the official ones.
        if (user := os.environ.get(f"LOGSTREAM_CHART_{server.upper()}_USER"))
    }
    # The engine's own name server.
    return {"images": {"tag": os.environ[TAG]}, "dashboard": {"resolver": "127.0.0.11"}, **servers}


@pytest.fixture(scope="module")
def pods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pods]:
    folder = tmp_path_factory.mktemp("files")
    # Files belong to the group of the pod, whose user has to get there.
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)
    command = [str(ROOT / "helm/check/.venv/bin/python"), "-m", "helm_check.render"]
    done = subprocess.run(
        command, input=json.dumps(values()), cwd=ROOT / "helm/check", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rendered = done.stdout
    writable = {"rabbitmq": os.environ.get(WRITTEN, "").split()}
    running = Pods(manifests_of(rendered), f"chart-{uuid.uuid4().hex[:8]}", folder, writable)
    try:
        running.start()
        running.wait(START_S)
        yield running
    finally:
        running.close()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_log_goes_through(pods: Pods) -> None:
    gateway = pods.pods["gateway"]
    page_url = f"http://{pods.pods['dashboard'].address}:8080"
    ledger = Ledger("chart")
    sender = Sender(f"{gateway.address}:4317", ledger, "first")
    with open_viewer(page_url) as viewer:
        batch = sender.batch(20)
        sender.push(batch)
        sender.send_log()
        viewer.wait_shown(batch.messages, sender.node)
    sender.close()

    assert len(ledger.accepted) == 21
    found = wait_for(
        "the records in history", lambda: walk(page_url, {"node": sender.node}), lambda records: len(records) == 21
    )
    assert {record["message"] for record in found} == ledger.accepted


@pytest.mark.parametrize("component", SERVICES)
def test_lives(pods: Pods, component: str) -> None:
    assert pods.probe(pods.pods[component], "livenessProbe")


@pytest.mark.parametrize("component", [*SERVICES, "timescaledb", "rabbitmq", "redis"])
def test_writes_nowhere_else(pods: Pods, component: str) -> None:
    pod = pods.pods[component]
    done = subprocess.run(["docker", "exec", pod.name, "touch", "/written"], capture_output=True, text=True, check=False)
    assert "Read-only file system" in done.stderr


# Last: they are gone afterwards.
@pytest.mark.parametrize("component", ["dashboard", "stream", "query", "gateway", "writer"])
def test_ends_within_its_grace_period(pods: Pods, component: str) -> None:
    assert pods.stop(component) == 0
