"""The writers: flushes, what they put aside, and maintenance."""

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
            "Records committed. Writers share the queue, so equal writers have equal parts.",
            [Query(rate("logstream_writer_stored_records_total", "instance"), "{{instance}}")],
            stacked=True,
        ),
        Panel(
            "Records and batches in a flush",
            COUNT,
            "For each transaction. Few at rest; up to LOGSTREAM_WRITER_FLUSH_RECORDS under load.",
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
            "Time of a flush",
            SECONDS,
            "From the first byte decoded until the commit. Tens of milliseconds; more means a busy database or disk.",
            quantiles("logstream_writer_flush_seconds"),
        ),
        Panel(
            "Lag until the commit",
            SECONDS,
            "From the gateway's receiving a batch to its commit. Well below a second without a backlog.",
            quantiles("logstream_writer_commit_lag_seconds"),
        ),
        Panel(
            "Messages held",
            COUNT,
            "Messages taken and not acknowledged yet. Bounded by LOGSTREAM_WRITER_PREFETCH_BYTES; they go back to the queue "
            "when the writer ends.",
            [Query("logstream_writer_buffered_messages", "{{instance}}")],
        ),
        Panel(
            "State",
            UP,
            "1 while the writer takes messages, and unless its last call to Redis failed.",
            [
                Query("logstream_writer_consuming", "{{instance}} consuming"),
                Query("logstream_writer_redis_up", "{{instance}} Redis"),
            ],
        ),
    ],
)

_ASIDE: Final = Row(
    "Again, aside and failed",
    [
        Panel(
            "Dead letters by reason",
            A_SECOND,
            "Entries put into dead_letters. 0 is normal.",
            [Query(rate("logstream_writer_dead_letters_total", "reason"), "{{reason}}")],
            stacked=True,
        ),
        Panel(
            "Database failures by SQLSTATE class",
            A_SECOND,
            "Flushes that are held and tried again. 0 is normal; class 42 is a missing table or right and does not heal.",
            [Query(rate("logstream_writer_database_failures_total", "sqlstate_class"), "{{sqlstate_class}}")],
            stacked=True,
        ),
        Panel(
            "Seen before",
            A_SECOND,
            "Batches whose id is stored already, and messages delivered again. Normal after restarts and "
            "retries; steady ones "
            "mean that something retries all the time. Bisected: flushes searched for a record that the database refuses.",
            [
                Query(rate("logstream_writer_duplicate_batches_total"), "duplicate batches"),
                Query(rate("logstream_writer_redelivered_messages_total"), "redelivered messages"),
                Query(rate("logstream_writer_bisected_flushes_total"), "bisected flushes"),
            ],
        ),
        Panel(
            "Live without a place",
            A_SECOND,
            "Batches announced without a live position because Redis did not answer, and records whose live message was "
            "dropped. 0 is normal.",
            [
                Query(rate("logstream_writer_unnumbered_batches_total"), "unnumbered batches"),
                Query(rate("logstream_writer_live_dropped_records_total"), "records dropped"),
            ],
            width=24,
        ),
        Panel(
            "Mended records",
            RECORDS_A_SECOND,
            "Records stored otherwise than they were sent, by what was done: cut, renamed, left out, replaced. An attribute "
            "logstream.… of each tells of it.",
            [Query(rate("logstream_writer_mended_records_total", "reason"), "{{reason}}")],
            width=12,
            stacked=True,
        ),
        Panel(
            "Names not counted by name",
            A_SECOND,
            "Levels and nodes of a flush beyond those that the counts of a minute keep; their records are counted together. "
            "Steady ones mean that something writes what is no name there.",
            [Query(rate("logstream_writer_folded_names_total"), "names")],
            width=12,
        ),
    ],
)

_MAINTENANCE: Final = Row(
    "Maintenance",
    [
        Panel(
            "Who does it",
            UP,
            "1 for the writer that has the lock of maintenance: one at a time.",
            [Query("logstream_writer_maintenance_leading", "{{instance}}")],
        ),
        Panel(
            "Failed runs by task",
            A_SECOND,
            "Runs that failed and are tried again. 0; now and then one waits for a lock in vain.",
            [Query(rate('logstream_writer_maintenance_runs_total{outcome="failed"}', "task"), "{{task}}")],
            stacked=True,
        ),
        Panel(
            "Mean time of a run by task",
            SECONDS,
            "The search index takes the largest part under load, LOGSTREAM_SEARCH_INDEX_SHARE of the time at most.",
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
            "It grows to the retention and stays there, with teeth of a chunk's time.",
            [
                Query(f"logstream_writer_maintenance_oldest_record_age_seconds {_LEADING}", "oldest record"),
                Query(f"logstream_writer_maintenance_retention_seconds {_LEADING}", "retention"),
            ],
        ),
        Panel(
            "Stored bytes",
            BYTES,
            "Size on disk of records, indexes, batches, dead letters, counts and search index. At the limit the oldest go.",
            [
                Query(f"logstream_writer_maintenance_stored_bytes {_LIMITING}", "stored"),
                Query(f"logstream_writer_maintenance_retention_bytes {_LIMITING}", "limit"),
            ],
        ),
        Panel(
            "Freed bytes by task",
            BYTES,
            "Disk space given back within an hour.",
            [Query("sum by (task) (increase(logstream_writer_maintenance_freed_bytes_total[1h]))", "{{task}}")],
            stacked=True,
        ),
        Panel(
            "Waiting for maintenance",
            COUNT,
            "Counts not added up yet, and records that are not in the search index yet: searches in those take longer. Both "
            "grow in a storm and fall after it.",
            [
                Query(f"logstream_writer_maintenance_uncompacted_count_rows {_LEADING}", "rows of counts"),
                Query(f"logstream_writer_maintenance_unindexed_records {_LEADING}", "records to index"),
            ],
            width=12,
        ),
        Panel(
            "Work done",
            A_SECOND,
            "What tasks have done, by task and kind.",
            [Query(rate("logstream_writer_maintenance_done_total", "task, what"), "{{task}} {{what}}")],
            width=12,
        ),
    ],
)

BOARD: Final = Board(
    "logstream-writer",
    "logstream: writer",
    "How writers store records, what they put aside, and the maintenance of the storage.",
    [_STORING, _ASIDE, _MAINTENANCE, Row("Process", process("logstream_writer_consuming"))],
)
