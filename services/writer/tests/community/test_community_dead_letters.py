"""A dead letter is replayed into a chunk that is columns. The row comes by INSERT, since this database knows no COPY; the
rest is what the writer does."""

import uuid
from collections.abc import Iterable
from typing import Any

import psycopg
import pytest
from logstream_contract.filters.filters import Filter, read_terms
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord
from logstream_query.store.connections import adapt
from logstream_query.store.sketches import candidates
from logstream_writer.dead_letters.plan import Choices
from logstream_writer.maintenance.columnstore import Columnstore
from logstream_writer.maintenance.compaction import Compaction
from logstream_writer.store.replay import Replay
from logstream_writer.store.search_index import SearchIndexer
from logstream_writer.store.store import Flush

RETENTION_NANOS = 36_500 * 86_400 * 1_000_000_000
BEGIN_US = 1_740_787_200_000_000  # 2025-03-01Z
LATE_US = BEGIN_US + 90_000_000
NUMBER, INDEX = 1, 2_000
# A batch a minute of two days, its last record refused, all of it in columns, counted, added up and indexed.
PLANTED = f"""
INSERT INTO logs
SELECT to_timestamp({BEGIN_US / 1e6}) + i * interval '1 minute', {NUMBER} << 16 | i, 9, 'info', 'orders', 'm', NULL
FROM generate_series(0, {INDEX - 1}) AS i;
INSERT INTO batches (project, batch_id, number, digest, records, time_from, time_to, received_at, refused)
OVERRIDING SYSTEM VALUE
SELECT 'default', gen_random_uuid(), {NUMBER}, '', {INDEX + 1}, min(time), max(time), max(time), ARRAY[{INDEX}] FROM logs;
ALTER TABLE batches ALTER COLUMN number RESTART WITH {NUMBER + 1};
INSERT INTO log_counts (bucket, node, level, severity, count) SELECT time, 'orders', 'info', 9, 1 FROM logs;
SELECT compress_chunk(chunk) FROM show_chunks('logs') AS chunk;
"""
COUNTED = """
SELECT (SELECT coalesce(sum(count), 0)::int FROM log_counts)
     + (SELECT coalesce(sum(count), 0)::int FROM log_rollups WHERE width_s = 3600)
"""


def scalar(database: psycopg.Connection[Any], query: str) -> Any:
    row = database.execute(query).fetchone()
    return row[0] if row else None


def test_a_refused_record_is_replayed_into_columns(
    database: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    adapt(database)
    database.execute(PLANTED)
    Compaction().run(database)
    indexer = SearchIndexer(database, lambda _: None)
    indexer.run(everything=True)
    body = LogBatch(
        batch_id=uuid.uuid4().bytes,
        node="orders",
        records=[LogRecord(level="info", message="a needle", time_unix_nano=LATE_US * 1_000)],
    ).SerializeToString()
    sequence = NUMBER << 16 | INDEX
    database.execute(
        "INSERT INTO dead_letters (digest, project, batch_id, sequence, reason, detail, body, received_at)"
        " VALUES ('d', 'default', gen_random_uuid(), %s, 'refused', 'why', %s, '2025-03-02Z')",
        [sequence, body],
    )

    def insert(self: Flush, parts: Iterable[bytes]) -> None:
        row = "INSERT INTO logs VALUES (to_timestamp(%s / 1e6), %s, 9, 'info', 'orders', 'a needle', NULL)"
        database.execute(row, [LATE_US, sequence])

    monkeypatch.setattr(Flush, "_copy_rows", insert)
    assert Replay(database, Choices(RETENTION_NANOS)).run(scalar(database, "SELECT id FROM dead_letters")).records == 1
    wanted = Filter(text=read_terms("needle"))
    always = (0, 4 * 10**15)
    for step in (lambda: None, lambda: indexer.run(everything=True), lambda: Columnstore(wait=False).run(database)):
        step()
        assert candidates(database, wanted, *always) == [(LATE_US, LATE_US)]
        assert scalar(database, f"SELECT message FROM logs WHERE sequence = {sequence}") == "a needle"
        assert scalar(database, "SELECT count(*) FROM logs") == scalar(database, COUNTED) == INDEX + 1
    assert scalar(database, "SELECT count(*) FROM _timescaledb_catalog.chunk WHERE status & 8 = 8") == 0
    assert scalar(database, f"SELECT refused FROM batches WHERE number = {NUMBER}") is None
    assert scalar(database, "SELECT count(*) FROM dead_letters") == 0
