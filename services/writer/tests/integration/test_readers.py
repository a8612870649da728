"""People who read with SQL: what docs/sql.md promises them, as a user made the way it says, in the real database."""

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from harness.stack import Stack
from logstream_writer.store.migrate import migrate
from psycopg import errors, sql

DOCUMENT = (Path(__file__).parents[4] / "docs/sql.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"^### (\d+)\..*?^```sql\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
# How the document makes the group and a user in it.
MAKE_GROUP, MAKE_USER = re.findall(r"^```\n(CREATE ROLE .*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
VIEWS = ("logs_readable", "log_counts_readable", "dead_letters_readable", "storage_readable")
TABLES = ("logs", "batches", "log_counts", "log_rollups")

# A shop: batch 0 of yesterday, batch 1 of now, and batch 2 of now with a record of half an hour ago.
PLANTED = """
TRUNCATE logs, batches, log_counts, log_rollups, dead_letters;
INSERT INTO logs
SELECT now() - interval '23 hours' - i * interval '1 minute', i, 17, 'error', 'checkout', 'card ' || i || ' declined', NULL
FROM generate_series(1, 30) AS i;
INSERT INTO logs
SELECT now() - i * interval '1 second', 1 << 16 | i, 9, 'info', 'checkout', 'paid ' || i,
       jsonb_build_object('duration_ms', i || '.5', 'trace_id', '4bf92f3577b34da6a3ce929d0e0e4736')
FROM generate_series(1, 30) AS i;
INSERT INTO logs VALUES
    (now() - interval '20 seconds', 2 << 16, 18, 'Error2', 'stock', 'disk 7 is full', '{"duration_ms": "long"}'),
    (now() - interval '30 minutes', 2 << 16 | 1, 0, 'Audit', 'stock', 'counted', NULL);
INSERT INTO batches (project, batch_id, number, digest, records, time_from, time_to, received_at) OVERRIDING SYSTEM VALUE
SELECT 'default', gen_random_uuid(), sequence >> 16, '', count(*), min(time), max(time), max(time) FROM logs GROUP BY 3;
INSERT INTO log_counts (bucket, node, level, severity, count)
SELECT date_trunc('minute', time), node, level, severity, count(*) FROM logs GROUP BY 1, 2, 3, 4;
INSERT INTO dead_letters (digest, project, sequence, reason, detail, body)
VALUES ('x', 'default', 7, 'refused', 'why', 'bytes');
"""
# What maintenance does: a part of the counts is in the rollups instead, once at each width; some are in both tables.
ROLLED_UP = """
WITH moved AS (DELETE FROM log_counts WHERE bucket < now() - interval '1 hour' OR node = 'stock' RETURNING *)
INSERT INTO log_rollups
SELECT width_s, to_timestamp(floor(extract(epoch FROM bucket) / width_s) * width_s), node, level, severity, sum(count)
FROM moved, (VALUES (60), (600), (3600)) AS widths (width_s) GROUP BY 1, 2, 3, 4, 5;
INSERT INTO logs
SELECT time + interval '1 second', sequence + 100, severity, level, node, message FROM logs WHERE node = 'stock';
INSERT INTO log_counts (bucket, node, level, severity, count)
SELECT date_trunc('minute', time), node, level, severity, count(*) FROM logs WHERE sequence & 65535 >= 100
GROUP BY 1, 2, 3, 4;
"""


@pytest.fixture(scope="module")
def reader_url(stack: Stack, database_url: str) -> Iterator[str]:
    """The address of the database for a user made as the document says."""
    name = f"reader_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(stack.superuser_url, autocommit=True) as superuser:
        if superuser.execute("SELECT 1 FROM pg_roles WHERE rolname = 'logstream_readonly'").fetchone() is None:
            superuser.execute(sql.SQL(MAKE_GROUP))
        superuser.execute(sql.SQL(MAKE_USER.replace("grafana", name)))
        # As from the next start of a writer: the group may be older or younger than the tables.
        migrate(database_url)
        parts = urlsplit(database_url)
        yield parts._replace(netloc=f"{name}:secret@{parts.hostname}:{parts.port}").geturl()
        superuser.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@pytest.fixture
def owner(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(PLANTED)
        yield connection


@pytest.fixture
def reader(owner: psycopg.Connection[Any], reader_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(reader_url, autocommit=True) as connection:
        yield connection


def only(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query).fetchone()
    assert row
    return row[0]


def plan(connection: psycopg.Connection[Any], query: str) -> str:
    return "\n".join(line for (line,) in connection.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {query}"))


def test_the_document_has_ten_queries() -> None:
    assert [number for number, _ in QUERIES] == [str(number) for number in range(1, 11)]


@pytest.mark.parametrize("query", [query for _, query in QUERIES], ids=[number for number, _ in QUERIES])
def test_a_documented_query_finds_something(reader: psycopg.Connection[Any], query: str) -> None:
    assert reader.execute(query).fetchall()


@pytest.mark.parametrize("name", [*VIEWS, *TABLES])
def test_a_reader_reads(reader: psycopg.Connection[Any], owner: psycopg.Connection[Any], name: str) -> None:
    owner.execute(ROLLED_UP)
    assert only(reader, f"SELECT count(*) FROM {name}") == only(owner, f"SELECT count(*) FROM {name}") > 0


@pytest.mark.parametrize("table", ["dead_letters", "search_segments", "search_pages", "alembic_version"])
def test_a_reader_does_not_see_other_tables(reader: psycopg.Connection[Any], table: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        reader.execute(f"SELECT FROM {table}")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO logs VALUES (now(), 1, 9, 'info', 'x', 'x')",
        "INSERT INTO logs_readable (time) VALUES (now())",
        "UPDATE logs SET message = 'x'",
        "UPDATE logs_readable SET message = 'x'",
        "DELETE FROM batches",
        "DELETE FROM log_counts",
        "TRUNCATE log_rollups",
        "DELETE FROM dead_letters_readable",
        "SELECT drop_chunks('logs', now())",
        "DROP VIEW logs_readable",
        "ALTER TABLE logs ADD COLUMN x int",
        "CREATE TABLE x (y int)",
        "GRANT SELECT ON dead_letters TO logstream_readonly",
        "SELECT set_chunk_time_interval('logs', INTERVAL '1 hour')",
    ],
)
def test_a_reader_writes_nothing_even_without_its_settings(reader: psycopg.Connection[Any], statement: str) -> None:
    with pytest.raises(errors.ReadOnlySqlTransaction):
        reader.execute("CREATE TEMPORARY TABLE x (y int)")
    reader.execute("SET default_transaction_read_only = off")
    with pytest.raises((errors.InsufficientPrivilege, errors.ObjectNotInPrerequisiteState)):
        reader.execute(statement)


def test_the_settings_of_the_document_hold(reader: psycopg.Connection[Any]) -> None:
    settings = ("default_transaction_read_only", "statement_timeout", "idle_in_transaction_session_timeout")
    assert [only(reader, f"SHOW {name}") for name in settings] == ["on", "30s", "1min"]


def test_chunks_that_come_later_are_read(reader: psycopg.Connection[Any], owner: psycopg.Connection[Any]) -> None:
    before = only(reader, "SELECT count(*) FROM storage_readable")
    owner.execute("INSERT INTO logs VALUES (now() - interval '9 days', 1, 9, 'info', 'x', 'from a new chunk')")
    assert only(reader, "SELECT count(*) FROM storage_readable") == before + 1
    found = "SELECT message FROM logs_readable WHERE time < now() - interval '8 days'"
    assert only(reader, found) == "from a new chunk"
    chunk = only(reader, "SELECT show_chunks('logs', older_than => now() - interval '8 days')")
    assert only(reader, f"SELECT message FROM {chunk}") == "from a new chunk"


def test_levels_have_names_and_sequences_are_text(reader: psycopg.Connection[Any], owner: psycopg.Connection[Any]) -> None:
    owner.execute("TRUNCATE logs")
    owner.execute("INSERT INTO logs SELECT now(), 5 << 16 | i, i, 'Level', 'x', 'm' FROM generate_series(0, 24) AS i")
    rows = reader.execute(
        "SELECT level, level_text, severity_name, sequence, batch FROM logs_readable ORDER BY severity"
    ).fetchall()
    names = ("trace", "debug", "info", "warn", "error", "fatal")
    expected: list[tuple[Any, ...]] = [("level", "Level", None)]
    expected += [(name, "Level", name.upper() + step) for name in names for step in ("", "2", "3", "4")]
    assert rows == [(*named, str(5 << 16 | severity), 5) for severity, named in enumerate(expected)]


def test_counts_are_those_of_the_records_wherever_they_are_kept(
    reader: psycopg.Connection[Any], owner: psycopg.Connection[Any]
) -> None:
    counted = "SELECT minute, node, level, level_text, severity, count FROM log_counts_readable ORDER BY 1, 2, 3, 4, 5"
    by_record = (
        "SELECT date_trunc('minute', time), node, level, level_text, severity, count(*) FROM logs_readable"
        " GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5"
    )
    assert reader.execute(counted).fetchall() == reader.execute(by_record).fetchall()
    owner.execute(ROLLED_UP)
    kept = [only(owner, f"SELECT count(*) FROM {table}") for table in ("log_counts", "log_rollups WHERE width_s = 3600")]
    assert all(kept)
    assert reader.execute(counted).fetchall() == reader.execute(by_record).fetchall()


def test_the_volume_a_day_counts_every_record_once(reader: psycopg.Connection[Any], owner: psycopg.Connection[Any]) -> None:
    volume = dict(QUERIES)["8"]
    for statements in ("", ROLLED_UP):
        owner.execute(statements)
        assert sum(row[1] for row in reader.execute(volume)) == only(reader, "SELECT count(*) FROM logs")


def test_a_range_of_time_leaves_out_chunks(reader: psycopg.Connection[Any], owner: psycopg.Connection[Any]) -> None:
    owner.execute(
        "INSERT INTO logs SELECT now() - i * interval '1 day', i, 9, 'info', 'x', 'm' FROM generate_series(0, 9) AS i"
    )
    chunks = only(reader, "SELECT count(*) FROM storage_readable")
    assert chunks >= 10
    # A time that is known only when the query runs.
    found = plan(reader, "SELECT * FROM logs_readable WHERE time >= now() - interval '1 hour' AND level = 'info'")
    assert 1 <= len(set(re.findall(r"_hyper_\w+_chunk\b", found))) <= 2
    # The newest records come from the index: neither sorted nor from any chunk but the newest.
    newest = plan(reader, "SELECT * FROM logs_readable ORDER BY time DESC LIMIT 1")
    assert "Sort" not in newest
    assert newest.count("never executed") >= chunks - 2


def test_a_range_of_time_reaches_the_indexes_of_the_counts(reader: psycopg.Connection[Any]) -> None:
    reader.execute("SET enable_seqscan = off")
    found = plan(
        reader, "SELECT sum(count) FROM log_counts_readable WHERE minute >= now() - interval '1 hour' AND node = 'x'"
    )
    conditions = [line.strip() for line in found.splitlines() if "Index Cond" in line]
    assert len(conditions) == 2
    assert all("bucket >= " in condition for condition in conditions), found


def test_a_right_that_was_taken_comes_back_with_the_next_start(
    database_url: str, reader: psycopg.Connection[Any], owner: psycopg.Connection[Any]
) -> None:
    owner.execute("REVOKE SELECT ON logs_readable FROM logstream_readonly")
    with pytest.raises(errors.InsufficientPrivilege):
        reader.execute("SELECT FROM logs_readable")
    migrate(database_url)
    assert only(reader, "SELECT count(*) FROM logs_readable") > 0
