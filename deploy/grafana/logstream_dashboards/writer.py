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
            title="Records by writer",
            unit=RECORDS_A_SECOND,
            description="Records committed. Writers share the queue, so equal writers have equal shares.",
            queries=[Query(rate("logstream_writer_stored_records_total", "instance"), "{{instance}}")],
            stacked=True,
        ),
        Panel(
            title="Records and batches per flush",
            unit=COUNT,
            description="Per transaction. Few when idle; up to LOGSTREAM_WRITER_FLUSH_RECORDS under load.",
            queries=[
                Query(
                    f"{rate('logstream_writer_stored_records_total')} / {rate('logstream_writer_flushes_total')}", "records"
                ),
                Query(
                    f"{rate('logstream_writer_stored_batches_total')} / {rate('logstream_writer_flushes_total')}", "batches"
                ),
            ],
        ),
        Panel(
            title="Flush duration",
            unit=SECONDS,
            description=(
                "From decoding the first byte until the commit. Tens of milliseconds; more indicates a busy database "
                "or disk."
            ),
            queries=quantiles("logstream_writer_flush_seconds"),
        ),
        Panel(
            title="Lag until the commit",
            unit=SECONDS,
            description=("Time from receiving a batch at the gateway to its commit. Well below a second without a backlog."),
            queries=quantiles("logstream_writer_commit_lag_seconds"),
        ),
        Panel(
            title="Messages held",
            unit=COUNT,
            description=(
                "Messages consumed but not acknowledged yet. Bounded by LOGSTREAM_WRITER_PREFETCH_BYTES; they return "
                "to the queue when the writer stops."
            ),
            queries=[Query("logstream_writer_buffered_messages", "{{instance}}")],
        ),
        Panel(
            title="State",
            unit=UP,
            description="1 while the writer consumes messages, and 1 unless its last call to Redis failed.",
            queries=[
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
            title="Dead letters by reason",
            unit=A_SECOND,
            description="Entries stored in dead_letters. 0 is normal.",
            queries=[Query(rate("logstream_writer_dead_letters_total", "reason"), "{{reason}}")],
            stacked=True,
        ),
        Panel(
            title="Database failures by SQLSTATE class",
            unit=A_SECOND,
            description=(
                "Flushes that are held and retried. 0 is normal; class 42 is a missing table or privilege and does "
                "not resolve by itself."
            ),
            queries=[Query(rate("logstream_writer_database_failures_total", "sqlstate_class"), "{{sqlstate_class}}")],
            stacked=True,
        ),
        Panel(
            title="Duplicates",
            unit=A_SECOND,
            description=(
                "Batches whose id is already stored, and messages delivered again. Normal after restarts and "
                "retries; a steady rate means that something retries all the time. Bisected: flushes searched for a "
                "record that the database refuses."
            ),
            queries=[
                Query(rate("logstream_writer_duplicate_batches_total"), "duplicate batches"),
                Query(rate("logstream_writer_redelivered_messages_total"), "redelivered messages"),
                Query(rate("logstream_writer_bisected_flushes_total"), "bisected flushes"),
            ],
        ),
        Panel(
            title="Live without a position",
            unit=A_SECOND,
            description=(
                "Batches published without a live position because Redis did not respond, and records whose live "
                "message was dropped. 0 is normal."
            ),
            queries=[
                Query(rate("logstream_writer_unnumbered_batches_total"), "unnumbered batches"),
                Query(rate("logstream_writer_live_dropped_records_total"), "records dropped"),
            ],
            width=24,
        ),
        Panel(
            title="Mended records",
            unit=RECORDS_A_SECOND,
            description=(
                "Records stored differently from how they were sent, by what was done: cut, renamed, left out, "
                "replaced. Each is marked with an attribute logstream.…, which says so."
            ),
            queries=[Query(rate("logstream_writer_mended_records_total", "reason"), "{{reason}}")],
            width=12,
            stacked=True,
        ),
        Panel(
            title="Names without their own count",
            unit=A_SECOND,
            description=(
                "Levels and nodes of a flush beyond those that the counts of a minute keep; their records are "
                "counted together. A steady rate means that something writes values there that are not names."
            ),
            queries=[Query(rate("logstream_writer_folded_names_total"), "names")],
            width=12,
        ),
    ],
)

_MAINTENANCE: Final = Row(
    "Maintenance",
    [
        Panel(
            title="Active writer",
            unit=UP,
            description="1 for the writer that holds the maintenance lock: one at a time.",
            queries=[Query("logstream_writer_maintenance_leading", "{{instance}}")],
        ),
        Panel(
            title="Failed runs by task",
            unit=A_SECOND,
            description="Runs that failed and are retried. 0 is normal; occasionally a run cannot get a lock.",
            queries=[Query(rate('logstream_writer_maintenance_runs_total{outcome="failed"}', "task"), "{{task}}")],
            stacked=True,
        ),
        Panel(
            title="Mean duration of a run by task",
            unit=SECONDS,
            description=(
                "Under load the search index takes the largest part, at most LOGSTREAM_SEARCH_INDEX_SHARE of the time."
            ),
            queries=[
                Query(
                    f"{rate('logstream_writer_maintenance_seconds_sum', 'task')} "
                    f"/ ({rate('logstream_writer_maintenance_seconds_count', 'task')} > 0)",
                    "{{task}}",
                )
            ],
        ),
        Panel(
            title="Age of the oldest record",
            unit=SECONDS,
            description="It grows to the retention period and stays there, with steps of a chunk interval.",
            queries=[
                Query(f"logstream_writer_maintenance_oldest_record_age_seconds {_LEADING}", "oldest record"),
                Query(f"logstream_writer_maintenance_retention_seconds {_LEADING}", "retention"),
            ],
        ),
        Panel(
            title="Stored bytes",
            unit=BYTES,
            description=(
                "Size on disk of records, indexes, batches, dead letters, counts and search index. At the limit the "
                "oldest records are deleted."
            ),
            queries=[
                Query(f"logstream_writer_maintenance_stored_bytes {_LIMITING}", "stored"),
                Query(f"logstream_writer_maintenance_retention_bytes {_LIMITING}", "limit"),
            ],
        ),
        Panel(
            title="Freed bytes by task",
            unit=BYTES,
            description="Disk space freed within an hour.",
            queries=[Query("sum by (task) (increase(logstream_writer_maintenance_freed_bytes_total[1h]))", "{{task}}")],
            stacked=True,
        ),
        Panel(
            title="Waiting for maintenance",
            unit=COUNT,
            description=(
                "Counts not compacted yet, and records not in the search index yet, in which searches take longer. "
                "Both grow during a storm and shrink after it."
            ),
            queries=[
                Query(f"logstream_writer_maintenance_uncompacted_count_rows {_LEADING}", "rows of counts"),
                Query(f"logstream_writer_maintenance_unindexed_records {_LEADING}", "records to index"),
            ],
            width=12,
        ),
        Panel(
            title="Work done",
            unit=A_SECOND,
            description="Work that the tasks have done, by task and kind.",
            queries=[Query(rate("logstream_writer_maintenance_done_total", "task, what"), "{{task}} {{what}}")],
            width=12,
        ),
    ],
)

BOARD: Final = Board(
    uid="logstream-writer",
    title="logstream: writer",
    description="How writers store records, dead letters, and the maintenance of the storage.",
    rows=[_STORING, _ASIDE, _MAINTENANCE, Row("Process", process("logstream_writer_consuming"))],
)
