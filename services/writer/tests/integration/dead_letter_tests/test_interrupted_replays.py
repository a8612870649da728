"""Replays that are cut off, killed, or run beside others."""

import os
import signal
import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import psycopg
import pytest
from harness.waiting import wait_for
from logstream_writer.dead_letters.dead_letter import Selection
from logstream_writer.dead_letters.plan import UnknownDeadLetter
from logstream_writer.inbound import Inbound, park
from logstream_writer.store import dead_letter_statements, statements
from logstream_writer.store.dead_letters import DeadLetters
from logstream_writer.store.errors import StoreUnavailable
from logstream_writer.store.replay import Replayed
from logstream_writer.store.store import Store

from .storage import (
    COMMAND,
    PLAIN,
    WAITING,
    agree,
    delivery,
    ids,
    inbound,
    raw,
    refuse,
    scalar,
    stored,
)


def test_of_several_replays_at_a_time_one_stores(store: Store, database: psycopg.Connection[Any], database_url: str) -> None:
    refuse(store, database, *(f"poison {number}" for number in range(20)))

    def replay(_: int) -> int:
        own = DeadLetters(database_url)
        stored = 0
        try:
            for letter_id in own.ids(Selection()):
                try:
                    stored += own.replay(letter_id, PLAIN, dry_run=False).records
                except UnknownDeadLetter:
                    continue
            return stored
        finally:
            own.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(replay, range(4))) == 20
    assert len(stored(database)) == 20
    assert agree(database)


def cutting(statement: str) -> str:
    """The statement, with which the server ends its own session, before another one can be sent."""
    return f"{statement}{',' if 'RETURNING' in statement else ' RETURNING'} pg_terminate_backend(pg_backend_pid())"


@pytest.mark.parametrize(
    ("reason", "module", "statement"),
    [
        ("refused", dead_letter_statements, "TAKE"),
        ("refused", dead_letter_statements, "ACCEPT"),
        ("refused", statements, "INSERT_COUNTS"),
        ("refused", dead_letter_statements, "INSERT_REPLAYED"),
        ("parked", dead_letter_statements, "TAKE"),
        ("parked", statements, "INSERT_BATCHES"),
        ("parked", statements, "INSERT_COUNTS"),
    ],
)
def test_a_connection_cut_after_a_statement_leaves_the_letter(
    store: Store,
    dead_letters: DeadLetters,
    database: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
    reason: str,
    module: ModuleType,
    statement: str,
) -> None:
    if reason == "refused":
        refuse(store, database, "a", "poison")
    else:
        store.flush(Inbound(dead_letters=[park(delivery(raw(uuid.uuid4(), "a"), again=True), 3)]))
    tables = ("logs", "batches", "dead_letters", "log_counts")
    before = [database.execute(f"SELECT * FROM {table}").fetchall() for table in tables]
    (letter_id,) = ids(dead_letters)
    with monkeypatch.context() as patched:
        patched.setattr(module, statement, cutting(getattr(module, statement)))
        with pytest.raises(StoreUnavailable):
            dead_letters.replay(letter_id, PLAIN, dry_run=False)
    assert [database.execute(f"SELECT * FROM {table}").fetchall() for table in tables] == before
    assert dead_letters.replay(letter_id, PLAIN, dry_run=False).records == 1
    assert agree(database)
    assert len(stored(database)) == len(before[0]) + 1


@pytest.mark.parametrize("locked", ["search_segments", "logs", "log_counts"])
def test_a_killed_process_leaves_the_letter(
    store: Store, dead_letters: DeadLetters, database: psycopg.Connection[Any], database_url: str, locked: str
) -> None:
    refuse(store, database, "a", "poison")
    (letter_id,) = ids(dead_letters)
    environment = os.environ | {"LOGSTREAM_DATABASE_URL": database_url, "LOGSTREAM_RETENTION_DAYS": "36500"}
    with psycopg.connect(database_url) as other:
        # Between two statements of the replay: the second one waits.
        other.execute(f"LOCK TABLE {locked} IN ACCESS EXCLUSIVE MODE")
        process = subprocess.Popen([*COMMAND, "replay", str(letter_id)], env=environment)
        try:
            wait_for("the replay to wait", lambda: scalar(database, WAITING), lambda count: count == 1)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    wait_for("its session to end", lambda: scalar(database, WAITING), lambda count: count == 0)
    assert len(stored(database)) == 1
    assert ids(dead_letters) == [letter_id]
    assert agree(database)
    assert dead_letters.replay(letter_id, PLAIN, dry_run=False).records == 1
    assert len(stored(database)) == 2


def test_replays_and_flushes_of_the_same_batches_go_along(
    store: Store, dead_letters: DeadLetters, database: psycopg.Connection[Any], database_url: str
) -> None:
    """A parked message that is delivered once more while it is replayed."""
    raws = [raw(uuid.uuid4(), f"{number}", "x") for number in range(60)]
    store.flush(Inbound(dead_letters=[park(delivery(*raws[start : start + 3], again=True), 3) for start in range(0, 60, 3)]))

    def flush() -> int:
        own = Store(database_url)
        try:
            flushed = [own.flush(inbound(*raws[start : start + 10])) for start in range(50, -1, -10)]
            return sum(not stored_batch.known for done in flushed for stored_batch in done.batches)
        finally:
            own.close()

    def replay() -> list[Replayed]:
        return [dead_letters.replay(letter_id, PLAIN, dry_run=False) for letter_id in ids(dead_letters)]

    with ThreadPoolExecutor(2) as pool:
        flushing, replaying = pool.submit(flush), pool.submit(replay)
        assert 2 * flushing.result() + sum(done.records for done in replaying.result()) == 120
    assert len(stored(database)) == 120
    assert agree(database)
