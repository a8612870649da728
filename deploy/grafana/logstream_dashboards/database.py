"""TimescaleDB: the storage as logstream sees it, and the server as Prometheus' exporter for PostgreSQL sees it."""

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
# The other databases of the server, its own among them, are no concern here.
_OURS: Final = '{datname!~"template.*|postgres|"}'

_STORAGE: Final = Row(
    "Storage",
    [
        Panel(
            "Stored bytes",
            BYTES,
            "Size on disk of records, indexes, batches, dead letters, counts, search index, and of the whole database. At "
            "the limit the oldest go.",
            [
                Query(f"logstream_writer_maintenance_stored_bytes {_LIMITING}", "of logstream"),
                Query(f"logstream_writer_maintenance_retention_bytes {_LIMITING}", "limit"),
                Query(f"pg_database_size_bytes{_OURS}", "database {{datname}}"),
            ],
        ),
        Panel(
            "Chunks",
            COUNT,
            "Chunks of logs. Some hundred at most; retention deletes them whole.",
            [Query(f"logstream_writer_maintenance_chunks {_LEADING}", "chunks")],
        ),
        Panel(
            "Time of a chunk",
            SECONDS,
            "The time that chunks to come take, between ten minutes and a day: fitted to the rate. A minute in a flood.",
            [Query(f"logstream_writer_maintenance_chunk_interval_seconds {_LEADING}", "chunk")],
        ),
        Panel(
            "Records committed",
            RECORDS_A_SECOND,
            "What writers store.",
            [Query(rate("logstream_writer_stored_records_total"), "records")],
        ),
        Panel(
            "Time of a flush",
            SECONDS,
            "How long the writers' transactions take. Tens of milliseconds.",
            quantiles("logstream_writer_flush_seconds"),
        ),
        Panel(
            "Failures by SQLSTATE class",
            A_SECOND,
            "Flushes that are held and tried again. 0 is normal.",
            [Query(rate("logstream_writer_database_failures_total", "sqlstate_class"), "{{sqlstate_class}}")],
            stacked=True,
        ),
    ],
)

_SERVER: Final = Row(
    "Server (Prometheus' exporter for PostgreSQL)",
    [
        Panel("Reachable", UP, "1 while the exporter reaches the server.", [Query("pg_up", "{{instance}}")]),
        Panel(
            "Connections by state",
            COUNT,
            "Writers have one or two each, query its pool. idle in transaction for long holds back the clean-up "
            "of old rows.",
            [
                Query("sum by (state) (pg_stat_activity_count)", "{{state}}"),
                Query("max(pg_settings_max_connections)", "max_connections"),
            ],
        ),
        Panel(
            "Longest transaction",
            SECONDS,
            "Seconds are normal, in an export minutes.",
            [Query("max by (state) (pg_stat_activity_max_tx_duration)", "{{state}}")],
        ),
        Panel(
            "Transactions",
            A_SECOND,
            "Committed and rolled back. Few are rolled back; readers that go away are.",
            [
                Query(rate(f"pg_stat_database_xact_commit{_OURS}"), "committed"),
                Query(rate(f"pg_stat_database_xact_rollback{_OURS}"), "rolled back"),
            ],
        ),
        Panel(
            "Found in memory",
            SHARE,
            "The part of blocks that were in shared_buffers. Above 0.9 while people read the last hours.",
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
            "Locks held now. accessexclusivelock for long keeps everybody out: retention takes it for moments.",
            [Query('sum by (mode) (pg_locks_count{datname!~"template.*|postgres|"})', "{{mode}}")],
        ),
        Panel(
            "Temporary files",
            BYTES_A_SECOND,
            "Sorts that did not fit into work_mem. Near 0.",
            [Query(rate(f"pg_stat_database_temp_bytes{_OURS}"), "bytes")],
            width=12,
        ),
        Panel(
            "Deadlocks",
            A_SECOND,
            "0: writers insert in one order.",
            [Query(rate(f"pg_stat_database_deadlocks{_OURS}"), "deadlocks")],
            width=12,
        ),
    ],
)

BOARD: Final = Board(
    "logstream-database",
    "logstream: database",
    "TimescaleDB: the storage as the writers measure it, and the server as Prometheus' exporter for PostgreSQL shows it.",
    [_STORAGE, _SERVER],
)
