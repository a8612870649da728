"""The example services log through the product's own clients: their records are seen live and found in history."""

from datetime import UTC, datetime
from functools import partial

from harness.history import walk
from harness.services import EXAMPLES
from harness.sse import Viewer
from harness.stack import Stack
from harness.waiting import wait_for

RECORDS = 5


def has_enough(node: str, viewer: Viewer) -> bool:
    return len(viewer.records(node)) >= RECORDS


def test_the_examples_are_seen_live_and_found_in_history(stack: Stack) -> None:
    with Viewer(f"{stack.page_url}/stream") as viewer, stack.examples():
        for node in EXAMPLES.values():
            viewer.wait(f"{RECORDS} records of {node}", partial(has_enough, node))
        shown = {record["sequence"]: record for record in viewer.records(*EXAMPLES.values())}
    found = {
        record["sequence"]: record
        for record in walk(stack.page_url, {"node": ",".join(EXAMPLES.values()), "start": "-1h", "limit": 1_000})
    }
    assert shown.items() <= found.items()
    assert {record["level"] for record in shown.values()} > {"info"}, "the examples log at several levels"


def test_an_example_that_ends_has_delivered_everything(stack: Stack) -> None:
    # Not those of an earlier run: it would be stopped before it listens to signals.
    asked: dict[str, str | int] = {"node": "orders", "start": datetime.now(UTC).isoformat(), "limit": 1_000}
    with stack.examples():
        wait_for("a record of orders", lambda: walk(stack.page_url, asked))
    wait_for(
        "the last words of orders",
        lambda: [record["message"] for record in walk(stack.page_url, asked)][:1],
        lambda newest: newest == ["orders stopped"],
    )
