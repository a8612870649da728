"""The writers: flushes, dead letters, and maintenance."""

from typing import Final

from logstream_dashboards.panels import (
    A_SECOND,
    BYTES,
    COUNT,
    RECORDS_A_SECOND,
    SECONDS,
    UP,
    Board,
    Panel,
    Query,
    Row,
    process,
    quantiles,
    rate,
)

_LEADING: Final = "and logstream_writer_maintenance_leading == 1"
_LIMITING: Final = "and logstream_writer_retention_leading == 1"

_STORING: Final = Row(
    "Storing",
    [
        Panel(
            "Records by writer",
            RECORDS_A_SECOND,
            "Records committed. Writers share the queue, so equal writers have equal shares.",
            [Query(rate("logstream_writer_stored_records_total", "instance"), "{{instance}}")],
            stacked=True,
        ),
        Panel(
            "Records and batches per flush",
            COUNT,
            "Per transaction. Few when idle; up to LOGSTREAM_WRITER_FLUSH_RECORDS under load.",
            [
                Query(
                    f"{rate('logstream_writer_stored_records_total')} / {rate('logstream_writer_flushes_total')}", "records"
                ),
                Query(
                    f"{rate('logstream_writer_stored_batches_total')} / {rate('logstream_writer_flushes_total')}", "batches"
                ),
            ],
        ),
        Panel(
            "Flush duration",
            SECONDS,
            "From decoding the first byte until the commit. Tens of milliseconds; more indicates a busy database or disk.",
            quantiles("logstream_writer_flush_seconds"),
        ),
        Panel(
            "Lag until the commit",
            SECONDS,
            "Time from receiving a batch at the gateway to its commit. Well below a second without a backlog.",
            quantiles("logstream_writer_commit_lag_seconds"),
        ),
        Panel(
            "Messages held",
            COUNT,
            "Messages consumed but not acknowledged yet. Bounded by LOGSTREAM_WRITER_PREFETCH_BYTES; they return to the"
            " queue when the writer stops.",
            [Query("logstream_writer_buffered_messages", "{{instance}}")],
        ),
        Panel(
            "State",
            UP,
            "1 while the writer consumes messages, and 1 unless its last call to Redis failed.",
            [
                Query("logstream_writer_consuming", "{{instance}} consuming"),
                Query("logstream_writer_redis_up", "{{instance}} Redis"),
            ],
        ),
    ],
)

_ASIDE: Final = Row(
    "Retries, dead letters and failures",
    [
        Panel(
            "Dead letters by reason",
            A_SECOND,
            "Entries stored in dead_letters. 0 is normal.",
            [Query(rate("logstream_writer_dead_letters_total", "reason"), "{{reason}}")],
            stacked=True,
        ),
        Panel(
            "Database failures by SQLSTATE class",
            A_SECOND,
            "Flushes that are held and retried. 0 is normal; class 42 is a missing table or privilege and does not "
            "resolve by itself.",
            [Query(rate("logstream_writer_database_failures_total", "sqlstate_class"), "{{sqlstate_class}}")],
            stacked=True,
        ),
        Panel(
            "Duplicates",
            A_SECOND,
            "Batches whose id is already stored, and messages delivered again. Normal after restarts and retries; a "
            "steady rate means that something retries all the time. Bisected: flushes searched for a record that the "
            "database refuses.",
            [
                Query(rate("logstream_writer_duplicate_batches_total"), "duplicate batches"),
                Query(rate("logstream_writer_redelivered_messages_total"), "redelivered messages"),
                Query(rate("logstream_writer_bisected_flushes_total"), "bisected flushes"),
            ],
        ),
        Panel(
            "Live without a position",
            A_SECOND,
            "Batches published without a live position because Redis did not respond, and records whose live message "
            "was dropped. 0 is normal.",
            [
                Query(rate("logstream_writer_unnumbered_batches_total"), "unnumbered batches"),
                Query(rate("logstream_writer_live_dropped_records_total"), "records dropped"),
            ],
            width=24,
        ),
        Panel(
            "Mended records",
            RECORDS_A_SECOND,
            "Records stored differently from how they were sent, by what was done: cut, renamed, left out, replaced. "
            "Each is marked with an attribute logstream.…, which says so.",
            [Query(rate("logstream_writer_mended_records_total", "reason"), "{{reason}}")],
            width=12,
            stacked=True,
        ),
        Panel(
            "Names without their own count",
            A_SECOND,
            "Levels and nodes of a flush beyond those that the counts of a minute keep; their records are counted "
            "together. A steady rate means that something writes values there that are not names.",
            [Query(rate("logstream_writer_folded_names_total"), "names")],
            width=12,
        ),
    ],
)

_MAINTENANCE: Final = Row(
    "Maintenance",
    [
        Panel(
            "Active writer",
            UP,
            "1 for the writer that holds the maintenance lock: one at a time.",
            [Query("logstream_writer_maintenance_leading", "{{instance}}")],
        ),
        Panel(
            "Failed runs by task",
            A_SECOND,
            "Runs that failed and are retried. 0 is normal; occasionally a run cannot get a lock.",
            [Query(rate('logstream_writer_maintenance_runs_total{outcome="failed"}', "task"), "{{task}}")],
            stacked=True,
        ),
        Panel(
            "Mean duration of a run by task",
            SECONDS,
            "Under load the search index takes the largest part, at most LOGSTREAM_SEARCH_INDEX_SHARE of the time.",
            [
                Query(
                    f"{rate('logstream_writer_maintenance_seconds_sum', 'task')} "
                    f"/ ({rate('logstream_writer_maintenance_seconds_count', 'task')} > 0)",
                    "{{task}}",
                )
            ],
        ),
        Panel(
            "Age of the oldest record",
            SECONDS,
            "It grows to the retention period and stays there, with steps of a chunk interval.",
            [
                Query(f"logstream_writer_maintenance_oldest_record_age_seconds {_LEADING}", "oldest record"),
                Query(f"logstream_writer_maintenance_retention_seconds {_LEADING}", "retention"),
            ],
        ),
        Panel(
            "Stored bytes",
            BYTES,
            "Size on disk of records, indexes, batches, dead letters, counts and search index. At the limit the oldest "
            "records are deleted.",
            [
                Query(f"logstream_writer_maintenance_stored_bytes {_LIMITING}", "stored"),
                Query(f"logstream_writer_maintenance_retention_bytes {_LIMITING}", "limit"),
            ],
        ),
        Panel(
            "Freed bytes by task",
            BYTES,
            "Disk space freed within an hour.",
            [Query("sum by (task) (increase(logstream_writer_maintenance_freed_bytes_total[1h]))", "{{task}}")],
            stacked=True,
        ),
        Panel(
            "Waiting for maintenance",
            COUNT,
            "Counts not compacted yet, and records not in the search index yet, in which searches take longer. Both "
            "grow during a storm and shrink after it.",
            [
                Query(f"logstream_writer_maintenance_uncompacted_count_rows {_LEADING}", "rows of counts"),
                Query(f"logstream_writer_maintenance_unindexed_records {_LEADING}", "records to index"),
            ],
            width=12,
        ),
        Panel(
            "Work done",
            A_SECOND,
            "Work that the tasks have done, by task and kind.",
            [Query(rate("logstream_writer_maintenance_done_total", "task, what"), "{{task}} {{what}}")],
            width=12,
        ),
    ],
)

BOARD: Final = Board(
    "logstream-writer",
    "logstream: writer",
    "How writers store records, dead letters, and the maintenance of the storage.",
    [_STORING, _ASIDE, _MAINTENANCE, Row("Process", process("logstream_writer_consuming"))],
)
