"""The gateway's settings."""

from dataclasses import dataclass
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from logstream_contract.units import MIB
from logstream_contract.wire.batches import (
    DEFAULT_BATCH_BYTES,
    DEFAULT_BATCH_RECORDS,
    MAX_RECORDS_OF_SEQUENCE,
    MOST_BATCH_BYTES,
    Limits,
)
from logstream_runtime.address import Address, ListenAddress
from logstream_runtime.config import setting
from pydantic import Field


@dataclass(frozen=True)
class Config:
    rabbitmq_url: str = setting(
        "LOGSTREAM_RABBITMQ_URL", "Where RabbitMQ is: amqp:// or amqps://user:password@host:5672/vhost.", secret=True
    )
    listen: ListenAddress = setting("LOGSTREAM_GATEWAY_LISTEN", "Where gRPC is served.", Address("0.0.0.0", 4317))
    admin_listen: ListenAddress = setting(
        "LOGSTREAM_ADMIN_LISTEN", "Where /livez, /readyz and /metrics are served.", Address("0.0.0.0", 9464)
    )
    processes: Annotated[int, Field(ge=1, le=64)] = setting(
        "LOGSTREAM_GATEWAY_PROCESSES",
        "Processes that share the gRPC port; one leaves the port exclusive, so a second gateway finds it taken.",
        1,
    )
    legacy_timezone: ZoneInfo = setting(
        "LOGSTREAM_LEGACY_TIMEZONE", "Zone of SendLog timestamps that name none, an IANA name.", ZoneInfo("UTC")
    )
    max_batch_records: Annotated[int, Field(ge=1, le=MAX_RECORDS_OF_SEQUENCE)] = setting(
        "LOGSTREAM_MAX_BATCH_RECORDS", "Records a batch may hold.", DEFAULT_BATCH_RECORDS, unit="records"
    )
    max_batch_bytes: Annotated[int, Field(ge=1024, le=MOST_BATCH_BYTES)] = setting(
        "LOGSTREAM_MAX_BATCH_BYTES", "Size of an encoded batch.", DEFAULT_BATCH_BYTES, unit="bytes"
    )
    coalesce_ms: Annotated[float, Field(ge=0, le=1000)] = setting(
        "LOGSTREAM_GATEWAY_COALESCE_MS",
        "How long SendLog records wait for others to share a batch; up to four times as long while an earlier message is "
        "unconfirmed.",
        5.0,
        unit="ms",
    )
    coalesce_records: Annotated[int, Field(ge=1, le=MAX_RECORDS_OF_SEQUENCE)] = setting(
        "LOGSTREAM_GATEWAY_COALESCE_RECORDS", "SendLog records that end the wait early.", 1_000, unit="records"
    )
    compression_level: Annotated[int, Field(ge=0, le=19)] = setting(
        "LOGSTREAM_GATEWAY_COMPRESSION_LEVEL",
        "Zstandard level, 1 to 19, at which batches lie in the broker and in Redis, a third as large for a few percent more "
        "CPU; 0: as they were sent.",
        0,
    )
    inflight_bytes: Annotated[int, Field(ge=MIB)] = setting(
        "LOGSTREAM_GATEWAY_INFLIGHT_BYTES",
        "Bytes of batches that one process holds unconfirmed; past it calls are answered UNAVAILABLE at once.",
        128 * MIB,
        unit="bytes",
    )
    under_way_bytes: Annotated[int, Field(ge=8 * MIB)] = setting(
        "LOGSTREAM_GATEWAY_UNDER_WAY_BYTES",
        "Bytes of messages that one process receives or holds unconfirmed. Each call counts as the largest message while "
        "its own is received; the calls beyond wait, and those of one connection leave room for others.",
        128 * MIB,
        unit="bytes",
    )
    memory_bytes: Annotated[int, Field(ge=128 * MIB)] = setting(
        "LOGSTREAM_GATEWAY_MEMORY_BYTES",
        "Resident memory of one process past which it ends PushStreams that wait for a batch, and calls whose message is "
        "slow; keep it below 0.65 of the container's limit, divided by the processes.",
        480 * MIB,
        unit="bytes",
    )
    receive_timeout_s: Annotated[float, Field(gt=0, le=3600)] = setting(
        "LOGSTREAM_GATEWAY_RECEIVE_TIMEOUT_S",
        "How long the message of a SendLog or Push may take to arrive; 2 s while others wait for its room.",
        20.0,
        unit="s",
    )
    stream_idle_s: Annotated[float, Field(gt=0, le=86_400)] = setting(
        "LOGSTREAM_GATEWAY_STREAM_IDLE_S",
        "How long a PushStream may stay without a batch; then it ends with UNAVAILABLE.",
        300.0,
        unit="s",
    )
    stream_age_s: Annotated[float, Field(gt=0, le=86_400)] = setting(
        "LOGSTREAM_GATEWAY_STREAM_AGE_S",
        "How long a PushStream lives, less up to a tenth; then it ends with UNAVAILABLE, after the last result.",
        600.0,
        unit="s",
    )
    connection_age_s: Annotated[float, Field(gt=0, le=604_800)] = setting(
        "LOGSTREAM_GATEWAY_CONNECTION_AGE_S",
        "How long a connection lives, more or less a tenth. Its client is then told to open another, so that balancers "
        "spread connections again; calls under way end in peace.",
        1800.0,
        unit="s",
    )
    connection_calls: Annotated[int, Field(ge=1, le=100_000)] = setting(
        "LOGSTREAM_GATEWAY_CONNECTION_CALLS",
        "Calls a connection may have open at a time; clients keep more back by themselves.",
        128,
    )
    push_streams: Annotated[int, Field(ge=1)] = setting(
        "LOGSTREAM_GATEWAY_PUSH_STREAMS", "PushStreams that one process serves; past it a silent one makes room.", 1000
    )
    publish_timeout_s: Annotated[float, Field(gt=0, le=300)] = setting(
        "LOGSTREAM_GATEWAY_PUBLISH_TIMEOUT_S",
        "How long a call waits for the broker's confirm; a caller's earlier deadline wins.",
        10.0,
        unit="s",
    )
    retry_after_ms: Annotated[int, Field(ge=1, le=60_000)] = setting(
        "LOGSTREAM_GATEWAY_RETRY_AFTER_MS", "The RetryInfo delay sent with UNAVAILABLE.", 500, unit="ms"
    )
    concurrent_calls: Annotated[int, Field(ge=1)] = setting(
        "LOGSTREAM_GATEWAY_CONCURRENT_CALLS",
        "SendLog and Push calls that one process serves at a time; others get UNAVAILABLE.",
        10_000,
    )
    shutdown_s: Annotated[float, Field(gt=0, le=300)] = setting(
        "LOGSTREAM_SHUTDOWN_S", "How long a stopping process may take to finish its work.", 20.0, unit="s"
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "LOGSTREAM_LOG_LEVEL", "Least severe line of the process's own log.", "info"
    )

    @property
    def limits(self) -> Limits:
        return Limits(self.max_batch_records, self.max_batch_bytes)
