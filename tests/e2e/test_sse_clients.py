"""Clients that are no browser read /stream and /logs: each yields no event without data, knows the last id at every event,
and goes on from it without a loss."""

import asyncio
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import httpx
import pytest
import requests
from aiohttp_sse_client2.client import EventSource
from harness import wire
from harness.ledger import Ledger
from harness.senders import channel, make_batch
from harness.stack import Stack
from harness.waiting import wait_for
from httpx_sse import connect_sse
from sseclient import SSEClient

CLIENT = Path(__file__).parent / "sse-clients"
# A line of it is far longer than what some clients read, were its attributes not on lines of their own.
LONG_RECORDS = 12
LONG_TEXT = "\1" * 60_000


class Seen(NamedTuple):
    name: str
    data: str
    id: str | None


Reading = Callable[[str, str], Iterator[Seen]]


def by_httpx_sse(url: str, last_id: str) -> Iterator[Seen]:
    headers = {"Last-Event-ID": last_id} if last_id else {}
    with httpx.Client(timeout=60) as client, connect_sse(client, "GET", url, headers=headers) as source:
        for event in source.iter_sse():
            yield Seen(event.event, event.data, event.id)


def by_sseclient(url: str, last_id: str) -> Iterator[Seen]:
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
    with requests.get(url, headers=headers, stream=True, timeout=60) as answer:
        for event in SSEClient(answer.iter_content(None)).events():
            yield Seen(event.event, event.data, event.id)


def by_aiohttp_sse_client2(url: str, last_id: str) -> Iterator[Seen]:
    async def open_source() -> tuple[aiohttp.ClientSession, Any]:
        session = aiohttp.ClientSession()
        headers = {"Last-Event-ID": last_id} if last_id else {}
        source = EventSource(url, session=session, headers=headers)
        await source.connect()
        return session, source

    loop = asyncio.new_event_loop()
    session, source = loop.run_until_complete(open_source())
    try:
        while True:
            event = loop.run_until_complete(asyncio.wait_for(source.__anext__(), 60))
            yield Seen(event.type or "message", event.data, event.last_event_id)
    finally:
        loop.run_until_complete(source.close())
        loop.run_until_complete(session.close())
        loop.close()


def by_npm(version: str) -> Reading:
    def read(url: str, last_id: str) -> Iterator[Seen]:
        installed = CLIENT / "node_modules/.package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < (CLIENT / "package-lock.json").stat().st_mtime:
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=CLIENT, check=True, timeout=240)
        # These two send a header only when they connect again by themselves.
        address = f"{url}&after={last_id}" if last_id else url
        with subprocess.Popen(
            ["node", "read.js", version, address], cwd=CLIENT, stdout=subprocess.PIPE, text=True
        ) as process:
            timer = threading.Timer(120, process.kill)
            timer.start()
            try:
                for line in process.stdout or ():
                    said = json.loads(line)
                    if said["kind"] == "event":
                        yield Seen(said["name"], said["data"], said["id"])
            finally:
                timer.cancel()
                process.kill()

    return read


CLIENTS = {
    "httpx-sse": by_httpx_sse,
    "sseclient-py": by_sseclient,
    "aiohttp-sse-client2": by_aiohttp_sse_client2,
    "eventsource 4": by_npm("4"),
    "eventsource 5": by_npm("5"),
}


@pytest.fixture(params=CLIENTS)
def read(request: pytest.FixtureRequest) -> Reading:
    return CLIENTS[request.param]


@pytest.fixture
def node() -> str:
    return Ledger("sse").node("viewed")


def push(stack: Stack, node: str, texts: list[str]) -> None:
    with channel(stack.gateway) as sender:
        sender.unary_unary(wire.PUSH)(make_batch(node, texts).raw, timeout=60)


def shown_up_to(reading: Iterator[Seen], last: str) -> tuple[list[str], list[Seen]]:
    """The messages of `logs` events up to the one that ends with this, and all events up to there and one more."""
    messages: list[str] = []
    events: list[Seen] = []
    for event in reading:
        events.append(event)
        assert event.data, f"an event without data: {event}"
        data = json.loads(event.data)
        if messages and messages[-1].endswith(last):
            break
        if event.name == "logs":
            messages += [record["message"] for record in data]
    return messages, events


def test_a_client_reads_remembers_and_goes_on(stack: Stack, read: Reading, node: str) -> None:
    url = f"{stack.page_url}/stream?node={node}&recent=50"
    first = [f"{number} {LONG_TEXT} first" for number in range(LONG_RECORDS)]
    push(stack, node, [*first, "the first end"])
    wait_in_window(stack, node, "the first end")
    reading = read(url, "")
    messages, events = shown_up_to(reading, "the first end")
    close(reading)
    assert messages == [*first, "the first end"]
    assert all(event.id for event in events), f"events without an id: {[event.name for event in events if not event.id]}"
    missed = [f"{number} missed" for number in range(300)]
    push(stack, node, [*missed, "the second end"])
    reading = read(url, events[-1].id or "")
    messages, events = shown_up_to(reading, "the second end")
    close(reading)
    assert messages == [*missed, "the second end"]
    assert not any(event.name == "gap" for event in events)


def test_the_seeds_route_goes_on_too(stack: Stack, node: str) -> None:
    push(stack, node, [f"{number}" for number in range(12)])
    wait_in_window(stack, node, "11")
    url = f"{stack.page_url}/logs"
    found = []
    for event in by_httpx_sse(url, ""):
        record = json.loads(event.data)
        found.append((record["node"], record["message"], event.id))
        if (record["node"], record["message"]) == (node, "11"):
            break
    assert [message for of, message, _ in found if of == node] == [f"{number}" for number in range(2, 12)]
    place = found[-1][2] or ""
    assert place
    push(stack, node, ["after it"])
    following = next(json.loads(event.data) for event in by_httpx_sse(url, place))
    assert (following["node"], following["message"]) == (node, "after it")


def wait_in_window(stack: Stack, node: str, message: str) -> None:
    def messages() -> list[str]:
        url = f"{stack.page_url}/stream?node={node}&recent=1"
        with httpx.Client(timeout=60) as client, connect_sse(client, "GET", url) as source:
            event = next(source.iter_sse())
            return [record["message"] for record in json.loads(event.data)] if event.event == "logs" else []

    wait_for(f"{message!r} in the window", messages, lambda seen: message in seen)


def close(reading: Iterator[Seen]) -> None:
    getattr(reading, "close", lambda: None)()
