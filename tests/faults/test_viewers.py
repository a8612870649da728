"""What viewers see of faults: nothing is missing and nothing is shown twice, or they are told."""

import random
import signal
import time
from collections.abc import Callable, Iterator

import pytest
from harness.ledger import Ledger
from harness.load import Load
from harness.senders import Sender
from harness.sse import Viewer, open_viewer
from harness.stack import Stack
from harness.verdict import Verdict, demand_shown_once

Demand = Callable[[], Verdict]
KILLS = 3


@pytest.fixture
def sender(stack: Stack, ledger: Ledger) -> Iterator[Sender]:
    made = Sender(stack.gateway, ledger, "sender")
    yield made
    made.close()


def last_status(viewer: Viewer) -> dict[str, str]:
    """What the last `status` event said; empty before the first."""
    told = viewer.named("status")
    status: dict[str, str] = told[-1].json() if told else {}
    return status


def test_live_goes_on_without_redis(stack: Stack, ledger: Ledger, sender: Sender, demand: Demand) -> None:
    with open_viewer(stack.page_url) as viewer:
        sender.push(sender.batch(10))
        viewer.wait_shown(ledger.accepted, *ledger.nodes)
        stack.stop("redis")
        viewer.wait("status: no recent records", lambda seen: last_status(seen).get("recent") == "down")
        for _ in range(20):
            sender.push(sender.batch(10))
        viewer.wait_shown(ledger.accepted, *ledger.nodes)
        stack.start("redis")
        viewer.wait("status: recent records again", lambda seen: last_status(seen).get("recent") == "up")
        sender.push(sender.batch(10))
        viewer.wait_shown(ledger.accepted, *ledger.nodes)
        demand()
        demand_shown_once(viewer.records(*ledger.nodes), ledger)


def test_a_new_viewer_without_redis_has_no_first_screen_and_is_told(stack: Stack, ledger: Ledger, sender: Sender) -> None:
    sender.push(sender.batch(10))
    stack.stop("redis")
    with open_viewer(stack.page_url) as viewer:
        viewer.wait("status: no recent records", lambda seen: last_status(seen).get("recent") == "down")
        before = ledger.accepted
        sender.push(sender.batch(10))
        viewer.wait_shown(ledger.accepted - before, *ledger.nodes)
    stack.start("redis")
    with open_viewer(stack.page_url) as viewer:
        # Which record is the first in the window is a matter of moments.
        viewer.wait("a numbered record again", lambda seen: _numbered(seen, sender))
    with open_viewer(stack.page_url) as viewer:
        viewer.wait("a first screen again", lambda seen: bool(seen.records(*ledger.nodes)))
        assert not viewer.named("status"), "nothing is down, so there is nothing to tell"


def _numbered(viewer: Viewer, sender: Sender) -> bool:
    """Whether a record with a place to resume from was shown; sends another one for the next time."""
    sender.push(sender.batch(1))
    return any(event.id for event in viewer.named("logs"))


def test_who_resumes_after_redis_forgot_is_told_of_the_gap(stack: Stack, ledger: Ledger, sender: Sender) -> None:
    with open_viewer(stack.page_url) as viewer:
        sender.push(sender.batch(10))
        viewer.wait_shown(ledger.accepted, *ledger.nodes)
        viewer.wait("a place to resume from", lambda seen: seen.last_id() is not None)
        place = viewer.last_id()
    stack.stop("redis")
    stack.start("redis")
    sender.push(sender.batch(10))
    with open_viewer(stack.page_url, place) as viewer:
        viewer.wait("a gap event", lambda seen: bool(seen.named("gap")))
        gap = viewer.named("gap")[0].json()
    assert gap["from"] <= gap["to"]
    assert gap["reason"]


def test_a_viewer_resumes_without_a_hole_after_its_stream_replica_died(
    stack: Stack, ledger: Ledger, seed: int, demand: Demand
) -> None:
    load = Load(stack.gateway, ledger, seed)
    with open_viewer(stack.page_url) as before:
        load.start()
        try:
            load.wait_accepted("before the kill")
            before.wait("a place to resume from", lambda seen: bool(seen.records(*ledger.nodes)))
            stack.kill("stream", signal.SIGKILL)
            assert before.ended.wait(60), "the killed replica's viewer is still connected"
            stack.wait_ready("stream")
            load.wait_accepted("after the kill")
        finally:
            load.finish()
        with open_viewer(stack.page_url, before.last_id()) as after:
            demand()
            seen = before.records(*ledger.nodes)
            after.wait_shown(ledger.accepted - {record["message"] for record in seen}, *ledger.nodes)
            assert not after.named("gap"), f"told of a gap: {after.named('gap')[0]}"
            demand_shown_once(seen + after.records(*ledger.nodes), ledger)


def test_a_viewer_sees_each_record_once_though_writers_die(
    stack: Stack, ledger: Ledger, seed: int, demand: Demand, chance: random.Random
) -> None:
    load = Load(stack.gateway, ledger, seed)
    with open_viewer(stack.page_url) as viewer:
        load.start()
        try:
            for _ in range(KILLS):
                load.wait_accepted("before the kill")
                time.sleep(chance.uniform(0, 0.3))  # so that kills fall into all parts of a flush
                stack.kill("writer", signal.SIGKILL)
                stack.wait_ready("writer")
        finally:
            load.finish()
        demand()
        viewer.wait_shown(ledger.accepted, *ledger.nodes)
        assert not viewer.named("dropped")
        assert not viewer.named("gap")
        demand_shown_once(viewer.records(*ledger.nodes), ledger)


def test_a_viewer_sees_each_record_once_though_the_broker_restarts(
    stack: Stack, ledger: Ledger, seed: int, demand: Demand
) -> None:
    load = Load(stack.gateway, ledger, seed)
    with open_viewer(stack.page_url) as viewer:
        load.start()
        try:
            load.wait_accepted("before the restart")
            stack.stop("rabbitmq")
            viewer.wait("status: no live records", lambda seen: last_status(seen).get("broker") == "down")
            stack.start("rabbitmq")
            viewer.wait("status: live records again", lambda seen: last_status(seen).get("broker") == "up")
            load.wait_accepted("after the restart")
        finally:
            load.finish()
        demand()
        viewer.wait_shown(ledger.accepted, *ledger.nodes)
        demand_shown_once(viewer.records(*ledger.nodes), ledger)
