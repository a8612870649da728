"""A record that the database refuses is kept aside with its reason, and harms no other. PostgreSQL is made to refuse it by a
constraint that only this test knows."""

import psycopg
from harness.dead_letters import refusing
from harness.ledger import Ledger
from harness.senders import Sender
from harness.sse import open_viewer
from harness.stack import Stack
from harness.verdict import judge, read_stored
from harness.waiting import wait_for

BATCHES, BATCH_RECORDS = 5, 40


def test_a_refused_record_is_kept_aside_and_the_rest_is_stored(stack: Stack, ledger: Ledger) -> None:
    sender = Sender(stack.gateway, ledger, "sender")
    batches = [sender.batch(BATCH_RECORDS) for _ in range(BATCHES)]
    poison = batches[BATCHES // 2].messages[BATCH_RECORDS // 2]
    with open_viewer(stack.page_url) as viewer, refusing(stack, poison):
        for batch in batches:
            sender.push(batch)
        sender.close()
        good = ledger.accepted - {poison}
        wait_for(
            "every other record",
            lambda: len(read_stored(stack.database_url, ledger.nodes)),
            lambda stored: stored >= len(good),
        )
        viewer.wait_shown(good, *ledger.nodes)
        wait_for("the write queue to be empty", stack.unsettled, lambda left: left == 0)
        shown = [record["message"] for record in viewer.records(*ledger.nodes)]
    verdict = judge(stack.database_url, ledger)
    assert verdict.lost == [poison]
    assert verdict.duplicated == {}
    assert sorted(shown) == sorted(good), "viewers see what is stored, once"
    with psycopg.connect(stack.database_url) as connection:
        kept = connection.execute(
            "select reason, detail from dead_letters where position(%s::bytea in body) > 0", [poison.encode()]
        ).fetchall()
    assert len(kept) == 1, f"one dead letter expected: {kept}"
    reason, detail = kept[0]
    assert reason == "refused"
    assert "23514" in detail, "the reason names PostgreSQL's own: a check violation"
