"""Updates the schema to this release's version, one process at a time."""

import logging
from pathlib import Path

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.pool import NullPool

from logstream_writer.store.edition import enable_columnstore
from logstream_writer.store.errors import unavailable
from logstream_writer.store.readers import READERS, let_read

log = logging.getLogger(__name__)

# One number for all migrations of logstream; sessions that take this lock wait for each other.
_LOCK = 0x6C6F_6773_7472_6561  # "logstrea"


def migrate(database_url: str) -> None:
    """Runs the missing migrations under an advisory lock, each in a transaction. Blocks while another process migrates.

    A schema that a later release has migrated is left alone. Raises StoreUnavailable.
    """
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(database_url, connect_timeout=5, application_name="logstream-migrate"),
        poolclass=NullPool,
    )
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    try:
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
            connection.commit()
            current = MigrationContext.configure(connection).get_current_revision()
            connection.commit()
            scripts = ScriptDirectory.from_config(config)
            if current and current not in {script.revision for script in scripts.walk_revisions()}:
                log.warning("the schema is from a later release", extra={"revision": current})
                return
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
            if enable_columnstore(connection):
                log.info("Community edition: the table logs now uses the columnstore")
            connection.commit()
            if let_read(connection):
                log.info("the role for readers was granted access", extra={"role": READERS})
            connection.commit()
            log.info("schema is up to date", extra={"from": current, "to": scripts.get_current_head()})
    except (psycopg.Error, sqlalchemy.exc.SQLAlchemyError) as error:
        raise unavailable(getattr(error, "orig", None) or error) from error
