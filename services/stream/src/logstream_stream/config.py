"""The settings of the stream service, read from the environment. It must only describe them."""

from dataclasses import dataclass
from typing import Annotated, Literal

from logstream_contract.units import MIB
from logstream_runtime.address import Address, ListenAddress
from logstream_runtime.config import setting
from logstream_runtime.guard import HOSTS_DOC, ORIGINS_DOC, AllowedHosts, AllowedOrigins, Hosts, Origins
from pydantic import Field

from logstream_stream.web.client import PRIVATE, TrustedNetworks
from logstream_stream.web.parameters import MOST_RECENT_RECORDS


@dataclass(frozen=True)
class Config:
    rabbitmq_url: str = setting(
        "LOGSTREAM_RABBITMQ_URL", "Where RabbitMQ is: amqp:// or amqps://user:password@host:5672/vhost.", secret=True
    )
    redis_url: str = setting("LOGSTREAM_REDIS_URL", "Where Redis is: redis:// or rediss://host:6379/0.", secret=True)
    listen: ListenAddress = setting(
        "LOGSTREAM_STREAM_LISTEN",
        "Address on which viewers are served. /livez, /readyz and /metrics are on the same port.",
        Address("0.0.0.0", 8080),
    )
    allowed_hosts: AllowedHosts = setting("LOGSTREAM_ALLOWED_HOSTS", HOSTS_DOC, Hosts())
    allowed_origins: AllowedOrigins = setting("LOGSTREAM_ALLOWED_ORIGINS", ORIGINS_DOC, Origins())
    recent_records: Annotated[int, Field(ge=0, le=MOST_RECENT_RECORDS)] = setting(
        "LOGSTREAM_RECENT_RECORDS", "Number of recent records that a new viewer is sent first.", 50, unit="records"
    )
    max_viewers: Annotated[int, Field(ge=1)] = setting(
        "LOGSTREAM_STREAM_MAX_VIEWERS",
        "Maximum number of viewers of one replica. Others get status 503.",
        10_000,
        unit="viewers",
    )
    viewers_per_client: Annotated[int, Field(ge=0)] = setting(
        "LOGSTREAM_STREAM_VIEWERS_PER_CLIENT",
        "Maximum number of viewers of one client on one replica. Others get status 429. 0: no limit. A client is an IPv4"
        " address or an IPv6 network of 64 bits.",
        100,
        unit="viewers",
    )
    trusted_proxies: TrustedNetworks = setting(
        "LOGSTREAM_STREAM_TRUSTED_PROXIES",
        "Addresses and networks, separated by commas, of the proxies in front of the service. Their X-Forwarded-For header"
        " says who the client is. `none`: the header is ignored. Anyone who connects from one of these can"
        " pretend to be any client.",
        PRIVATE,
    )
    max_filters: Annotated[int, Field(ge=1)] = setting(
        "LOGSTREAM_STREAM_MAX_FILTERS",
        "Maximum number of different filters among the viewers of one replica. Every record is tested against each of them."
        " A viewer with one more gets status 503. One filter with two values of `max_rate` counts twice.",
        1_000,
        unit="filters",
    )
    max_rate: Annotated[int, Field(ge=0)] = setting(
        "LOGSTREAM_STREAM_MAX_RATE",
        "Maximum number of live records per second for one viewer. When there are more, an even sample is sent and the rest"
        " is announced. 0: no limit.",
        2_000,
        unit="records/s",
    )
    queue_records: Annotated[int, Field(ge=200)] = setting(
        "LOGSTREAM_STREAM_QUEUE_RECORDS",
        "Maximum number of records waiting for one slow viewer. Beyond that the oldest are dropped and announced.",
        20_000,
        unit="records",
    )
    queue_bytes: Annotated[int, Field(ge=65_536)] = setting(
        "LOGSTREAM_STREAM_QUEUE_BYTES", "Maximum number of bytes waiting for one slow viewer.", 8 * MIB, unit="bytes"
    )
    held_bytes: Annotated[int, Field(ge=16 * MIB)] = setting(
        "LOGSTREAM_STREAM_HELD_BYTES",
        "Maximum number of bytes that are waiting for all viewers of a replica together or are being written to them. Beyond"
        " that, the viewers who are furthest behind lose their oldest records, which is announced, and viewers who do not"
        " read are disconnected.",
        192 * MIB,
        unit="bytes",
    )
    filter_time: Annotated[float, Field(gt=0, le=1)] = setting(
        "LOGSTREAM_STREAM_FILTER_TIME",
        "Maximum processor time in each second that all filters may take together. Beyond that, expensive filters skip some"
        " batches, which is announced.",
        0.5,
        unit="s",
    )
    filter_time_per_client: Annotated[float, Field(gt=0, le=1)] = setting(
        "LOGSTREAM_STREAM_FILTER_TIME_PER_CLIENT",
        "Maximum processor time in each second that the filters of one client may take together.",
        0.25,
        unit="s",
    )
    viewer_timeout_s: Annotated[float, Field(ge=1)] = setting(
        "LOGSTREAM_STREAM_VIEWER_TIMEOUT_S",
        "A viewer that reads nothing for this long is disconnected. The kernel disconnects it after 30 s in any case.",
        30.0,
        unit="s",
    )
    drain_s: Annotated[int, Field(ge=1)] = setting(
        "LOGSTREAM_STREAM_DRAIN_S", "How long viewers may go on taking their queued records after SIGTERM.", 10, unit="s"
    )
    broker_queue_bytes: Annotated[int, Field(ge=1_048_576)] = setting(
        "LOGSTREAM_STREAM_BROKER_QUEUE_BYTES",
        "Maximum number of bytes that the broker keeps for this replica. Beyond that it drops the oldest messages, which are"
        " read from Redis.",
        64 * MIB,
        unit="bytes",
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "LOGSTREAM_LOG_LEVEL", "Lowest level of the lines in the process's own log.", "info"
    )
