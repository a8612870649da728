"""The writer's settings."""

from dataclasses import dataclass
from typing import Annotated, Literal

from logstream_contract.units import DAY_S, MIB
from logstream_contract.wire.batches import DEFAULT_BATCH_BYTES, MOST_BATCH_BYTES
from logstream_runtime.address import Address, ListenAddress
from logstream_runtime.config import setting
from pydantic import Field

_SECOND_NANOS = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class DatabaseConfig:
    """What `migrate` needs."""

    database_url: str = setting(
        "LOGSTREAM_DATABASE_URL",
        "Where TimescaleDB is: postgresql://user:password@host:5432/database. The address must lead to it directly, not "
        "through a pooler.",
        secret=True,
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "LOGSTREAM_LOG_LEVEL", "Lowest level of the lines in the process's own log.", "info"
    )


@dataclass(frozen=True, kw_only=True)
class RetentionConfig(DatabaseConfig):
    """What `dead-letters` needs. Rows depend on the retention, because it decides which record times are believed."""

    retention_days: Annotated[int, Field(ge=1, le=36_500)] = setting(
        "LOGSTREAM_RETENTION_DAYS",
        "Age, by its own time, from which a record may be deleted. A record that arrives with an older time gets its "
        "receive time instead.",
        30,
        unit="days",
    )

    @property
    def retention_nanos(self) -> int:
        return self.retention_days * DAY_S * _SECOND_NANOS


@dataclass(frozen=True, kw_only=True)
class MaintenanceConfig(RetentionConfig):
    """What `maintain` needs."""

    retention_bytes: Annotated[int, Field(ge=0)] = setting(
        "LOGSTREAM_RETENTION_BYTES",
        "Disk space for all records, indexes, counts, batches and dead letters. When they take more, the oldest records are "
        "deleted. 0: no limit. Compose, the chart and the local stack set it from the size of the disk; see "
        "docs/operations/retention.md.",
        0,
        unit="bytes",
    )
    chunk_target_bytes: Annotated[int, Field(ge=16 * MIB)] = setting(
        "LOGSTREAM_CHUNK_TARGET_BYTES",
        "Target size of a chunk of records with its index, at the measured rate; at most a sixteenth of "
        "LOGSTREAM_RETENTION_BYTES. The newest chunk is read and written all the time and should fit into the "
        "database's memory.",
        1024 * MIB,
        unit="bytes",
    )

    search_index_share: Annotated[float, Field(ge=0, le=1)] = setting(
        "LOGSTREAM_SEARCH_INDEX_SHARE",
        "Share of its time that maintenance spends on indexing while there is something to index; a million records take "
        "about 4 s of work. 0: nothing is indexed, and a search for a rare text reads all records.",
        0.25,
    )


@dataclass(frozen=True, kw_only=True)
class Config(MaintenanceConfig):
    rabbitmq_url: str = setting(
        "LOGSTREAM_RABBITMQ_URL", "Where RabbitMQ is: amqp:// or amqps://user:password@host:5672/vhost.", secret=True
    )
    redis_url: str = setting("LOGSTREAM_REDIS_URL", "Where Redis is: redis:// or rediss://host:6379/0.", secret=True)
    admin_listen: ListenAddress = setting(
        "LOGSTREAM_ADMIN_LISTEN", "Where /livez, /readyz and /metrics are served.", Address("0.0.0.0", 9464)
    )
    flush_records: Annotated[int, Field(ge=1, le=1_000_000)] = setting(
        "LOGSTREAM_WRITER_FLUSH_RECORDS", "Number of gathered records that starts a flush.", 10_000, unit="records"
    )
    flush_bytes: Annotated[int, Field(ge=64 * 1024)] = setting(
        "LOGSTREAM_WRITER_FLUSH_BYTES",
        "Size of the gathered batches, unpacked, from which no more messages are added to a flush. Storing them takes "
        "several times as much memory. A single larger message is a flush of its own.",
        8 * MIB,
        unit="bytes",
    )
    flush_ms: Annotated[float, Field(ge=0, le=10_000)] = setting(
        "LOGSTREAM_WRITER_FLUSH_MS", "Age of the oldest gathered message that starts a flush.", 50.0, unit="ms"
    )
    prefetch_bytes: Annotated[int, Field(ge=8 * MIB)] = setting(
        "LOGSTREAM_WRITER_PREFETCH_BYTES",
        "Memory for messages that were taken from the broker and are not stored yet. Divided by the size of the largest "
        "message, it is the number of messages that the broker sends ahead.",
        256 * MIB,
        unit="bytes",
    )
    max_batch_bytes: Annotated[int, Field(ge=1024, le=MOST_BATCH_BYTES)] = setting(
        "LOGSTREAM_MAX_BATCH_BYTES", "Largest encoded batch; the same as for the gateway.", DEFAULT_BATCH_BYTES, unit="bytes"
    )
    window_records: Annotated[int, Field(ge=1)] = setting(
        "LOGSTREAM_WINDOW_RECORDS", "Records kept in Redis for viewers that resume.", 100_000, unit="records"
    )
    window_bytes: Annotated[int, Field(ge=MIB)] = setting(
        "LOGSTREAM_WINDOW_BYTES", "Bytes of records kept in Redis for viewers that resume.", 64 * MIB, unit="bytes"
    )
    live_buffer_bytes: Annotated[int, Field(ge=MIB)] = setting(
        "LOGSTREAM_WRITER_LIVE_BUFFER_BYTES",
        "Memory for live messages that the broker does not accept at the moment. When it is full, the oldest are dropped, "
        "and viewers get those records from Redis.",
        64 * MIB,
        unit="bytes",
    )
    maintenance: bool = setting(
        "LOGSTREAM_WRITER_MAINTENANCE",
        "Whether this process performs storage maintenance (retention, counts, chunks) when no other process does. If no "
        "writer does, run `maintain --once` regularly.",
        True,
    )
    shutdown_s: Annotated[float, Field(gt=0, le=300)] = setting(
        "LOGSTREAM_SHUTDOWN_S", "How long a stopping process may take to finish its work.", 20.0, unit="s"
    )

    @property
    def prefetch_messages(self) -> int:
        # A message holds at least one batch of up to the largest size, and a few bytes of framing.
        return max(1, min(1_000, self.prefetch_bytes // self.max_batch_bytes))
