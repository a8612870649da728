"""The one error that tells a caller to try again later, and its reasons.

Each reason is the value of a metric's label: a member's value never changes.
"""

from enum import StrEnum


class UnavailableReason(StrEnum):
    """Why a call is not served now. `logstream_gateway_unavailable_calls_total` counts calls by it."""

    DISCONNECTED = "disconnected"  # no connection to the broker
    BLOCKED = "blocked"  # the broker has blocked publishing
    QUEUE_FULL = "queue_full"  # the broker refused the message
    UNROUTABLE = "unroutable"  # the broker has no queue for it
    INFLIGHT_FULL = "inflight_full"  # too many bytes are unconfirmed
    UNCONFIRMED = "unconfirmed"  # no confirm in time
    STOPPING = "stopping"  # the process is about to end
    CALLS_FULL = "calls_full"  # too many calls
    RECEIVING_FULL = "receiving_full"  # too many calls wait to be received
    SLOW_MESSAGE = "slow_message"  # the message did not arrive in time
    STREAMS_FULL = "streams_full"  # too many PushStreams


class StreamEndReason(StrEnum):
    """Why the gateway ends a PushStream that did nothing wrong. `logstream_gateway_ended_streams_total` counts by it."""

    IDLE = "idle"  # no batch for too long
    AGE = "age"  # open for too long
    CROWDED = "crowded"  # silent while another stream wanted to begin
    MEMORY = "memory"  # the process is short of memory
    STOPPING = "stopping"  # the process is about to end


class Unavailable(Exception):
    """A call can't be served now. The text is for the caller."""

    def __init__(self, reason: UnavailableReason | StreamEndReason, text: str) -> None:
        super().__init__(text)
        self.reason = reason
