"""The database is backed up in mid-load by pg_dump, lost, and restored as docs/operations/backup.md says, while everything
else goes on: what the backup holds is back, what the queue holds is stored, and no sequence is given twice."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
import pytest
from harness.history import walk
from harness.ledger import Ledger
from harness.load import Load
from harness.senders import Batch, Sender
from harness.services import CACHE, DATABASE
from harness.stack import Stack
from harness.verdict import judge, read_stored, settle
from harness.waiting import wait_for
from psycopg import sql

# Everything that lasts. The hypertable is read as one table.
TABLES = ("logs", "batches", "dead_letters", "log_counts", "log_rollups", "search_segments", "search_pages")
# Past what could have been given since any backup: docs/operations/backup.md.
SKIP = "SELECT setval('batches_number_seq', nextval('batches_number_seq') + 1000000000)"
COUNTED = "select sum(count)::bigint from log_counts_readable"
OWNED = "select count(*) from pg_tables where schemaname = 'public' and tableowner <> 'logstream'"
# As many records as a segment of the search index is made of, so that the backup has one.
INDEXED_BATCHES, INDEXED_RECORDS = 34, 2_000


Connection = psycopg.Connection[Any]
Content = dict[str, tuple[int, str]]


@dataclass(frozen=True)
class Moment:
    """What a database held: each table's number of rows and a digest of them, the messages of a ledger, the last number."""

    content: Content
    messages: frozenset[str]
    last_number: int


def one_row(connection: Connection, query: sql.Composed | LiteralString) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row
    return tuple(row)


def look(connection: Connection, ledger: Ledger) -> Moment:
    # In any order: rows are digested one by one and the digests added.
    digest = "select count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text from {} as t"
    content = {table: one_row(connection, sql.SQL(digest).format(sql.Identifier(table))) for table in TABLES}
    stored = connection.execute("select message from logs where node = any(%s)", [ledger.nodes])
    (last_number,) = one_row(connection, "select max(number) from batches")
    return Moment(content, frozenset(message for (message,) in stored), last_number)


def connect(stack: Stack, database: str) -> Connection:
    return psycopg.connect(f"{stack.superuser_url.rpartition('/')[0]}/{database}", autocommit=True)


def back_up(stack: Stack, ledger: Ledger) -> tuple[bytes, Moment]:
    """A dump, and what was in the database in the very moment it is of."""
    with connect(stack, "logstream") as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with connection.transaction():
            (snapshot,) = one_row(connection, "select pg_export_snapshot()")
            dump = stack.run_beside(DATABASE, "pg_dump", "--format=custom", f"--snapshot={snapshot}", "logstream")
            return dump, look(connection, ledger)


def lose(stack: Stack, ledger: Ledger) -> Moment:
    """Drops the database and answers what was in it. Only a superuser gets past a limit of 0: the services wait until
    the restored one is whole."""
    with connect(stack, "logstream") as connection:
        connection.execute("alter database logstream connection limit 0")
        connection.execute(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = current_database() "
            "and usename = 'logstream'"
        )
        moment = look(connection, ledger)
    with connect(stack, "postgres") as connection:
        connection.execute("drop database logstream with (force)")
        connection.execute("create database logstream owner logstream template template0 connection limit 0")
    return moment


def restore(stack: Stack, dump: bytes) -> None:
    with connect(stack, "logstream") as connection:
        connection.execute("create extension timescaledb")
        connection.execute("select timescaledb_pre_restore()")
    stack.run_beside(DATABASE, "pg_restore", "--exit-on-error", "--dbname=logstream", given=dump)
    with connect(stack, "logstream") as connection:
        connection.execute("select timescaledb_post_restore()")


@pytest.fixture
def early(stack: Stack, ledger: Ledger) -> Iterator[tuple[Sender, Batch]]:
    """A sender, and one of its batches, which is stored and in the search index."""
    sender = Sender(stack.gateway, ledger, "early")
    batches = [sender.batch(INDEXED_RECORDS) for _ in range(INDEXED_BATCHES)]
    for batch in batches:
        sender.push(batch)
    settle(stack.database_url, ledger, stack.unsettled).demand()
    with connect(stack, "logstream") as connection:
        (last,) = one_row(connection, "select max(number) from batches")
        wait_for(
            "the early records to be indexed",
            lambda: one_row(connection, "select coalesce(max(to_number), 0) from search_segments")[0],
            lambda indexed: indexed > last - INDEXED_BATCHES,
        )
    yield sender, batches[0]
    sender.close()


@pytest.fixture
def opened_again(stack: Stack) -> Iterator[None]:
    """Whatever becomes of the test, the services get into the database afterwards."""
    yield
    with connect(stack, "postgres") as connection:
        connection.execute("alter database logstream connection limit -1")


@pytest.mark.usefixtures("opened_again")
def test_a_restored_database_has_what_backup_and_queue_held(
    stack: Stack, ledger: Ledger, early: tuple[Sender, Batch], load: Load
) -> None:
    sender, known = early
    dump, backed_up = back_up(stack, ledger)
    late = sender.batch(100)
    sender.push(late)
    load.wait_accepted("after the backup")
    wait_for(
        "a batch after the backup to be stored",
        lambda: set(late.messages) - read_stored(stack.database_url, ledger.nodes).keys(),
        lambda missing: not missing,
    )
    lost = lose(stack, ledger)
    load.wait_accepted("while there is no database")

    restore(stack, dump)
    with connect(stack, "logstream") as connection:
        assert look(connection, ledger).content == backed_up.content
        connection.execute(SKIP)
    # What it holds of the lost part would be shown to viewers.
    stack.stop(CACHE)
    stack.start(CACHE)
    with connect(stack, "postgres") as connection:
        connection.execute("alter database logstream connection limit -1")
    load.wait_accepted("after the restore")
    load.finish()
    gone = lost.messages - backed_up.messages
    assert gone, "nothing was stored between backup and loss: nothing is proven"
    wait_for(
        "all that was not lost with the database to be stored",
        lambda: ledger.accepted - gone - read_stored(stack.database_url, ledger.nodes).keys(),
        lambda missing: not missing,
    )
    wait_for("the write queue to be empty", stack.unsettled, lambda left: left == 0)
    # Their senders, had they kept them: one batch that the backup holds, one that is gone.
    sender.push(known)
    sender.push(late)
    after = sender.batch(100)
    sender.push(after)
    wait_for(
        "what was sent again to be stored",
        lambda: set(after.messages + late.messages) - read_stored(stack.database_url, ledger.nodes).keys(),
        lambda missing: not missing,
    )

    verdict = judge(stack.database_url, ledger)
    print(f"accepted {verdict.accepted}, in the backup {len(backed_up.messages)}, gone {len(gone)}, stored {verdict.stored}")
    assert set(verdict.lost) <= gone
    assert not verdict.duplicated
    assert not verdict.strangers
    with connect(stack, "logstream") as connection:
        first = one_row(
            connection, sql.SQL("select min(number) from batches where number > {}").format(backed_up.last_number)
        )
        assert first[0] > lost.last_number, "a number that the lost part had given away was given again"
        assert one_row(connection, COUNTED) == one_row(connection, "select count(*) from logs")
        assert one_row(connection, OWNED) == (0,)
    message = known.messages[-1]
    assert [found["message"] for found in walk(stack.page_url, {"q": f'"{message}"', "node": sender.node})] == [message]
