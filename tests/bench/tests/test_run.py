"""A short run on a real stack, and a verdict on rows that were tampered with."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from bench import fanout, otlp
from bench.batches import Kind
from bench.database import NODE_PREFIX, Database, NotOurs
from bench.figures import figures
from bench.producer import Phase
from bench.run import Bench, Load, Outcome, Void
from bench.tally import Stored
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


def test_otlp_is_held_against_push(bench: Bench) -> None:
    runs = [
        (part, figures(outcome, None, None, "", None))
        for part, outcome in otlp.run(bench, otlp.parts(50), rate=1_500, seconds=0.5, rounds=1)
    ]
    assert [part.protocol.value for part, _ in runs] == ["Push", "OTLP/gRPC", "OTLP/HTTP"]
    assert {(found["lost"], found["duplicated"]) for _, found in runs} == {(0, 0)}
    assert next(otlp.summaries(runs))[otlp.RATIO] == 1


def test_records_that_become_other_rows_make_a_run_void(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Database, "digest_of_first", lambda database, node, records: node)
    with pytest.raises(Void, match="OTLP/gRPC, 50, round 1: its records became other rows than those of Push, 50"):
        list(otlp.run(bench, otlp.parts(50), rate=1_500, seconds=0.2, rounds=1))


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


def environment_of(bench: Bench, service: str) -> set[str]:
    """What logstream's settings of a running service are."""
    words = Path(f"/proc/{bench.stack.pid(service)}/environ").read_text().split("\0")
    return {word for word in words if word.startswith("LOGSTREAM_")}


def test_every_viewer_of_a_short_run_is_judged(bench: Bench) -> None:
    before = environment_of(bench, "stream")
    [found] = fanout.run(bench, viewers=60, rate=1_000, seconds=3, max_rate=1_500)
    assert found["void"] == ""
    assert environment_of(bench, "stream") == before, "the run left the service with other settings than it found"
    assert (found["holes"], found["duplicates"], found["strangers"], found["overstated"]) == (0, 0, 0, 0)
    # A quarter sees less than all of it.
    assert 45 * 3_000 <= found["received"] < 60 * 3_000
    assert found["resumes"] >= 2
    assert found["p99_ms"] >= found["p50_ms"] > 0


def test_a_record_that_viewers_saw_and_nobody_stored_makes_a_run_void(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_fewer(database: Database, outcome: Outcome) -> Stored:
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute("DELETE FROM logs WHERE sequence IN (SELECT sequence FROM logs ORDER BY sequence LIMIT 2)")
        return read_stored(database, outcome)

    read_stored = fanout.read_stored
    monkeypatch.setattr(fanout, "read_stored", read_fewer)
    with pytest.raises(Void, match="strangers 2"):
        list(fanout.run(bench, viewers=1, rate=1_000, seconds=1))


def test_viewers_are_held_who_are_shown_nothing(bench: Bench) -> None:
    bench.run("before", Load([Phase(1_000, 0.2)], viewer=False))
    found = fanout.idle(bench, viewers=30, seconds=1)
    assert (found["viewers"], found["through"]) == (30, "page")
    assert found["stream_rss_mib"] > 0
