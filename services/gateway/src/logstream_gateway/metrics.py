"""Every metric of the gateway, declared in one place.

Counters start at 0 with every known label value. A counter that appears with its first event shows no increase.
"""

from enum import StrEnum
from itertools import product
from typing import Final

from logstream_contract.wire.batches import RejectionReason
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from logstream_gateway.unavailable import StreamEndReason, UnavailableReason

EXPORT: Final = "Export"  # OTLP over gRPC
EXPORT_HTTP: Final = "ExportHttp"  # OTLP over HTTP
METHODS: Final = ("SendLog", "Push", "PushStream", EXPORT, EXPORT_HTTP)
OTHER_METHOD: Final = "other"  # of gRPC's own services
NO_MESSAGE: Final = "no_message"  # the one reason of an unreceived call
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class FailureReason(StrEnum):
    """Why a call ended with INTERNAL. `logstream_gateway_failed_calls_total` counts by it."""

    UNEXPECTED = "unexpected"
    MEMORY = "memory"  # there was not enough


class Metrics:
    """`method` is SendLog, Push, PushStream, Export or ExportHttp, or `other` for health and reflection. Gauges are the sum
    over the processes that are alive."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.accepted_records = Counter(
            "logstream_gateway_accepted_records",
            "Records in requests that succeeded.",
            ["method"],
            registry=registry,
        )
        self.accepted_bytes = Counter(
            "logstream_gateway_accepted_bytes",
            "Bytes of requests that succeeded.",
            ["method"],
            registry=registry,
        )
        self.rejected_calls = Counter(
            "logstream_gateway_rejected_calls",
            "Batches, SendLog calls or OTLP requests that returned INVALID_ARGUMENT, or over HTTP a status from 400 to 415, "
            "by the limit that they exceed.",
            ["method", "reason"],
            registry=registry,
        )
        self.unavailable_calls = Counter(
            "logstream_gateway_unavailable_calls",
            "Batches, SendLog calls or OTLP requests that returned UNAVAILABLE, or 503. Reasons: disconnected, blocked, "
            "queue_full, unroutable, inflight_full, unconfirmed (no confirm in time), stopping, calls_full, receiving_full "
            "(too many calls are waiting to be received), slow_message (it did not arrive in time), streams_full.",
            ["method", "reason"],
            registry=registry,
        )
        self.confirm_seconds = Histogram(
            "logstream_gateway_confirm_seconds",
            "Time from handing a message to the publisher until the broker confirmed it.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.published_messages = Counter(
            "logstream_gateway_published_messages", "Messages that the broker confirmed.", registry=registry
        )
        self.republished_messages = Counter(
            "logstream_gateway_republished_messages",
            "Messages that were sent again because the connection was lost before their confirm.",
            registry=registry,
        )
        self.inflight_bytes = Gauge(
            "logstream_gateway_inflight_bytes",
            "Bytes reserved for messages that are being received, and bytes of messages that the broker has not confirmed.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.unreceived_calls = Counter(
            "logstream_gateway_unreceived_calls",
            "SendLog, Push or OTLP calls that ended before their message had arrived. Reason no_message: the client left, "
            "or the message is larger than gRPC accepts, which returns RESOURCE_EXHAUSTED.",
            ["method", "reason"],
            registry=registry,
        )
        self.failed_calls = Counter(
            "logstream_gateway_failed_calls",
            "Calls that returned INTERNAL, or 500, because of an error in the gateway, which is in its log. Reason memory: "
            "there was not enough memory.",
            ["method", "reason"],
            registry=registry,
        )
        self.ended_streams = Counter(
            "logstream_gateway_ended_streams",
            "PushStreams that the gateway ended for its own reasons, after the last result. Reasons: idle, age, crowded "
            "(silent when another one began and there were too many), memory, stopping.",
            ["reason"],
            registry=registry,
        )
        self.calls = Gauge(
            "logstream_gateway_calls",
            "SendLog, Push and OTLP calls in progress, from headers to response, and open Watch and reflection calls.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.streams = Gauge(
            "logstream_gateway_streams", "Open PushStreams.", multiprocess_mode="livesum", registry=registry
        )
        self.ready = Gauge(
            "logstream_gateway_ready",
            "Number of ready processes: connected to the broker and not full.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.broker_ready = Gauge(
            "logstream_gateway_broker_ready",
            "Number of processes that can publish: connected, the queue declared, and not blocked.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.broker_connections = Counter(
            "logstream_gateway_broker_connections", "Connections to the broker that were opened.", registry=registry
        )
        for method in METHODS:
            self.accepted_records.labels(method)
            self.accepted_bytes.labels(method)
            self.unreceived_calls.labels(method, NO_MESSAGE)
        for stream_end in StreamEndReason:
            self.ended_streams.labels(stream_end)
        for method, failure in product((*METHODS, OTHER_METHOD), FailureReason):
            self.failed_calls.labels(method, failure)
        for method, rejection in product(METHODS, RejectionReason):
            self.rejected_calls.labels(method, rejection)
        for method, unavailable in product(METHODS, UnavailableReason):
            self.unavailable_calls.labels(method, unavailable)
