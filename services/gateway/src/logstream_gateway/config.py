"""The gateway's settings."""

from dataclasses import dataclass
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from logstream_contract.otlp.requests import OtlpOptions
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
from logstream_runtime.guard import AllowedOrigins, Origins
from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class Config:
    rabbitmq_url: str = setting(
        "LOGSTREAM_RABBITMQ_URL", "URL of RabbitMQ: amqp:// or amqps://user:password@host:5672/vhost.", secret=True
    )
    listen: ListenAddress = setting("LOGSTREAM_GATEWAY_LISTEN", "Address on which gRPC is served.", Address("0.0.0.0", 4317))
    otlp_listen: ListenAddress = setting(
        "LOGSTREAM_GATEWAY_OTLP_LISTEN",
        "Address on which OTLP is served over HTTP. OTLP over gRPC is served with all else that is gRPC.",
        Address("0.0.0.0", 4318),
    )
    admin_listen: ListenAddress = setting(
        "LOGSTREAM_ADMIN_LISTEN", "Address on which /livez, /readyz and /metrics are served.", Address("0.0.0.0", 9464)
    )
    processes: Annotated[int, Field(ge=1, le=64)] = setting(
        "LOGSTREAM_GATEWAY_PROCESSES",
        "Number of processes that share the gRPC port. With a single process the port is exclusive, so a second gateway on "
        "the same address fails to start.",
        1,
    )
    legacy_timezone: ZoneInfo = setting(
        "LOGSTREAM_LEGACY_TIMEZONE", "Time zone of SendLog timestamps without a zone, as an IANA name.", ZoneInfo("UTC")
    )
    max_batch_records: Annotated[int, Field(ge=1, le=MAX_RECORDS_OF_SEQUENCE)] = setting(
        "LOGSTREAM_MAX_BATCH_RECORDS", "Records a batch may hold.", DEFAULT_BATCH_RECORDS, unit="records"
    )
    max_batch_bytes: Annotated[int, Field(ge=1024, le=MOST_BATCH_BYTES)] = setting(
        "LOGSTREAM_MAX_BATCH_BYTES", "Size of an encoded batch.", DEFAULT_BATCH_BYTES, unit="bytes"
    )
    otlp_max_bytes: Annotated[int, Field(ge=MIB, le=64 * MIB)] = setting(
        "LOGSTREAM_GATEWAY_OTLP_MAX_BYTES",
        "Maximum size of an OTLP request, unpacked; a quarter of it as JSON. A request that is larger than a batch becomes "
        "several batches. The attributes of resources and scopes may take twice as much, as often as records have them.",
        32 * MIB,
        unit="bytes",
    )
    otlp_namespace: bool = setting(
        "LOGSTREAM_GATEWAY_OTLP_NAMESPACE",
        "Whether the node of OTLP records is `<service.namespace>/<service.name>` where there is a namespace.",
        False,
    )
    otlp_derive_ids: bool = setting(
        "LOGSTREAM_GATEWAY_OTLP_DERIVE_IDS",
        "Whether an OTLP request that is sent again is recognized by its bytes and stored once.",
        True,
    )
    otlp_origins: AllowedOrigins = setting(
        "LOGSTREAM_GATEWAY_OTLP_ORIGINS",
        "Origins whose pages may send OTLP over HTTP, separated by commas, such as https://shop.example.com. `*`: all.",
        Origins(),
    )
    coalesce_ms: Annotated[float, Field(ge=0, le=1000)] = setting(
        "LOGSTREAM_GATEWAY_COALESCE_MS",
        "How long a SendLog record waits for others to share its batch. Up to four times as long while an earlier message "
        "is unconfirmed.",
        5.0,
        unit="ms",
    )
    coalesce_records: Annotated[int, Field(ge=1, le=MAX_RECORDS_OF_SEQUENCE)] = setting(
        "LOGSTREAM_GATEWAY_COALESCE_RECORDS", "Number of SendLog records that ends this wait early.", 1_000, unit="records"
    )
    compression_level: Annotated[int, Field(ge=0, le=19)] = setting(
        "LOGSTREAM_GATEWAY_COMPRESSION_LEVEL",
        "Zstandard level, 1 to 19, with which batches are compressed in the broker and in Redis. They take a third of the "
        "space, for a few percent more CPU time. 0: batches are not compressed.",
        0,
    )
    inflight_bytes: Annotated[int, Field(ge=MIB)] = setting(
        "LOGSTREAM_GATEWAY_INFLIGHT_BYTES",
        "Maximum size of the unconfirmed batches that a process holds. Beyond it, calls get UNAVAILABLE at once.",
        128 * MIB,
        unit="bytes",
    )
    under_way_bytes: Annotated[int, Field(ge=8 * MIB)] = setting(
        "LOGSTREAM_GATEWAY_UNDER_WAY_BYTES",
        "Maximum size of the messages that a process is receiving or holds unconfirmed. A message that is being received "
        "counts as a third of the largest message or more, over HTTP as its length. Further calls wait, and those of one "
        "connection leave room for others.",
        128 * MIB,
        unit="bytes",
    )
    memory_bytes: Annotated[int, Field(ge=128 * MIB)] = setting(
        "LOGSTREAM_GATEWAY_MEMORY_BYTES",
        "Resident memory of a process above which it ends PushStreams that wait for a batch, and calls whose message is "
        "slow. Keep it below 0.65 of the container's limit divided by the number of processes.",
        480 * MIB,
        unit="bytes",
    )
    receive_timeout_s: Annotated[float, Field(gt=0, le=3600)] = setting(
        "LOGSTREAM_GATEWAY_RECEIVE_TIMEOUT_S",
        "How long the message of a SendLog, Push or OTLP call may take to arrive. If other connections are waiting for the "
        "space that it takes: 2 s, or half of this time if it is the only message of its connection.",
        20.0,
        unit="s",
    )
    stream_idle_s: Annotated[float, Field(gt=0, le=86_400)] = setting(
        "LOGSTREAM_GATEWAY_STREAM_IDLE_S",
        "How long a PushStream may be without a batch before it ends with UNAVAILABLE.",
        300.0,
        unit="s",
    )
    stream_age_s: Annotated[float, Field(gt=0, le=86_400)] = setting(
        "LOGSTREAM_GATEWAY_STREAM_AGE_S",
        "Maximum age of a PushStream, less up to a tenth. It then ends with UNAVAILABLE, after the last result.",
        600.0,
        unit="s",
    )
    connection_age_s: Annotated[float, Field(gt=0, le=604_800)] = setting(
        "LOGSTREAM_GATEWAY_CONNECTION_AGE_S",
        "Maximum age of a connection, give or take a tenth. The client then opens another one, so that load "
        "balancers spread the connections again. Calls in progress are finished first.",
        1800.0,
        unit="s",
    )
    connection_calls: Annotated[int, Field(ge=1, le=100_000)] = setting(
        "LOGSTREAM_GATEWAY_CONNECTION_CALLS",
        "Maximum number of open calls on a connection. Clients hold back further calls by themselves.",
        128,
    )
    push_streams: Annotated[int, Field(ge=1)] = setting(
        "LOGSTREAM_GATEWAY_PUSH_STREAMS",
        "Maximum number of PushStreams of a process. When another one begins, a silent one is ended.",
        1000,
    )
    publish_timeout_s: Annotated[float, Field(gt=0, le=300)] = setting(
        "LOGSTREAM_GATEWAY_PUBLISH_TIMEOUT_S",
        "How long a call waits for the broker's confirm, unless its deadline is earlier.",
        10.0,
        unit="s",
    )
    retry_after_ms: Annotated[int, Field(ge=1, le=60_000)] = setting(
        "LOGSTREAM_GATEWAY_RETRY_AFTER_MS",
        "Delay in the RetryInfo that is sent with UNAVAILABLE. For OTLP it is 2 to 3 s, and over HTTP in whole "
        "seconds as Retry-After.",
        500,
        unit="ms",
    )
    concurrent_calls: Annotated[int, Field(ge=1)] = setting(
        "LOGSTREAM_GATEWAY_CONCURRENT_CALLS",
        "Maximum number of concurrent SendLog, Push and OTLP calls of a process, open Watch and reflection calls included. "
        "Further calls get UNAVAILABLE.",
        10_000,
    )
    shutdown_s: Annotated[float, Field(gt=0, le=300)] = setting(
        "LOGSTREAM_SHUTDOWN_S", "How long a stopping process may take to finish its work.", 20.0, unit="s"
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "LOGSTREAM_LOG_LEVEL", "Lowest level of the lines in the process's own log.", "info"
    )

    @property
    def otlp_options(self) -> OtlpOptions:
        return OtlpOptions(
            namespace=self.otlp_namespace, derive_ids=self.otlp_derive_ids, shared_bytes=2 * self.otlp_max_bytes
        )

    @property
    def limits(self) -> Limits:
        return Limits(batch_records=self.max_batch_records, batch_bytes=self.max_batch_bytes)
