"""A record that the database refused is replayed once it takes it: it is there once, records and counts agree, and its batch
is known when its sender repeats it. The writer goes on meanwhile."""

from typing import Any

from harness.dead_letters import refusing, run_command
from harness.history import get, walk
from harness.ledger import Ledger
from harness.senders import Sender
from harness.sse import open_viewer
from harness.stack import Stack
from harness.verdict import count_stored, judge
from harness.waiting import wait_for

BATCHES, BATCH_RECORDS = 5, 40
RECORDS = BATCHES * BATCH_RECORDS
PLACE = BATCH_RECORDS // 2


def counted(stack: Stack, node: str) -> dict[str, Any]:
    answer = get(f"{stack.page_url}/api/logs/facets", {"node": node})
    assert answer.status_code == 200, answer.text[:500]
    found: dict[str, Any] = answer.json()["nodes"]
    return found


def test_a_replayed_record_is_stored_once(stack: Stack, ledger: Ledger) -> None:
    sender = Sender(stack.gateway, ledger, "sender")
    batches = [sender.batch(BATCH_RECORDS) for _ in range(BATCHES)]
    poisoned = batches[BATCHES // 2]
    poison = poisoned.messages[PLACE]
    with refusing(stack, poison):
        for batch in batches:
            sender.push(batch)
        wait_for(
            "every other record",
            lambda: count_stored(stack.database_url, ledger.nodes),
            lambda stored: stored >= RECORDS - 1,
        )
        _, listed = run_command(stack.database_url, "list", "--reason", "refused", "--since", "1h")
        (letter,) = [one for one in listed if one["nodes"] == ledger.nodes]
        status, (outcome,) = run_command(stack.database_url, "replay", str(letter["id"]))
        assert (status, outcome["outcome"]) == (1, "stays"), outcome
        assert "23514" in outcome["why"], "PostgreSQL's own reason: a check violation"
    assert judge(stack.database_url, ledger).lost == [poison]

    with open_viewer(stack.page_url) as viewer:
        status, (outcome,) = run_command(stack.database_url, "replay", str(letter["id"]))
        assert (status, outcome["outcome"], outcome["records"]) == (0, "replayed", 1), outcome
        last = sender.batch(1)
        sender.push(last)
        viewer.wait_shown(last.messages, *ledger.nodes)
        shown = {record["message"] for record in viewer.records(*ledger.nodes)}
    assert poison not in shown, "what is replayed is history"

    records = walk(stack.page_url, {"node": sender.node, "limit": 100})
    assert len(records) == RECORDS + 1
    places = {record["message"]: int(record["sequence"]) for record in records}
    assert places[poison] == places[poisoned.messages[0]] + PLACE
    assert str(places[poison]) == letter["sequence"]
    (found,) = walk(stack.page_url, {"node": sender.node, "q": f'"{poison}"'})
    assert found["message"] == poison
    # And by its sequence, which is looked for within the times of its batch.
    context = get(f"{stack.page_url}/api/logs/{places[poison]}/context")
    assert (context.status_code, context.json()["record"]["message"]) == (200, poison)

    sender.push(poisoned)
    sender.close()
    wait_for("the write queue to be empty", stack.unsettled, lambda left: left == 0)
    judge(stack.database_url, ledger).demand()
    assert counted(stack, sender.node)["total"] == count_stored(stack.database_url, ledger.nodes) == RECORDS + 1
    assert run_command(stack.database_url, "show", str(letter["id"])) == (1, [])
