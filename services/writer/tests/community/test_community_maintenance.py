"""The tasks of maintenance on TimescaleDB's Community edition: in chunks that are columns, records and counts agree too."""

from collections import Counter
from typing import Any

import psycopg
import pytest
from logstream_writer.maintenance.chunk_interval import ChunkInterval
from logstream_writer.maintenance.chunk_split import split
from logstream_writer.maintenance.chunks import SECOND_US, read_chunks
from logstream_writer.maintenance.columnstore import Columnstore
from logstream_writer.maintenance.compaction import Compaction
from logstream_writer.maintenance.inbox import InboxTask
from logstream_writer.maintenance.retention import AgeRetention, SizeRetention
from logstream_writer.maintenance.survey import Survey
from logstream_writer.maintenance.task import Task

ROWS = 4 * 24 * 12
# A record every five minutes for four days up to now with its batch and its count, the older half in columns; late records
# beside them.
PLANTED = f"""
SELECT set_chunk_time_interval('logs', INTERVAL '1 day');
INSERT INTO logs
SELECT now() - i * interval '5 minutes', i << 16, 9, 'info', 'node-' || i % 3, 'message ' || i, NULL
FROM generate_series(0, {ROWS - 1}) AS i;
SELECT compress_chunk(chunk) FROM show_chunks('logs', older_than => now() - interval '2 days') AS chunk;
INSERT INTO logs
SELECT time + interval '1 second', sequence + 1, 17, 'error', 'late', 'm', NULL FROM logs WHERE (sequence >> 16) % 10 = 0;
INSERT INTO batches (project, batch_id, number, digest, records, time_from, time_to, received_at) OVERRIDING SYSTEM VALUE
SELECT 'default', gen_random_uuid(), sequence >> 16, '', count(*), min(time), max(time), min(time) - interval '9 days'
FROM logs GROUP BY sequence >> 16;
INSERT INTO log_counts (bucket, node, level, severity, count)
SELECT date_trunc('minute', time), node, level, severity, count(*) FROM logs GROUP BY 1, 2, 3, 4;
"""
DIFFERENCES = """
SELECT count(*) FROM (
    SELECT date_bin(width_s * interval '1 second', time, 'epoch') AS bucket, node, level, severity, count(*) AS count
    FROM logs GROUP BY 1, 2, 3, 4
) AS found FULL JOIN (
    SELECT bucket, node, level, severity, sum(count) AS count
    FROM (
        SELECT date_bin(width_s * interval '1 second', bucket, 'epoch') AS bucket, node, level, severity, count
        FROM log_counts
        UNION ALL
        SELECT bucket, node, level, severity, count FROM log_rollups WHERE log_rollups.width_s = widths.width_s
    ) AS parts GROUP BY 1, 2, 3, 4
) AS counted USING (bucket, node, level, severity)
WHERE found.count IS DISTINCT FROM counted.count
"""
DISAGREEING = (
    f"SELECT width_s FROM unnest(ARRAY[60, 600, 3600]) AS widths (width_s), LATERAL ({DIFFERENCES}) AS wrong WHERE count > 0"
)
UNFINISHED = """
SELECT count(*) FROM timescaledb_information.chunks
WHERE hypertable_name = 'logs' AND range_end <= now() - interval '1 hour'
  AND _timescaledb_functions.chunk_status(format('%I.%I', chunk_schema, chunk_name)::regclass) <> 1
"""


