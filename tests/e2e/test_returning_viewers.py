"""Viewers that are no page of ours: they come back by themselves after the stream service was away, and miss nothing."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from harness.ledger import Ledger
from harness.senders import channel, make_batch
from harness.sse import Parser
from harness.stack import Stack
from harness.waiting import GENEROUS_S, wait_for
from harness.wire import PUSH

CLIENTS = Path(__file__).parent / "sse-clients"
EVENTS = "text/event-stream"


class NodeViewer:
    """npm's eventsource in a process of its own; said: what it told so far."""

    def __init__(self, version: str, url: str) -> None:
        command = ["node", "read.js", version, url]
        self._process = subprocess.Popen(command, cwd=CLIENTS, stdout=subprocess.PIPE, text=True)
        self.said: list[dict[str, Any]] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout
        self.said.extend(map(json.loads, self._process.stdout))

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join(GENEROUS_S)

    def events(self, name: str) -> list[dict[str, Any]]:
        return [said for said in self.said if said["kind"] == "event" and said["name"] == name]

    def messages(self, node: str) -> list[str]:
        """Of the node's records, on either route."""
        told = [json.loads(event["data"]) for name in ("logs", "message") for event in self.events(name)]
        records = [record for data in told for record in (data if isinstance(data, list) else [data])]
        return [record["message"] for record in records if record["node"] == node]


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    lock = CLIENTS / "node_modules/.package-lock.json"
    if not lock.exists() or lock.stat().st_mtime < (CLIENTS / "package-lock.json").stat().st_mtime:
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=CLIENTS, check=True, timeout=240)


@pytest.fixture
def node(request: pytest.FixtureRequest) -> str:
    return Ledger("returning").node(request.node.name.removeprefix("test_")[:40])


@pytest.fixture
def log(stack: Stack, node: str) -> Iterator[Callable[..., None]]:
    with channel(stack.gateway) as opened:
        push = opened.unary_unary(PUSH)
        yield lambda *messages: push(make_batch(node, messages).raw, timeout=30)


@pytest.fixture
def watch(stack: Stack) -> Iterator[Callable[[str, str], NodeViewer]]:
    viewers = []

    def open_one(version: str, address: str) -> NodeViewer:
        viewers.append(NodeViewer(version, stack.page_url + address))
        wait_for("it to be open", lambda: any(said["kind"] == "open" for said in viewers[-1].said))
        return viewers[-1]

    yield open_one
    for viewer in viewers:
        viewer.close()


@pytest.mark.parametrize("version", ["4", "5"])
@pytest.mark.parametrize("address", ["/stream?node={node}", "/logs"])
def test_it_is_back_after_the_service_was_away_and_missed_nothing(
    stack: Stack, node: str, log: Callable[..., None], watch: Callable[[str, str], NodeViewer], version: str, address: str
) -> None:
    viewer = watch(version, address.format(node=node))
    log("before")
    wait_for("the first record", lambda: viewer.messages(node))
    try:
        stack.stop("stream")
        # What it is told instead of an error; more than once, so that what it asked with last came through that.
        wait_for("it to have asked in vain, twice", lambda: len(viewer.events("status")) >= 2)
        log(*(f"meanwhile {number}" for number in range(100)))
        stack.start("stream")
    finally:
        stack.restore()
    log("after")
    wait_for("all", lambda: "after" in viewer.messages(node))
    assert viewer.messages(node) == ["before", *(f"meanwhile {number}" for number in range(100)), "after"]
    assert not viewer.events("gap")
    assert not [said for said in viewer.said if said["kind"] == "error" and said["closed"]]


def told(answer: requests.Response) -> tuple[dict[str, Any], int | None, str | None]:
    """The only event of an answer that ended, the pause before the next try, and the event's id."""
    assert answer.headers["Content-Type"].startswith(EVENTS)
    assert answer.headers["Cache-Control"] == "no-cache"
    parser = Parser()
    [event] = parser.feed(answer.content)
    assert event.name == "status"
    found: dict[str, Any] = event.json()
    return found, parser.retry_ms, event.id


@pytest.mark.parametrize("path", ["/stream", "/logs"])
def test_who_asks_for_events_is_told_to_come_back(stack: Stack, path: str) -> None:
    url = stack.page_url + path
    place = "0af3:17:65535:1722970292513"
    try:
        stack.stop("stream")
        assert told(requests.get(url, headers={"Accept": EVENTS}, timeout=GENEROUS_S)) == (
            {"stream": "unreachable"}, 3000, None,
        )  # fmt: skip
        # Clients that forget an id with an event that has none are reminded; nothing else is given back.
        for sent, given in ((place, place), ('x"}\x7f', None), ("a b", None), ("x" * 300, None)):
            answer = requests.get(url, headers={"Accept": EVENTS, "Last-Event-ID": sent}, timeout=GENEROUS_S)
            assert told(answer) == ({"stream": "unreachable"}, 3000, given)
        assert requests.get(url, timeout=GENEROUS_S).status_code == 502
    finally:
        stack.restore()


def test_who_does_not_fit_is_told_to_come_back(stack: Stack) -> None:
    with stack.environment("stream", {"LOGSTREAM_STREAM_VIEWERS_PER_CLIENT": "1"}):
        for base in (stack.page_url, stack.admin_url("stream")):
            url = f"{base}/stream"
            with requests.get(url, stream=True, timeout=GENEROUS_S) as first:
                assert first.status_code == 200
                found, retry_ms, _ = told(requests.get(url, headers={"Accept": EVENTS}, timeout=GENEROUS_S))
                assert (found["stream"], found["reason"], retry_ms) == ("full", "client", 3000)
                assert requests.get(url, timeout=GENEROUS_S).status_code == 429
            wait_for("it to be gone", lambda: stack.metrics("stream")["logstream_stream_viewers"], lambda seen: not seen)
