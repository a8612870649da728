"""Every metric of the writer.

Counters begin at 0 with every label value that is known: one that appears with its first event has no increase to see.
"""

from collections.abc import Iterable
from typing import Final

from logstream_contract.rows.rows import MendReason
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from logstream_writer.dead_letter_reasons import DeadLetterReason

# Any class may come; of these an operator wants to see the first one.
SQLSTATE_CLASSES: Final = ("none", "08", "25", "40", "42", "53", "55", "57", "XX")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.stored_records = Counter("logstream_writer_stored_records", "Records committed.", registry=registry)
        self.stored_batches = Counter("logstream_writer_stored_batches", "Batches committed.", registry=registry)
        self.duplicate_batches = Counter(
            "logstream_writer_duplicate_batches",
            "Batches skipped because their id is stored already, with the same bytes.",
            registry=registry,
        )
        self.mended_records = Counter(
            "logstream_writer_mended_records",
            "Records that were changed before they were stored, by what was changed: attribute_renamed (its key began with "
            "logstream. or was empty), attribute_cut, attributes_dropped (more than 64, or than 256 KiB), invalid_utf8 or "
            "nul (replaced), message_cut, level_cut, time_replaced (it was out of range, or a timestamp could not be "
            "read).",
            ["reason"],
            registry=registry,
        )
        self.dead_letters = Counter(
            "logstream_writer_dead_letters",
            "New entries in dead_letters, by reason: undecodable, conflict, spread (over too many chunks), refused (by the "
            "database), failed (an unexpected error during processing) or parked (three writers died of it).",
            ["reason"],
            registry=registry,
        )
        self.redelivered_messages = Counter(
            "logstream_writer_redelivered_messages", "Messages that the broker delivered again.", registry=registry
        )
        self.flushes = Counter("logstream_writer_flushes", "Transactions committed.", registry=registry)
        self.flush_seconds = Histogram(
            "logstream_writer_flush_seconds",
            "Time from the start of decoding a flush to the commit of its transaction.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.commit_lag_seconds = Histogram(
            "logstream_writer_commit_lag_seconds",
            "Time from the receipt of a batch by the gateway to its commit, by the clocks of both machines.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.database_failures = Counter(
            "logstream_writer_database_failures",
            "Flushes that were held and tried again after a database error, by SQLSTATE class (`none`: no response).",
            ["sqlstate_class"],
            registry=registry,
        )
        self.bisected_flushes = Counter(
            "logstream_writer_bisected_flushes",
            "Flushes that were searched for records that the database refuses.",
            registry=registry,
        )
        self.folded_names = Counter(
            "logstream_writer_folded_names",
            "Combinations of node, level and severity of a flush beyond the number that counts keep for a minute; their "
            "records are counted together.",
            registry=registry,
        )
        self.unnumbered_batches = Counter(
            "logstream_writer_unnumbered_batches",
            "Batches announced without a live position because Redis did not respond, or not announced because of an error.",
            registry=registry,
        )
        self.live_dropped_records = Counter(
            "logstream_writer_live_dropped_records",
            "Records whose live message was dropped, by reason: buffer_full (stream services read them from Redis) or "
            "failed (the message could not be built; viewers get a gap event).",
            ["reason"],
            registry=registry,
        )
        self.buffered_messages = Gauge(
            "logstream_writer_buffered_messages",
            "Messages taken from the broker and not acknowledged yet.",
            registry=registry,
        )
        self.consuming = Gauge("logstream_writer_consuming", "1 while messages are consumed.", registry=registry)
        self.redis_up = Gauge(
            "logstream_writer_redis_up", "0 when the last call to Redis failed, else 1.", registry=registry
        )
        # Only a stored batch calls Redis, and none may come for long.
        self.redis_up.set(1)
        self.maintenance_leading = Gauge(
            "logstream_writer_maintenance_leading",
            "1 while this process holds the maintenance lock. Only its maintenance metrics describe the database.",
            registry=registry,
        )
        self.retention_leading = Gauge(
            "logstream_writer_retention_leading",
            "1 while this process holds the separate lock for size-based retention. Only its stored_bytes and "
            "retention_bytes describe the database.",
            registry=registry,
        )
        self.maintenance_runs = Counter(
            "logstream_writer_maintenance_runs",
            "Runs of maintenance tasks, by outcome: done or failed.",
            ["task", "outcome"],
            registry=registry,
        )
        self.maintenance_seconds = Histogram(
            "logstream_writer_maintenance_seconds",
            "Duration of a run of a task.",
            ["task"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.maintenance_failures = Counter(
            "logstream_writer_maintenance_failures",
            "Runs that failed and are tried again, by SQLSTATE class (`none`: no response; `55`: a lock was not available "
            "in time; `internal`: a bug in the task). Task `lock`: there was no connection for the lock.",
            ["task", "sqlstate_class"],
            registry=registry,
        )
        self.maintenance_done = Counter(
            "logstream_writer_maintenance_done",
            "What tasks have done. retention_by_age and retention_by_size: chunks, records and batches deleted, and by the "
            "latter also dead_letters; chunk_split: chunks split; inbox: batches deleted; count_compaction: count_rows "
            "moved, sums written, and folded_sums, which were merged into others; search_index: segments written, rows in "
            "them, and merged_segments; columnstore: chunks converted; chunk_interval: changes.",
            ["task", "what"],
            registry=registry,
        )
        self.maintenance_freed_bytes = Counter(
            "logstream_writer_maintenance_freed_bytes", "Disk space freed.", ["task"], registry=registry
        )
        # By the names that reports use.
        self.maintenance_state = {
            name: Gauge(f"logstream_writer_maintenance_{name}", text, registry=registry)
            for name, text in {
                "oldest_record_age_seconds": "Age of the oldest record by its own time, to the minute.",
                "retention_seconds": "Age from which chunks are deleted: LOGSTREAM_RETENTION_DAYS.",
                "stored_bytes": "Size on disk of records, indexes, batches, dead letters, counts and search index.",
                "retention_bytes": "Size from which chunks are deleted: LOGSTREAM_RETENTION_BYTES; 0: no limit.",
                "chunks": "Chunks of the table logs.",
                "uncompacted_count_rows": "Rows of counts that are not added up yet.",
                "unindexed_records": "Records that are not in the search index yet.",
                "chunk_interval_seconds": "Time span of new chunks.",
            }.items()
        }
        for mend_reason in MendReason:
            self.mended_records.labels(mend_reason)
        for dead_letter_reason in DeadLetterReason:
            self.dead_letters.labels(dead_letter_reason)
        for sqlstate_class in SQLSTATE_CLASSES:
            self.database_failures.labels(sqlstate_class)
        for reason in ("buffer_full", "failed"):
            self.live_dropped_records.labels(reason)

    def expect_tasks(self, names: Iterable[str]) -> None:
        """Begins the counts of these tasks of maintenance at 0."""
        for name in names:
            self.maintenance_seconds.labels(name)
            self.maintenance_freed_bytes.labels(name)
            for outcome in ("done", "failed"):
                self.maintenance_runs.labels(name, outcome)
