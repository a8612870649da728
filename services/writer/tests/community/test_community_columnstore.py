"""The writer's SQL on TimescaleDB's Community edition, which the local stack has not: the columnstore, and what becomes of
its chunks. Rows come by INSERT, since this database knows no COPY."""

from typing import Any

import psycopg
import pytest
from logstream_writer.store.edition import SET_DIRECT, copies_directly
from logstream_writer.store.migrate import migrate

HOURS = 48
ROWS = HOURS * 60
# A record a minute of two days, hence in two chunks.
PLANTED = f"""
INSERT INTO logs
SELECT '2025-03-01Z'::timestamptz + i * interval '1 minute', i, 9, 'info', 'node-' || i % 5, 'message ' || i,
       CASE WHEN i % 10 = 0 THEN jsonb_build_object('order', i::text) END
FROM generate_series(0, {ROWS - 1}) AS i
"""
COMPRESS_ALL = "SELECT compress_chunk(chunk) FROM show_chunks('logs') AS chunk"
COMPRESSED = "SELECT is_compressed FROM timescaledb_information.chunks WHERE hypertable_name = 'logs' ORDER BY range_start"


def column(database: psycopg.Connection[Any], query: str) -> list[Any]:
    return [value for (value,) in database.execute(query)]


def test_it_is_the_community_edition_and_takes_copy_into_the_columnstore(database: psycopg.Connection[Any]) -> None:
    assert column(database, "SHOW timescaledb.license") == ["timescale"]
    assert column(
        database, "SELECT compression_enabled FROM timescaledb_information.hypertables WHERE hypertable_name = 'logs'"
    ) == [True]
    ordered = (
        "SELECT attname::text, orderby_asc FROM timescaledb_information.compression_settings"
        " WHERE hypertable_name = 'logs' ORDER BY orderby_column_index"
    )
    assert database.execute(ordered).fetchall() == [("time", True), ("sequence", True)]
    assert copies_directly(database)


def test_a_flush_may_ask_for_the_columnstore_for_itself(database: psycopg.Connection[Any]) -> None:
    with database.transaction():
        database.execute(SET_DIRECT)
        database.execute(PLANTED)
        assert column(database, "SHOW timescaledb.enable_direct_compress_copy") == ["on"]
    assert column(database, "SHOW timescaledb.enable_direct_compress_copy") == ["off"]
    assert column(database, "SELECT count(*) FROM logs") == [ROWS]


def test_compressed_chunks_keep_every_row_as_it_was(database: psycopg.Connection[Any]) -> None:
    database.execute(PLANTED)
    everything = "SELECT * FROM logs ORDER BY time, sequence"
    before = database.execute(everything).fetchall()
    database.execute(COMPRESS_ALL)
    assert column(database, COMPRESSED) == [True, True]
    assert database.execute(everything).fetchall() == before
    assert len(before) == ROWS


def test_late_rows_go_into_compressed_chunks_and_are_compressed_by_the_next_call(database: psycopg.Connection[Any]) -> None:
    database.execute(PLANTED)
    database.execute(COMPRESS_ALL)
    database.execute("INSERT INTO logs SELECT time + interval '1 second', sequence, 9, 'info', 'late', 'm' FROM logs")
    assert column(database, "SELECT count(*) FROM logs") == [2 * ROWS]
    partial = "SELECT count(*) FROM _timescaledb_catalog.chunk WHERE status & 8 = 8"
    assert column(database, partial) == [2]
    for chunk in column(database, "SELECT show_chunks('logs')::text"):
        database.execute(f"CALL convert_to_columnstore('{chunk}')")
    assert column(database, partial) == [0]
    assert column(database, "SELECT count(*) FROM logs WHERE node = 'late'") == [ROWS]


def test_compressed_chunks_are_dropped_whole(database: psycopg.Connection[Any]) -> None:
    database.execute(PLANTED)
    database.execute(COMPRESS_ALL)
    database.execute("INSERT INTO logs VALUES ('2025-03-01 00:00:30Z', 1, 9, 'info', 'late', 'm')")
    assert len(column(database, "SELECT drop_chunks('logs', '2025-03-02Z'::timestamptz)")) == 1
    assert database.execute("SELECT count(*), min(sequence) FROM logs").fetchall() == [(ROWS / 2, ROWS / 2)]
    # Nothing of it is left in the columnstore's own tables either.
    assert column(database, "SELECT count(*) FROM _timescaledb_catalog.chunk WHERE NOT dropped") == [2]


def test_migrating_again_changes_nothing(community_url: str, database: psycopg.Connection[Any]) -> None:
    database.execute(PLANTED)
    database.execute(COMPRESS_ALL)
    database.close()
    migrate(community_url)
    with psycopg.connect(community_url, autocommit=True) as again:
        assert column(again, COMPRESSED) == [True, True]
        assert column(again, "SELECT count(*) FROM logs") == [ROWS]


def test_readers_get_their_rights_once_their_group_is_there(community_url: str, database: psycopg.Connection[Any]) -> None:
    database.execute(PLANTED)
    database.execute(COMPRESS_ALL)
    database.execute("INSERT INTO logs SELECT time, sequence + 1, 17, 'error', 'late', 'm' FROM logs LIMIT 1")
    database.execute("CREATE ROLE logstream_readonly NOLOGIN")
    database.close()
    migrate(community_url)
    with psycopg.connect(community_url, autocommit=True) as connection:
        try:
            connection.execute("SET ROLE logstream_readonly")
            assert column(connection, "SELECT count(*) FROM logs_readable") == [ROWS + 1]
            assert column(connection, "SELECT compressed FROM storage_readable") == [True, True]
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("DELETE FROM logs")
        finally:
            connection.execute("RESET ROLE")
            connection.execute("DROP OWNED BY logstream_readonly; DROP ROLE logstream_readonly")
