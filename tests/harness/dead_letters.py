"""Makes a dead letter, and runs the operator's command for them. It must not judge."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from harness.stack import Stack

COMMAND = (sys.executable, "-m", "logstream_writer", "dead-letters")
COMMAND_S = 120


@contextmanager
def refusing(stack: Stack, message: str) -> Iterator[None]:
    """The database takes no record with this message."""
    with psycopg.connect(stack.superuser_url, autocommit=True) as connection:
        added = "alter table logs add constraint poison check (message <> {})"
        connection.execute(sql.SQL(added).format(sql.Literal(message)))
        try:
            yield
        finally:
            connection.execute("alter table logs drop constraint poison")


def run_command(database_url: str, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit status of `dead-letters` with --json, and the objects that it prints."""
    done = subprocess.run(
        [*COMMAND, *arguments, "--json"],
        env=os.environ | {"LOGSTREAM_DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
        check=False,
    )
    assert done.returncode in (0, 1), f"{arguments}: exit status {done.returncode}\n{done.stderr[-3_000:]}"
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]
