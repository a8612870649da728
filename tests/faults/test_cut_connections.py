"""A proxy between the writer and a server holds back or breaks off what they say to each other."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest
from harness.fault_proxy import FaultProxy
from harness.ledger import Ledger
from harness.load import Load
from harness.metrics import total
from harness.senders import Sender
from harness.sse import open_viewer
from harness.stack import Stack
from harness.verdict import Verdict, demand_shown_once, read_stored
from harness.waiting import wait_for

Demand = Callable[[], Verdict]
CUTS = 8
BATCHES, BATCH_RECORDS = 10, 50
REDELIVERED_MESSAGES = "logstream_writer_redelivered_messages_total"
DUPLICATE_BATCHES = "logstream_writer_duplicate_batches_total"
# A deferred trigger runs within the COMMIT, before it takes effect.
SLOW_COMMITS = """
create function slow_commit() returns trigger language plpgsql as 'begin perform pg_sleep(2); return null; end';
create constraint trigger slow_commit after insert on batches deferrable initially deferred
  for each row execute function slow_commit();
"""
COMMITTING = "select query from pg_stat_activity where wait_event = 'PgSleep' and query ilike 'commit%'"


@contextmanager
def writer_behind_proxy(stack: Stack, variable: str, url: str) -> Iterator[FaultProxy]:
    """The stack's writer reaching the server of this URL, which a variable of its environment holds, through a proxy."""
    if not stack.shares_loopback:
        pytest.skip("the proxy listens on loopback, which this stack's containers do not reach")
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    with FaultProxy(parts.hostname, parts.port) as proxy:
        user, at, _ = parts.netloc.rpartition("@")
        through = parts._replace(netloc=f"{user}{at}127.0.0.1:{proxy.port}").geturl()
        with stack.environment("writer", {variable: through}):
            yield proxy
            assert proxy.carried, "the writer does not go through the proxy"


def test_writer_killed_between_commit_and_ack(stack: Stack, ledger: Ledger, demand: Demand) -> None:
    with (
        writer_behind_proxy(stack, "LOGSTREAM_RABBITMQ_URL", stack.rabbitmq_url) as proxy,
        open_viewer(stack.page_url) as viewer,
    ):
        sender = Sender(stack.gateway, ledger, "sender")
        proxy.hold()
        for _ in range(BATCHES):
            sender.push(sender.batch(BATCH_RECORDS))
        sender.close()
        wait_for(
            "the commit, with the ack held back",
            lambda: len(read_stored(stack.database_url, ledger.nodes)),
            lambda stored: stored == BATCHES * BATCH_RECORDS,
        )
        wait_for("bytes of the writer held back", lambda: proxy.held_bytes)
        stack.kill("writer", signal.SIGKILL)
        proxy.drop()
        proxy.release()
        stack.wait_ready("writer")
        wait_for(
            "the redelivery",
            lambda: total(stack.metrics("writer"), REDELIVERED_MESSAGES),
            lambda seen: seen == BATCHES,
        )
        verdict = demand()
        assert total(stack.metrics("writer"), DUPLICATE_BATCHES) == BATCHES
        assert verdict.stored == BATCHES * BATCH_RECORDS
        viewer.wait_shown(ledger.accepted, *ledger.nodes)
        demand_shown_once(viewer.records(*ledger.nodes), ledger)


@contextmanager
def slow_commits(stack: Stack) -> Iterator[None]:
    """Every commit of a batch takes two seconds in the database."""
    with psycopg.connect(stack.superuser_url, autocommit=True) as connection:
        connection.execute(SLOW_COMMITS)
        try:
            yield
        finally:
            connection.execute("drop function slow_commit cascade")


def test_the_answer_to_a_commit_is_lost(stack: Stack, ledger: Ledger, demand: Demand) -> None:
    with (
        writer_behind_proxy(stack, "LOGSTREAM_DATABASE_URL", stack.database_url) as proxy,
        open_viewer(stack.page_url) as viewer,
    ):
        sender = Sender(stack.gateway, ledger, "sender")
        with slow_commits(stack), psycopg.connect(stack.superuser_url, autocommit=True) as connection:
            sender.push(sender.batch(BATCH_RECORDS))
            wait_for("the writer's commit", lambda: connection.execute(COMMITTING).fetchone())
            proxy.drop()
            wait_for("the commit nobody heard of", lambda: len(read_stored(stack.database_url, ledger.nodes)))
        sender.close()
        demand()
        assert total(stack.metrics("writer"), DUPLICATE_BATCHES), "the writer was not in doubt: nothing is proven"
        viewer.wait_shown(ledger.accepted, *ledger.nodes)
        demand_shown_once(viewer.records(*ledger.nodes), ledger)


def test_connection_to_the_broker_breaks_in_mid_load(
    stack: Stack, ledger: Ledger, seed: int, demand: Demand, chance: random.Random
) -> None:
    with writer_behind_proxy(stack, "LOGSTREAM_RABBITMQ_URL", stack.rabbitmq_url) as proxy:
        cut_again_and_again(stack, proxy, ledger, seed, chance)
        demand()


def test_connection_to_the_database_breaks_in_mid_load(
    stack: Stack, ledger: Ledger, seed: int, demand: Demand, chance: random.Random
) -> None:
    with writer_behind_proxy(stack, "LOGSTREAM_DATABASE_URL", stack.database_url) as proxy:
        cut_again_and_again(stack, proxy, ledger, seed, chance)
        demand()
        assert total(stack.metrics("writer"), "logstream_writer_database_failures_total")
        assert not total(stack.metrics("writer"), "logstream_writer_dead_letters_total"), "an outage blames no record"


@pytest.mark.parametrize("server", ["rabbitmq", "database", "redis"])
def test_a_server_accepts_connections_and_never_answers(
    stack: Stack, ledger: Ledger, seed: int, demand: Demand, server: str
) -> None:
    url = {"rabbitmq": stack.rabbitmq_url, "database": stack.database_url, "redis": stack.redis_url}[server]
    with writer_behind_proxy(stack, f"LOGSTREAM_{server.upper()}_URL", url) as proxy:
        load = Load(stack.gateway, ledger, seed)
        load.start()
        try:
            load.wait_accepted("before the silence")
            proxy.mute()
            proxy.drop()
            wait_for("the writer to give up and connect again", lambda: proxy.unanswered, lambda tries: tries > 2)
            load.wait_accepted("during the silence")
            proxy.unmute()
        finally:
            load.finish()
        demand()
        assert not total(stack.metrics("writer"), "logstream_writer_dead_letters_total"), "a silent server blames no record"


def cut_again_and_again(stack: Stack, proxy: FaultProxy, ledger: Ledger, seed: int, chance: random.Random) -> None:
    load = Load(stack.gateway, ledger, seed)
    load.start()
    try:
        for _ in range(CUTS):
            load.wait_accepted("before the cut")
            time.sleep(chance.uniform(0, 0.2))  # so that cuts fall into all parts of a flush
            wait_for("a connection to cut", proxy.connections)
            proxy.drop()
    finally:
        load.finish()
