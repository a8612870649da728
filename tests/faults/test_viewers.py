"""What viewers see of faults: Redis away is announced and costs only the first screen and resuming; a stream replica
that dies leaves no hole for a viewer who resumes."""

import signal
from collections import Counter
from collections.abc import Callable

from harness.ledger import Ledger
from harness.load import Load
from harness.senders import Sender
from harness.sse import Viewer
from harness.stack import Stack
from harness.verdict import Verdict

Demand = Callable[[], Verdict]


def recent(viewer: Viewer) -> str:
    """What the last `status` event said about the recent records; empty before the first."""
    return next((str(event.json()["recent"]) for event in reversed(viewer.named("status"))), "")


def shows(viewer: Viewer, ledger: Ledger) -> bool:
    return {record["message"] for record in viewer.records(*ledger.nodes)} >= ledger.accepted


def test_live_goes_on_without_redis(stack: Stack, ledger: Ledger, demand: Demand) -> None:
    sender = Sender(stack.gateway, ledger, "sender")
    with Viewer(f"{stack.page_url}/stream") as viewer:
        sender.push(sender.batch(10))
        viewer.wait("the records from before", lambda seen: shows(seen, ledger))
        stack.stop("redis")
        viewer.wait("a status event: no recent records", lambda seen: recent(seen) == "down")
        for _ in range(20):
            sender.push(sender.batch(10))
        viewer.wait("the records without Redis", lambda seen: shows(seen, ledger))
        stack.start("redis")
        viewer.wait("a status event: recent records again", lambda seen: recent(seen) == "up")
        sender.push(sender.batch(10))
        viewer.wait("the records after Redis came back", lambda seen: shows(seen, ledger))
        shown = Counter(record["message"] for record in viewer.records(*ledger.nodes))
    sender.close()
    assert {message: count for message, count in shown.items() if count > 1} == {}
    demand()


def test_a_new_viewer_without_redis_is_told(stack: Stack, ledger: Ledger) -> None:
    stack.stop("redis")
    with Viewer(f"{stack.page_url}/stream") as viewer:
        viewer.wait("a status event: no recent records", lambda seen: recent(seen) == "down")
        sender = Sender(stack.gateway, ledger, "sender")
        sender.push(sender.batch(10))
        sender.close()
        viewer.wait("live records", lambda seen: shows(seen, ledger))
    stack.start("redis")
    with Viewer(f"{stack.page_url}/stream") as viewer:
        viewer.wait("a status event: recent records again", lambda seen: recent(seen) == "up")


def test_who_resumes_after_redis_forgot_is_told_of_the_gap(stack: Stack, ledger: Ledger) -> None:
    sender = Sender(stack.gateway, ledger, "sender")
    with Viewer(f"{stack.page_url}/stream") as viewer:
        sender.push(sender.batch(10))
        viewer.wait("records with an id", lambda seen: shows(seen, ledger) and seen.last_id() is not None)
        place = viewer.last_id()
    stack.stop("redis")
    stack.start("redis")
    sender.push(sender.batch(10))
    sender.close()
    with Viewer(f"{stack.page_url}/stream", last_event_id=place) as viewer:
        viewer.wait("a gap event", lambda seen: bool(seen.named("gap")))
        gap = viewer.named("gap")[0].json()
    assert gap["from"] <= gap["to"]
    assert gap["reason"]


def test_a_viewer_resumes_without_a_hole_after_its_stream_replica_died(
    stack: Stack, ledger: Ledger, seed: int, demand: Demand
) -> None:
    load = Load(stack.gateway, ledger, seed)
    with Viewer(f"{stack.page_url}/stream") as before:
        before.wait("the head of the stream", lambda seen: seen.parser.retry_ms is not None)
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
        with Viewer(f"{stack.page_url}/stream", last_event_id=before.last_id()) as after:
            demand()
            seen = before.records(*ledger.nodes)
            after.wait(
                "the rest of the records",
                lambda viewer: {r["message"] for r in seen + viewer.records(*ledger.nodes)} >= ledger.accepted,
            )
            shown = Counter(record["message"] for record in seen + after.records(*ledger.nodes))
            gaps = after.named("gap")
    assert not gaps, f"told of a gap: {gaps[0]}"
    assert not ledger.accepted - shown.keys()
    assert {message: count for message, count in shown.items() if count > 1} == {}
