"""Every metric of the gateway, declared in one place.

Counters begin at 0 with every label value that is known: one that appears with its first event has no increase to see.
"""

from enum import StrEnum
from itertools import product
from typing import Final

from logstream_contract.wire.batches import RejectionReason
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from logstream_gateway.unavailable import StreamEndReason, UnavailableReason

METHODS: Final = ("SendLog", "Push", "PushStream")
OTHER_METHOD: Final = "other"  # of gRPC's own services
NO_MESSAGE: Final = "no_message"  # the one reason of an unreceived call
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class FailureReason(StrEnum):
    """Why a call ended with INTERNAL. `logstream_gateway_failed_calls_total` counts by it."""

    UNEXPECTED = "unexpected"
    MEMORY = "memory"  # there was not enough


class Metrics:
    """`method` is SendLog, Push or PushStream, and other for health and reflection. Gauges add up over the processes that
    are alive."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.accepted_records = Counter(
            "logstream_gateway_accepted_records", "Records answered with success.", ["method"], registry=registry
        )
        self.accepted_bytes = Counter(
            "logstream_gateway_accepted_bytes", "Bytes of requests answered with success.", ["method"], registry=registry
        )
        self.rejected_calls = Counter(
            "logstream_gateway_rejected_calls",
            "Batches or SendLog calls answered INVALID_ARGUMENT, by the limit they break.",
            ["method", "reason"],
            registry=registry,
        )
        self.unavailable_calls = Counter(
            "logstream_gateway_unavailable_calls",
            "Batches or SendLog calls answered UNAVAILABLE: disconnected, blocked, queue_full, unroutable, inflight_full, "
            "unconfirmed (no confirm in time), stopping, calls_full, receiving_full (too many wait for room to receive), "
            "slow_message (it did not arrive in time) or streams_full.",
            ["method", "reason"],
            registry=registry,
        )
        self.confirm_seconds = Histogram(
            "logstream_gateway_confirm_seconds",
            "From handing a message to the publisher until the broker confirmed it.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.published_messages = Counter(
            "logstream_gateway_published_messages", "Messages confirmed by the broker.", registry=registry
        )
        self.republished_messages = Counter(
            "logstream_gateway_republished_messages",
            "Messages sent again because the connection was lost before their confirm.",
            registry=registry,
        )
        self.inflight_bytes = Gauge(
            "logstream_gateway_inflight_bytes",
            "Bytes set aside for messages that are being received, and held until the broker confirms them.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.unreceived_calls = Counter(
            "logstream_gateway_unreceived_calls",
            "SendLog or Push calls that ended before their message was here: no_message, because the client left or because "
            "it is larger than gRPC takes, which answers RESOURCE_EXHAUSTED.",
            ["method", "reason"],
            registry=registry,
        )
        self.failed_calls = Counter(
            "logstream_gateway_failed_calls",
            "Calls answered INTERNAL because of an error in the gateway; the log has it. memory: there was not enough.",
            ["method", "reason"],
            registry=registry,
        )
        self.ended_streams = Counter(
            "logstream_gateway_ended_streams",
            "PushStreams that the gateway ended for its own reasons, after the last result: idle, age, crowded (silent "
            "while another wanted to begin), memory, stopping.",
            ["reason"],
            registry=registry,
        )
        self.calls = Gauge(
            "logstream_gateway_calls",
            "SendLog and Push calls under way, from their headers to their answer.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.streams = Gauge(
            "logstream_gateway_streams", "PushStreams that are open.", multiprocess_mode="livesum", registry=registry
        )
        self.ready = Gauge(
            "logstream_gateway_ready",
            "Processes that are ready: connected to the broker and not full.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.broker_ready = Gauge(
            "logstream_gateway_broker_ready",
            "Processes whose connection takes publishes: connected, declared and not blocked.",
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
