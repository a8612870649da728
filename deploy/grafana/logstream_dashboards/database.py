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
            "Stored bytes",
            BYTES,
            "Size on disk of records, indexes, batches, dead letters, counts and search index, and of the whole "
            "database. At the limit the oldest records are deleted.",
            [
                Query(f"logstream_writer_maintenance_stored_bytes {_LIMITING}", "of logstream"),
                Query(f"logstream_writer_maintenance_retention_bytes {_LIMITING}", "limit"),
                Query(f"pg_database_size_bytes{_OURS}", "database {{datname}}"),
            ],
        ),
        Panel(
            "Chunks",
            COUNT,
            "Chunks of the logs table. A few hundred at most; retention deletes whole chunks.",
            [Query(f"logstream_writer_maintenance_chunks {_LEADING}", "chunks")],
        ),
        Panel(
            "Chunk interval",
            SECONDS,
            "Time range of future chunks: between ten minutes and a day, adapted to the rate. One minute in a flood.",
            [Query(f"logstream_writer_maintenance_chunk_interval_seconds {_LEADING}", "chunk")],
        ),
        Panel(
            "Records committed",
            RECORDS_A_SECOND,
            "Records that writers store.",
            [Query(rate("logstream_writer_stored_records_total"), "records")],
        ),
        Panel(
            "Flush duration",
            SECONDS,
            "Duration of the writers' transactions. Tens of milliseconds.",
            quantiles("logstream_writer_flush_seconds"),
        ),
        Panel(
            "Failures by SQLSTATE class",
            A_SECOND,
            "Flushes that are held and retried. 0 is normal.",
            [Query(rate("logstream_writer_database_failures_total", "sqlstate_class"), "{{sqlstate_class}}")],
            stacked=True,
        ),
    ],
)

_SERVER: Final = Row(
    "Server (Prometheus' exporter for PostgreSQL)",
    [
        Panel("Reachable", UP, "1 while the exporter can reach the server.", [Query("pg_up", "{{instance}}")]),
        Panel(
            "Connections by state",
            COUNT,
            "Each writer has one or two, the query service has its pool. A long idle in transaction delays the clean-up"
            " of old rows.",
            [
                Query("sum by (state) (pg_stat_activity_count)", "{{state}}"),
                Query("max(pg_settings_max_connections)", "max_connections"),
            ],
        ),
        Panel(
            "Longest transaction",
            SECONDS,
            "Seconds are normal; minutes during an export.",
            [Query("max by (state) (pg_stat_activity_max_tx_duration)", "{{state}}")],
        ),
        Panel(
            "Transactions",
            A_SECOND,
            "Committed and rolled back. A few are rolled back, for example when a reader disconnects.",
            [
                Query(rate(f"pg_stat_database_xact_commit{_OURS}"), "committed"),
                Query(rate(f"pg_stat_database_xact_rollback{_OURS}"), "rolled back"),
            ],
        ),
        Panel(
            "Cache hit ratio",
            SHARE,
            "Share of blocks found in shared_buffers. Above 0.9 while users read the last hours.",
            [
                Query(
                    f"{rate(f'pg_stat_database_blks_hit{_OURS}')} / ({rate(f'pg_stat_database_blks_hit{_OURS}')} "
                    f"+ {rate(f'pg_stat_database_blks_read{_OURS}')})",
                    "share",
                )
            ],
        ),
        Panel(
            "Locks by mode",
            COUNT,
            "Locks held now. A long accessexclusivelock blocks all other sessions; retention holds it only briefly.",
            [Query('sum by (mode) (pg_locks_count{datname!~"template.*|postgres|"})', "{{mode}}")],
        ),
        Panel(
            "Temporary files",
            BYTES_A_SECOND,
            "Sorts that do not fit into work_mem. Near 0.",
            [Query(rate(f"pg_stat_database_temp_bytes{_OURS}"), "bytes")],
            width=12,
        ),
        Panel(
            "Deadlocks",
            A_SECOND,
            "0 is normal: writers insert in a fixed order.",
            [Query(rate(f"pg_stat_database_deadlocks{_OURS}"), "deadlocks")],
            width=12,
        ),
    ],
)

BOARD: Final = Board(
    "logstream-database",
    "logstream: database",
    "TimescaleDB: the storage as measured by the writers, and the server as reported by Prometheus' exporter for "
    "PostgreSQL.",
    [_STORAGE, _SERVER],
)
