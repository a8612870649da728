"""A short run on a real stack, and a verdict on rows that were tampered with."""

from collections.abc import Iterator

import psycopg
import pytest
from bench.batches import Kind
from bench.database import NODE_PREFIX, Database, NotOurs
from bench.figures import figures
from bench.producer import Phase
from bench.run import Bench, Load
from bench.verdict import judge
from bench.yardstick import measure
from harness.ledger import Ledger
from harness.senders import Sender
from harness.stack import Stack
from harness.verdict import settle


@pytest.fixture
def bench(stack: Stack) -> Iterator[Bench]:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("TRUNCATE logs, batches, log_counts, log_rollups, dead_letters, search_segments CASCADE")
    opened = Bench(stack, stack.database_url, print)
    yield opened
    opened.database.clear()
    opened.close()


def test_a_run_is_measured_and_judged(bench: Bench) -> None:
    load = Load([Phase(3_000, 1), Phase(6_000, 1)], Kind(100, attributes=1), reader=True, commit_times=True)
    outcome = bench.run("short", load)
    found = figures(outcome, None, None, bench.database.edition(), None)
    assert (found["lost"], found["duplicated"], found["records"]) == (0, 0, outcome.verdict.stored)
    assert outcome.sight
    assert outcome.sight.records + outcome.sight.dropped == outcome.verdict.stored
    assert outcome.pages
    assert outcome.pages.errors == []
    assert len(outcome.commits) == sum(len(account.batch_ids) for account in outcome.accounts)
    for key in ("ack_p99_ms", "commit_p99_ms", "live_p99_ms", "pages_p50_ms"):
        assert found[key], key
    assert {"gateway", "writer", "timescaledb", "rabbitmq", "redis", "stream", "page"} <= found["cpu_s_per_million"].keys()

    node = outcome.accounts[0].node
    with psycopg.connect(bench.database.url, autocommit=True) as connection:
        some = "SELECT ctid, tableoid FROM logs WHERE node = %s ORDER BY sequence LIMIT 3"
        connection.execute(f"DELETE FROM logs WHERE (ctid, tableoid) IN ({some})", [node])
        connection.execute("INSERT INTO logs SELECT * FROM (SELECT * FROM logs WHERE node = %s LIMIT 2) AS twice", [node])
    tampered = judge(bench.database.url, outcome.accounts)
    assert (tampered.lost, tampered.duplicated) == (3, 2)
    assert measure(bench.database, 100) > 0


def test_one_call_a_record_is_judged_too(bench: Bench) -> None:
    outcome = bench.run("short", Load([Phase(0, 0.5)], Kind(1), unary=True, in_flight=4, viewer=False))
    assert outcome.verdict.acked == outcome.verdict.stored > 0


def test_records_of_others_are_not_emptied(bench: Bench, stack: Stack) -> None:
    ledger = Ledger("others")
    sender = Sender(stack.gateway, ledger, "other")
    sender.push(sender.batch(1))
    sender.close()
    settle(stack.database_url, ledger, stack.unsettled).demand()
    assert not ledger.nodes[0].startswith(NODE_PREFIX)
    with pytest.raises(NotOurs, match="others"):
        bench.database.clear()
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("TRUNCATE logs, batches, log_counts, log_rollups, dead_letters, search_segments CASCADE")


def test_two_benchmarks_do_not_share_a_database(bench: Bench) -> None:
    bench.database.take()
    other = Database(bench.database.url)
    with pytest.raises(NotOurs, match="another benchmark"):
        other.take()
    other.close()
