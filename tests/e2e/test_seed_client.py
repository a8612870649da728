"""The seed's own kind of client, grpc-js with the seed's proto, and the seed's two HTTP routes."""

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from harness.history import historical, walk
from harness.ledger import Ledger
from harness.sse import Viewer
from harness.stack import Stack
from harness.waiting import wait_for
from harness.wire import ROOT

CLIENT = Path(__file__).parent / "seed-client"
SEED_SHAPE = {"sequence_number", "timestamp", "node", "level", "message"}
OLD = "2024-08-06 18:51:32:5132"
OLD_UNIX_NANO = "1722970292513000000"

SendLogs = Callable[[list[dict[str, str]]], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def send_logs(stack: Stack) -> SendLogs:
    """Sends LogRequests through the Node client; the answers are {success} or {code, details}."""
    installed = CLIENT / "node_modules/.package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (CLIENT / "package-lock.json").stat().st_mtime:
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=CLIENT, check=True, timeout=240)

    def send(requests: list[dict[str, str]]) -> list[dict[str, Any]]:
        command = ["node", "send.js", stack.gateway, str(ROOT / "proto/logger.proto")]
        done = subprocess.run(
            command, cwd=CLIENT, input=json.dumps(requests), capture_output=True, text=True, timeout=120, check=True
        )
        answers: list[dict[str, Any]] = json.loads(done.stdout)
        return answers

    return send


def request(node: str, message: str, timestamp: str = OLD, level: str = "info") -> dict[str, str]:
    return {"node": node, "timestamp": timestamp, "level": level, "message": message}


def in_history(stack: Stack, message: str, **params: str) -> dict[str, Any]:
    """The one record with this message, once /historical-logs has it."""
    found = wait_for(f"{message!r} in /historical-logs", lambda: historical(stack.page_url, {"message": message, **params}))
    assert len(found) == 1, f"one record was sent, found {found}"
    return found[0]


def test_a_record_comes_back_in_the_seeds_shape(stack: Stack, send_logs: SendLogs) -> None:
    node = Ledger("seed").node("payments")
    with Viewer(f"{stack.page_url}/logs") as viewer:
        before = datetime.now(UTC)
        assert send_logs([request(node, f"{node} says hello", level="warn")]) == [{"success": True}]
        record = in_history(stack, f"{node} says hello")
        viewer.wait(f"{node} in /logs", lambda seen: any(event.json()["node"] == node for event in seen.events))
        shown = [event for event in viewer.events if event.json()["node"] == node]
    assert record.keys() == SEED_SHAPE
    assert (record["node"], record["level"], record["message"]) == (node, "warn", f"{node} says hello")
    assert record["sequence_number"].isdigit()
    # Older than the retention: kept under the time it was received, its own time in an attribute.
    moment = datetime.fromisoformat(record["timestamp"])
    assert before - timedelta(seconds=1) <= moment <= datetime.now(UTC) + timedelta(seconds=1)
    assert [event.name for event in shown] == ["message"]
    assert shown[0].json() == record
    [native] = walk(stack.page_url, {"node": node})
    assert OLD_UNIX_NANO in native["attributes"].values(), f"where is {OLD}? {native}"


def test_a_current_time_in_the_seeds_form_is_kept(stack: Stack, send_logs: SendLogs) -> None:
    node = Ledger("seed-now").node("clock")
    moment = (datetime.now(UTC) - timedelta(minutes=5)).replace(microsecond=513_000)
    assert send_logs([request(node, f"{node} now", f"{moment:%Y-%m-%d %H:%M:%S}:5132")]) == [{"success": True}]
    record = in_history(stack, f"{node} now")
    assert record["timestamp"] == f"{moment:%Y-%m-%dT%H:%M:%S}.513Z"


def test_a_time_nobody_can_read_keeps_the_record(stack: Stack, send_logs: SendLogs) -> None:
    node = Ledger("seed-odd").node("clock")
    assert send_logs([request(node, f"{node} late", "half past never")]) == [{"success": True}]
    in_history(stack, f"{node} late")
    [native] = walk(stack.page_url, {"node": node})
    assert "half past never" in native["attributes"].values()


def test_the_parameters_of_historical_logs(stack: Stack, send_logs: SendLogs) -> None:
    node = Ledger("seed-params").node("shop")
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    sent = [
        request(node, f"{node} Order {i:02d}", f"{start + timedelta(seconds=i):%Y-%m-%d %H:%M:%S}:0000", level)
        for i, level in enumerate(["error", "warn", "info", "http", "debug"] * 4)
    ]
    assert send_logs(sent) == [{"success": True}] * 20
    wait_for(
        "all 20 records", lambda: historical(stack.page_url, {"message": node, "limit": "100"}), lambda seen: len(seen) == 20
    )

    def numbers(**params: str) -> list[int]:
        return [int(record["message"][-2:]) for record in historical(stack.page_url, {"message": node, **params})]

    assert numbers() == list(range(19, 9, -1)), "newest first, 10 unless told"
    assert numbers(limit="3") == [19, 18, 17]
    assert numbers(level="ERR") == [15, 10, 5, 0], "level is a case-insensitive substring"
    assert numbers(message=f"{node} oRDER 07") == [7], "message is a case-insensitive substring"
    fifth, tenth = ((start + timedelta(seconds=i)).isoformat().replace("+00:00", "Z") for i in (5, 10))
    assert numbers(startTime=fifth, endTime=tenth, limit="100")[-1] == 5
    assert set(range(5, 10)) <= set(numbers(startTime=fifth, endTime=tenth)) <= set(range(5, 11))
    empty = {"sequence_number": "", "startTime": "", "endTime": "", "level": "", "limit": ""}
    assert numbers(**empty) == numbers()
    last = historical(stack.page_url, {"message": node, "limit": "4"})[-1]
    assert numbers(sequence_number=last["sequence_number"], limit="3") == [15, 14, 13], "continues after the named record"


def test_logs_starts_with_the_latest_ten_oldest_first(stack: Stack, send_logs: SendLogs) -> None:
    node = Ledger("seed-ten").node("shop")
    for i in range(12):
        assert send_logs([request(node, f"{node} {i:02d}")]) == [{"success": True}]
    in_history(stack, f"{node} 11")

    def first_ten() -> list[str]:
        with Viewer(f"{stack.page_url}/logs") as viewer:
            viewer.wait("ten records", lambda seen: len(seen.events) >= 10)
            return [event.json()["message"] for event in viewer.events[:10]]

    wait_for("the latest ten in /logs", first_ten, lambda seen: seen == [f"{node} {i:02d}" for i in range(2, 12)])
