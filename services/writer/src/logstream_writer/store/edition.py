"""What TimescaleDB's Community edition adds: the columnstore, and COPY straight into it. The edition is looked up, never
configured, so a database that changes its edition is used as what it is from the writer's next start."""

from typing import Any, Final

import psycopg
import sqlalchemy

# Rows that a flush must have to go straight into the columnstore: small ones would leave small, expensive batches there.
# Those stay rows, and the chunk contains both.
DIRECT_ROWS: Final = 5_000

_COMMUNITY: Final = "coalesce(current_setting('timescaledb.license', true), '') = 'timescale'"
# The setting came with 2.21; without it flushes go in as rows.
_DIRECT: Final = f"{_COMMUNITY} AND current_setting('timescaledb.enable_direct_compress_copy', true) IS NOT NULL"
_ENABLED: Final = "(SELECT compression_enabled FROM timescaledb_information.hypertables WHERE hypertable_name = 'logs')"
# Without segments: one for each node would cut a flush of many nodes into batches of few rows. The order is the pages'.
_ENABLE: Final = """
ALTER TABLE logs SET (timescaledb.enable_columnstore, timescaledb.segmentby = '', timescaledb.orderby = 'time, sequence')
"""

# Valid to the end of the transaction. The server sorts each flush: nothing is promised about the order of several.
SET_DIRECT: Final = "SET LOCAL timescaledb.enable_direct_compress_copy = on"


def enable_columnstore(connection: sqlalchemy.Connection) -> bool:
    """Makes logs a columnstore where the edition has one and it is none yet; whether it did. Needs the table's owner."""
    needed = connection.execute(sqlalchemy.text(f"SELECT {_DIRECT} AND NOT {_ENABLED}")).scalar_one()
    if needed:
        connection.execute(sqlalchemy.text(_ENABLE))
    return bool(needed)


def copies_directly(connection: psycopg.Connection[Any]) -> bool:
    """Whether this database takes COPY straight into the columnstore."""
    row = connection.execute(f"SELECT {_DIRECT} AND {_ENABLED}").fetchone()
    return bool(row and row[0])


def has_columnstore(connection: psycopg.Connection[Any]) -> bool:
    """Whether logs is a columnstore here, and the edition still has the procedures for one."""
    row = connection.execute(f"SELECT {_COMMUNITY} AND {_ENABLED}").fetchone()
    return bool(row and row[0])