@pytest.fixture
def planted(database: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    database.execute(PLANTED)
    return database


def scalar(database: psycopg.Connection[Any], query: str) -> Any:
    row = database.execute(query).fetchone()
    assert row
    return row[0]


def assert_counts_agree(database: psycopg.Connection[Any]) -> None:
    assert database.execute(DISAGREEING).fetchall() == []


def test_counts_are_added_up(planted: psycopg.Connection[Any]) -> None:
    assert Compaction(most_rows=500).run(planted).done["count_rows"] > ROWS
    assert scalar(planted, "SELECT count(*) FROM log_counts") <= 4
    assert_counts_agree(planted)


def test_retention_by_age_drops_chunks_that_are_columns_with_their_counts(planted: psycopg.Connection[Any]) -> None:
    Compaction().run(planted)
    rows = scalar(planted, "SELECT count(*) FROM logs")
    oldest = scalar(planted, "SELECT min(time) FROM logs")
    report = AgeRetention(2).run(planted)
    assert report.done["chunks"] >= 1
    assert report.done["records"] == rows - scalar(planted, "SELECT count(*) FROM logs") > 0
    assert report.freed_bytes > 0
    assert scalar(planted, "SELECT min(time) FROM logs") > oldest
    assert scalar(planted, "SELECT min(time) FROM logs") <= scalar(planted, "SELECT now() - interval '2 days'")
    assert report.done["batches"] > 0
    assert scalar(planted, "SELECT min(time_to) >= (SELECT min(time) FROM logs) FROM batches")
    assert_counts_agree(planted)


def test_retention_by_size_keeps_the_newest_chunk(planted: psycopg.Connection[Any]) -> None:
    newest = scalar(planted, "SELECT max(time) FROM logs")
    assert SizeRetention(1).run(planted).done["chunks"] >= 3
    assert scalar(planted, "SELECT max(time) FROM logs") == newest
    assert_counts_agree(planted)


def test_a_chunk_that_is_columns_is_cut_in_two_with_its_late_rows(planted: psycopg.Connection[Any]) -> None:
    planted.execute(
        "SELECT compress_chunk(chunk, true) FROM show_chunks('logs', newer_than => now() - interval '1 day') AS chunk"
    )
    planted.execute("INSERT INTO logs SELECT max(time), 3, 9, 'info', 'late', 'm' FROM logs")
    before = Counter(planted.execute("SELECT logs::text FROM logs").fetchall())
    newest_us = scalar(planted, "SELECT (extract(epoch FROM max(time)) * 1000000)::bigint FROM logs")
    moment_us = newest_us // (60 * SECOND_US) * 60 * SECOND_US
    (chunk,) = [found for found in read_chunks(planted) if found.from_us <= newest_us < found.to_us]
    assert split(planted, chunk, moment_us, 60)
    assert Counter(planted.execute("SELECT logs::text FROM logs").fetchall()) == before
    last = read_chunks(planted)[-1]
    assert (last.from_us, last.to_us) == (moment_us, moment_us + 60 * SECOND_US)


def test_closed_chunks_become_columns_with_their_late_rows(planted: psycopg.Connection[Any]) -> None:
    everything = "SELECT array_agg(logs ORDER BY time, sequence)::text FROM logs"
    before = scalar(planted, everything)
    assert scalar(planted, UNFINISHED) > 1
    assert Columnstore(wait=False).run(planted).done["chunks"] > 1
    assert scalar(planted, UNFINISHED) == 0
    assert scalar(planted, everything) == before
    planted.execute("INSERT INTO logs SELECT min(time), 3, 9, 'info', 'later', 'm' FROM logs")
    assert scalar(planted, UNFINISHED) == 1
    assert Columnstore(wait=False).run(planted).done["chunks"] == 1
    assert scalar(planted, "SELECT count(*) FROM logs WHERE node = 'later'") == 1


def test_a_late_row_behind_the_first_of_a_chunk_is_read_in_order(database: psycopg.Connection[Any]) -> None:
    # At this time of the day a late row of the planted lies between the first two of its chunk.
    database.execute(PLANTED.replace("now()", "(date_trunc('day', now(), 'UTC') - interval '7 minutes 30 seconds')"))
    rows = scalar(database, "SELECT count(*) FROM logs")
    Columnstore(wait=False).run(database)
    for order in ("ASC", "DESC"):
        found = database.execute(f"SELECT time, sequence FROM logs ORDER BY time {order}, sequence {order}").fetchall()
        assert found == sorted(found, reverse=order == "DESC")
        assert len(found) == rows


def test_the_chunk_interval_follows_the_rate(planted: psycopg.Connection[Any]) -> None:
    assert ChunkInterval(1_000).run(planted).state["chunk_interval_seconds"] == 600
    planted.execute("INSERT INTO logs VALUES (now() + interval '2 days', 1, 9, 'info', 'next', 'm')")
    length = (
        "SELECT range_end - range_start <= interval '10 minutes' FROM timescaledb_information.chunks ORDER BY range_start"
    )
    assert planted.execute(length).fetchall()[-1] == (True,)


@pytest.mark.parametrize(
    "task",
    [Compaction(), AgeRetention(2), SizeRetention(1), InboxTask(), Columnstore(wait=False), ChunkInterval(1_000), Survey()],
    ids=lambda task: str(task.name),
)
def test_a_second_run_changes_nothing(planted: psycopg.Connection[Any], task: Task) -> None:
    task.run(planted)
    assert not task.run(planted).changed
