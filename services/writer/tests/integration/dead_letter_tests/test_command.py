"""The command `dead-letters` as a process."""

import os
import signal
import subprocess
from typing import Any

import psycopg
from harness.waiting import wait_for
from logstream_writer.delivery import Delivery
from logstream_writer.inbound import decode
from logstream_writer.store.dead_letters import DeadLetters
from logstream_writer.store.store import Store

from .storage import (
    COMMAND,
    RECEIVED,
    RETENTION,
    WAIT_S,
    WAITING,
    command,
    ids,
    refuse,
    scalar,
    stored,
)


def test_a_stopped_command_finishes_its_letter(
    store: Store, dead_letters: DeadLetters, database: psycopg.Connection[Any], database_url: str
) -> None:
    refuse(store, database, "poison 1", "poison 2")
    first, second = ids(dead_letters)
    environment = os.environ | {"LOGSTREAM_DATABASE_URL": database_url, "LOGSTREAM_RETENTION_DAYS": "36500"}
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE log_counts")
        process = subprocess.Popen(
            [*COMMAND, "replay", "--all"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        wait_for("the replay to wait", lambda: scalar(database, WAITING), lambda count: count == 1)
        process.send_signal(signal.SIGTERM)
        assert process.stderr
        for line in process.stderr:
            if '"stopping"' in line:
                break
    output, errors = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert output == f"{first}  replayed  refused; 1 record stored\n"
    assert "stopped after 1 of 2 dead letters" in errors
    assert ids(dead_letters) == [second]


def test_the_command_lists_shows_replays_and_deletes(
    store: Store, dead_letters: DeadLetters, database: psycopg.Connection[Any], database_url: str
) -> None:
    refuse(store, database, "a", "poison \x1b[31m red")
    store.flush(
        decode(
            [Delivery(tag=1, channel_number=1, body=b"junk", received_unix_nano=RECEIVED, records=1, project="default")],
            RETENTION,
        )
    )
    refused, junk = ids(dead_letters)

    listed = command(database_url, "list")
    assert listed.returncode == 0
    lines = listed.stdout.splitlines()
    assert lines[0].split() == ["ID", "WHEN", "REASON", "NODE", "RECORDS", "BYTES", "SEQUENCE", "DETAIL"]
    assert [line.split()[2] for line in lines[1:3]] == ["undecodable", "refused"]
    assert lines[-1] == "2 in total: refused 1, undecodable 1"
    narrow = command(database_url, "list", "--reason", "refused", "--since", "1d", "--json").stdout.splitlines()
    assert len(narrow) == 1
    assert f'"id":{refused},' in narrow[0]
    assert '"nodes":["orders"],"records":1' in narrow[0]

    shown = command(database_url, "show", str(refused))
    assert shown.returncode == 0
    assert "poison \\x1b[31m red" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert "refused: 1" in shown.stdout
    bytes_of = subprocess.run(
        [*COMMAND, "show", str(junk), "--raw", "-"],
        env=os.environ | {"LOGSTREAM_DATABASE_URL": database_url},
        capture_output=True,
        timeout=WAIT_S,
        check=True,
    )
    assert bytes_of.stdout == b"junk"

    tried = command(database_url, "replay", "--all", "--dry-run")
    assert tried.returncode == 1
    assert f"{refused}  would be replayed" in tried.stdout
    assert f"{junk}  stays: it can't be decoded" in tried.stdout
    assert ids(dead_letters) == [refused, junk]
    done = command(database_url, "replay", str(refused))
    assert (done.returncode, done.stdout) == (0, f"{refused}  replayed  refused; 1 record stored\n")
    assert '"message": "dead letter"' in done.stderr
    assert '"records": 1' in done.stderr
    again = command(database_url, "replay", str(refused), str(junk))
    assert again.returncode == 1
    assert f"{refused}  unknown: " in again.stdout
    gone = command(database_url, "delete", "--reason", "undecodable")
    assert (gone.returncode, gone.stdout) == (0, f"{junk}  deleted  undecodable\n")
    assert command(database_url, "list").stdout == "no dead letters\n"
    assert command(database_url, "show", str(junk)).returncode == 1


def test_the_command_says_when_the_database_is_away() -> None:
    done = command("postgresql://u:p@127.0.0.1:1/none", "list")
    assert done.returncode == 1
    assert "Connection refused" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_says_when_the_schema_is_of_another_release(
    store: Store, dead_letters: DeadLetters, database: psycopg.Connection[Any], database_url: str
) -> None:
    refuse(store, database, "a", "poison 1", "poison 2")
    before = ids(dead_letters)
    database.execute("ALTER TABLE batches RENAME replayed TO not_yet")
    try:
        done = command(database_url, "replay", "--all")
    finally:
        database.execute("ALTER TABLE batches RENAME not_yet TO replayed")
    assert (done.returncode, done.stdout) == (1, "")
    assert "`migrate` updates the schema" in done.stderr
    assert ids(dead_letters) == before
    assert len(stored(database)) == 1
