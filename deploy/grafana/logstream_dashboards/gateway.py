"""The gateway: what comes in, what is refused, and how long the broker takes."""

from typing import Final

from logstream_dashboards.panels import (
    A_SECOND,
    BYTES,
    BYTES_A_SECOND,
    COUNT,
    RECORDS_A_SECOND,
    SECONDS,
    Board,
    Panel,
    Query,
    Row,
    quantiles,
    rate,
)

BOARD: Final = Board(
    "logstream-gateway",
    "logstream: gateway",
    "What comes in over gRPC, what is refused, and how long the broker takes to confirm.",
    [
        Row(
            "Accepted",
            [
                Panel(
                    "Records by method",
                    RECORDS_A_SECOND,
                    "Records answered with success. SendLog carries one a call and costs the most.",
                    [Query(rate("logstream_gateway_accepted_records_total", "method"), "{{method}}")],
                    stacked=True,
                ),
                Panel(
                    "Bytes by method",
                    BYTES_A_SECOND,
                    "Bytes of the requests answered with success.",
                    [Query(rate("logstream_gateway_accepted_bytes_total", "method"), "{{method}}")],
                    stacked=True,
                ),
                Panel(
                    "Records in a message",
                    COUNT,
                    "Accepted records for each message that the broker confirmed. Low with SendLog alone; a "
                    "message costs the "
                    "broker and a writer about a millisecond, so under load more is better.",
                    [
                        Query(
                            f"{rate('logstream_gateway_accepted_records_total')} "
                            f"/ {rate('logstream_gateway_published_messages_total')}",
                            "records",
                        )
                    ],
                ),
            ],
        ),
        Row(
            "Refused",
            [
                Panel(
                    "Rejected by method and reason",
                    A_SECOND,
                    "Calls answered INVALID_ARGUMENT, by the limit they break. 0 is normal.",
                    [Query(rate("logstream_gateway_rejected_calls_total", "method, reason"), "{{method}} {{reason}}")],
                    width=12,
                    stacked=True,
                ),
                Panel(
                    "Unavailable by reason",
                    A_SECOND,
                    "Calls answered UNAVAILABLE, which senders repeat. 0 but for restarts and outages.",
                    [Query(rate("logstream_gateway_unavailable_calls_total", "reason"), "{{reason}}")],
                    width=12,
                    stacked=True,
                ),
                Panel(
                    "Failed and unreceived",
                    A_SECOND,
                    "Calls answered INTERNAL, which is a fault of the gateway's own: 0. Calls whose message never came: "
                    "the client left, or it is too large for gRPC.",
                    [
                        Query(
                            rate("logstream_gateway_failed_calls_total", "method, reason"), "failed: {{method}} {{reason}}"
                        ),
                        Query(rate("logstream_gateway_unreceived_calls_total", "method"), "unreceived: {{method}}"),
                    ],
                    width=12,
                    stacked=True,
                ),
                Panel(
                    "Streams ended by reason",
                    A_SECOND,
                    "PushStreams that the gateway ended, after their last result. By age is normal: balancers spread them "
                    "again.",
                    [Query(rate("logstream_gateway_ended_streams_total", "reason"), "{{reason}}")],
                    width=12,
                    stacked=True,
                ),
            ],
        ),
        Row(
            "Under way",
            [
                Panel(
                    "Calls",
                    COUNT,
                    "SendLog and Push calls from their headers to their answer, in each gateway. At "
                    "LOGSTREAM_GATEWAY_CONCURRENT_CALLS of a process it refuses.",
                    [Query("logstream_gateway_calls", "{{instance}}")],
                    width=12,
                ),
                Panel(
                    "PushStreams",
                    COUNT,
                    "Open streams, in each gateway. A silent one gives way where no more fit.",
                    [Query("logstream_gateway_streams", "{{instance}}")],
                    width=12,
                ),
            ],
        ),
        Row(
            "To the broker",
            [
                Panel(
                    "Time until the confirm",
                    SECONDS,
                    "From handing a message to the publisher until the broker has it on disk. Some milliseconds; "
                    "it is part of "
                    "every call.",
                    quantiles("logstream_gateway_confirm_seconds"),
                ),
                Panel(
                    "Bytes in flight",
                    BYTES,
                    "Bytes set aside for what is being received, and held until its confirm, in each gateway. At "
                    "LOGSTREAM_GATEWAY_INFLIGHT_BYTES of a process calls wait, and then are refused.",
                    [Query("logstream_gateway_inflight_bytes", "{{instance}}")],
                ),
                Panel(
                    "Messages",
                    A_SECOND,
                    "Messages confirmed, and those sent again because the connection was lost before; the latter "
                    "is 0 but for "
                    "restarts of the broker.",
                    [
                        Query(rate("logstream_gateway_published_messages_total"), "confirmed"),
                        Query(rate("logstream_gateway_republished_messages_total"), "sent again"),
                    ],
                ),
                Panel(
                    "Processes ready",
                    COUNT,
                    "Processes of each gateway whose connection takes publishes, and those of them that are not full: "
                    "LOGSTREAM_GATEWAY_PROCESSES.",
                    [
                        Query("logstream_gateway_broker_ready", "{{instance}} connected"),
                        Query("logstream_gateway_ready", "{{instance}} ready"),
                    ],
                    width=12,
                ),
                Panel(
                    "Connections opened",
                    A_SECOND,
                    "New connections to the broker. 0 is normal; steady ones mean that something ends them.",
                    [Query(rate("logstream_gateway_broker_connections_total", "instance"), "{{instance}}")],
                    width=12,
                ),
            ],
        ),
    ],
)
