"""The settings of the stream service, from the environment. It must do nothing but describe them."""

from dataclasses import dataclass
from typing import Annotated, Literal

from logstream_contract.units import MIB
from logstream_runtime.address import Address, ListenAddress
from logstream_runtime.config import setting
from logstream_runtime.guard import HOSTS_DOC, ORIGINS_DOC, AllowedHosts, AllowedOrigins, Hosts, Origins
from pydantic import Field

from logstream_stream.client import PRIVATE, TrustedNetworks


@dataclass(frozen=True)
class Config:
    rabbitmq_url: str = setting(
        "LOGSTREAM_RABBITMQ_URL", "Where RabbitMQ is: amqp:// or amqps://user:password@host:5672/vhost.", secret=True
    )
    redis_url: str = setting("LOGSTREAM_REDIS_URL", "Where Redis is: redis:// or rediss://host:6379/0.", secret=True)
    listen: ListenAddress = setting(
        "LOGSTREAM_STREAM_LISTEN",
        "Where viewers are served, with /livez, /readyz and /metrics on the same port.",
        Address("0.0.0.0", 8080),
    )
    allowed_hosts: AllowedHosts = setting("LOGSTREAM_ALLOWED_HOSTS", HOSTS_DOC, Hosts())
    allowed_origins: AllowedOrigins = setting("LOGSTREAM_ALLOWED_ORIGINS", ORIGINS_DOC, Origins())
    recent_records: Annotated[int, Field(ge=0, le=5_000)] = setting(
        "LOGSTREAM_RECENT_RECORDS", "Records a new viewer is shown first.", 50, unit="records"
    )
    max_viewers: Annotated[int, Field(ge=1)] = setting(
        "LOGSTREAM_STREAM_MAX_VIEWERS", "Viewers of one replica; more are answered 503.", 10_000, unit="viewers"
    )
    viewers_per_client: Annotated[int, Field(ge=0)] = setting(
        "LOGSTREAM_STREAM_VIEWERS_PER_CLIENT",
        "Viewers of one client at one replica; more are answered 429. 0: any number. A client is an address, or of IPv6 the"
        " network of 64 bits around it.",
        100,
        unit="viewers",
    )
    trusted_proxies: TrustedNetworks = setting(
        "LOGSTREAM_STREAM_TRUSTED_PROXIES",
        "Addresses and networks, with commas between them, of the proxies in front, whose X-Forwarded-For says who the"
        " client is; `none`: it is not looked at. Who asks from one of these can make up a client.",
        PRIVATE,
    )
    max_filters: Annotated[int, Field(ge=1)] = setting(
        "LOGSTREAM_STREAM_MAX_FILTERS",
        "Different filters of one replica's viewers, each of which every record is held against; more are answered 503. One"
        " filter with two values of `max_rate` counts twice.",
        1_000,
        unit="filters",
    )
    max_rate: Annotated[int, Field(ge=0)] = setting(
        "LOGSTREAM_STREAM_MAX_RATE",
        "Records a second that a viewer is sent live; of more an even sample is sent, and the rest is announced. 0: all.",
        2_000,
        unit="records/s",
    )
    queue_records: Annotated[int, Field(ge=200)] = setting(
        "LOGSTREAM_STREAM_QUEUE_RECORDS",
        "Records that wait for one slow viewer; past it the oldest are dropped and announced.",
        20_000,
        unit="records",
    )
    queue_bytes: Annotated[int, Field(ge=65_536)] = setting(
        "LOGSTREAM_STREAM_QUEUE_BYTES", "Bytes that wait for one slow viewer.", 8 * MIB, unit="bytes"
    )
    held_bytes: Annotated[int, Field(ge=16 * MIB)] = setting(
        "LOGSTREAM_STREAM_HELD_BYTES",
        "Bytes that wait for all viewers of a replica together, or are being written to them; past it those who are furthest"
        " behind lose what has waited for longest, which is announced, and those who don't read are closed.",
        192 * MIB,
        unit="bytes",
    )
    filter_time: Annotated[float, Field(gt=0, le=1)] = setting(
        "LOGSTREAM_STREAM_FILTER_TIME",
        "Seconds of each second that all filters may take together; past it the expensive ones are not held against all"
        " batches, which is announced.",
        0.5,
        unit="s",
    )
    filter_time_per_client: Annotated[float, Field(gt=0, le=1)] = setting(
        "LOGSTREAM_STREAM_FILTER_TIME_PER_CLIENT",
        "Seconds of each second that the filters of one client may take together.",
        0.25,
        unit="s",
    )
    viewer_timeout_s: Annotated[float, Field(ge=1)] = setting(
        "LOGSTREAM_STREAM_VIEWER_TIMEOUT_S", "A viewer that reads nothing for so long is closed.", 30.0, unit="s"
    )
    drain_s: Annotated[int, Field(ge=1)] = setting(
        "LOGSTREAM_STREAM_DRAIN_S", "How long viewers may take their queued records after SIGTERM.", 10, unit="s"
    )
    broker_queue_bytes: Annotated[int, Field(ge=1_048_576)] = setting(
        "LOGSTREAM_STREAM_BROKER_QUEUE_BYTES",
        "Bytes the broker keeps for this replica; past it the oldest are dropped, and read from Redis.",
        64 * MIB,
        unit="bytes",
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "LOGSTREAM_LOG_LEVEL", "Least severe line of the process's own log.", "info"
    )
