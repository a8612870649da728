"""Every migration on TimescaleDB's Community edition, up and down, with rows in compressed chunks."""

from pathlib import Path
from typing import Any

import logstream_writer.store.migrate
import psycopg
import pytest
import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from logstream_writer.store.edition import copies_directly
from logstream_writer.store.migrate import migrate
from sqlalchemy.pool import NullPool

CONFIG = Config()
CONFIG.set_main_option("script_location", str(Path(logstream_writer.store.migrate.__file__).parent / "migrations"))
REVISIONS = [script.revision for script in ScriptDirectory.from_config(CONFIG).walk_revisions()]
ROWS = 2_001
PLANTED = """
INSERT INTO logs
SELECT '2025-03-01Z'::timestamptz + i * interval '1 minute', i, 9, 'info', 'api', 'm' FROM generate_series(1, 2000) AS i;
SELECT compress_chunk(chunk) FROM show_chunks('logs') AS chunk;
INSERT INTO logs VALUES ('2025-03-01Z', 0, 9, 'info', 'api', 'late');
INSERT INTO log_counts (bucket, node, level, severity, count) VALUES ('2025-03-01Z', 'api', 'info', 9, 1);
INSERT INTO log_rollups SELECT width_s, '2025-03-01Z', 'api', 'info', 9, 2000 FROM unnest(ARRAY[60, 600, 3600]) AS width_s;
"""


def downgrade(url: str, revision: str) -> None:
    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=NullPool)
    with engine.connect() as connection:
        CONFIG.attributes["connection"] = connection
        command.downgrade(CONFIG, revision)
        connection.commit()


def stored(url: str) -> tuple[Any, ...] | None:
    """Rows, those of them that are counted in log_counts, and the schema's version."""
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(
            "SELECT (SELECT count(*) FROM logs), (SELECT sum(count) FROM log_counts)::int, version_num FROM alembic_version"
        ).fetchone()


@pytest.mark.parametrize("revision", REVISIONS[1:])
def test_the_schema_goes_down_with_its_rows_and_up_again(
    community_url: str, database: psycopg.Connection[Any], revision: str
) -> None:
    database.execute(PLANTED)
    database.close()
    try:
        downgrade(community_url, revision)
        # Before 0003 there was one table of counts, which has all of them again.
        counted = 1 if revision >= "0003" else ROWS
        assert stored(community_url) == (ROWS, counted, revision)
    finally:
        migrate(community_url)
    assert stored(community_url) == (ROWS, counted, REVISIONS[0])


def test_the_schema_can_be_removed_and_made_anew(community_url: str, database: psycopg.Connection[Any]) -> None:
    database.execute(PLANTED)
    database.close()
    downgrade(community_url, "base")
    with psycopg.connect(community_url, autocommit=True) as connection:
        left = connection.execute("SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace")
        assert {name for (name,) in left} == {"alembic_version", "alembic_version_pkc"}
    migrate(community_url)
    with psycopg.connect(community_url, autocommit=True) as connection:
        assert copies_directly(connection)
