"""TimescaleDB: the storage as measured by the writers, and the server as reported by Prometheus' exporter for PostgreSQL."""

from typing import Final

from logstream_dashboards.panels import (
    A_SECOND,
    BYTES,
    BYTES_A_SECOND,
    COUNT,
    RECORDS_A_SECOND,
    SECONDS,
    SHARE,
    UP,
    Board,
    Panel,
    Query,
    Row,
    quantiles,
    rate,
)

_LEADING: Final = "and logstream_writer_maintenance_leading == 1"
_LIMITING: Final = "and logstream_writer_retention_leading == 1"
# Excludes the other databases of the server, such as its own.
_OURS: Final = '{datname!~"template.*|postgres|"}'

_STORAGE: Final = Row(
    "Storage",
    [
        Panel(
            title="Stored bytes",
            unit=BYTES,
            description=(
                "Size on disk of records, indexes, batches, dead letters, counts and search index, and of the whole "
                "database. At the limit the oldest records are deleted."
            ),
            queries=[
                Query(f"logstream_writer_maintenance_stored_bytes {_LIMITING}", "of logstream"),
                Query(f"logstream_writer_maintenance_retention_bytes {_LIMITING}", "limit"),
                Query(f"pg_database_size_bytes{_OURS}", "database {{datname}}"),
            ],
        ),
        Panel(
            title="Chunks",
            unit=COUNT,
            description="Chunks of the logs table. A few hundred at most; retention deletes whole chunks.",
            queries=[Query(f"logstream_writer_maintenance_chunks {_LEADING}", "chunks")],
        ),
        Panel(
            title="Chunk interval",
            unit=SECONDS,
            description=(
                "Time range of future chunks: between ten minutes and a day, adapted to the rate. One minute in a flood."
            ),
            queries=[Query(f"logstream_writer_maintenance_chunk_interval_seconds {_LEADING}", "chunk")],
        ),
        Panel(
            title="Records committed",
            unit=RECORDS_A_SECOND,
            description="Records that writers store.",
            queries=[Query(rate("logstream_writer_stored_records_total"), "records")],
        ),
        Panel(
            title="Flush duration",
            unit=SECONDS,
            description="Duration of the writers' transactions. Tens of milliseconds.",
            queries=quantiles("logstream_writer_flush_seconds"),
        ),
        Panel(
            title="Failures by SQLSTATE class",
            unit=A_SECOND,
            description="Flushes that are held and retried. 0 is normal.",
            queries=[Query(rate("logstream_writer_database_failures_total", "sqlstate_class"), "{{sqlstate_class}}")],
            stacked=True,
        ),
    ],
)

_SERVER: Final = Row(
    "Server (Prometheus' exporter for PostgreSQL)",
    [
        Panel(
            title="Reachable",
            unit=UP,
            description="1 while the exporter can reach the server.",
            queries=[Query("pg_up", "{{instance}}")],
        ),
        Panel(
            title="Connections by state",
            unit=COUNT,
            description=(
                "Each writer has one or two, the query service has its pool. A long idle in transaction delays the "
                "clean-up of old rows."
            ),
            queries=[
                Query("sum by (state) (pg_stat_activity_count)", "{{state}}"),
                Query("max(pg_settings_max_connections)", "max_connections"),
            ],
        ),
        Panel(
            title="Longest transaction",
            unit=SECONDS,
            description="Seconds are normal; minutes during an export.",
            queries=[Query("max by (state) (pg_stat_activity_max_tx_duration)", "{{state}}")],
        ),
        Panel(
            title="Transactions",
            unit=A_SECOND,
            description="Committed and rolled back. A few are rolled back, for example when a reader disconnects.",
            queries=[
                Query(rate(f"pg_stat_database_xact_commit{_OURS}"), "committed"),
                Query(rate(f"pg_stat_database_xact_rollback{_OURS}"), "rolled back"),
            ],
        ),
        Panel(
            title="Cache hit ratio",
            unit=SHARE,
            description="Share of blocks found in shared_buffers. Above 0.9 while users read the last hours.",
            queries=[
                Query(
                    f"{rate(f'pg_stat_database_blks_hit{_OURS}')} / ({rate(f'pg_stat_database_blks_hit{_OURS}')} "
                    f"+ {rate(f'pg_stat_database_blks_read{_OURS}')})",
                    "share",
                )
            ],
        ),
        Panel(
            title="Locks by mode",
            unit=COUNT,
            description=(
                "Locks held now. A long accessexclusivelock blocks all other sessions; retention holds it only briefly."
            ),
            queries=[Query('sum by (mode) (pg_locks_count{datname!~"template.*|postgres|"})', "{{mode}}")],
        ),
        Panel(
            title="Temporary files",
            unit=BYTES_A_SECOND,
            description="Sorts that do not fit into work_mem. Near 0.",
            queries=[Query(rate(f"pg_stat_database_temp_bytes{_OURS}"), "bytes")],
            width=12,
        ),
        Panel(
            title="Deadlocks",
            unit=A_SECOND,
            description="0 is normal: writers insert in a fixed order.",
            queries=[Query(rate(f"pg_stat_database_deadlocks{_OURS}"), "deadlocks")],
            width=12,
        ),
    ],
)

BOARD: Final = Board(
    uid="logstream-database",
    title="logstream: database",
    description=(
        "TimescaleDB: the storage as measured by the writers, and the server as reported by Prometheus' exporter for "
        "PostgreSQL."
    ),
    rows=[_STORAGE, _SERVER],
)
