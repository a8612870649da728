"""The gateway: accepted and refused calls, and the broker's confirm time."""

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
    uid="logstream-gateway",
    title="logstream: gateway",
    description="Accepted and refused gRPC calls, and the broker's confirm time.",
    rows=[
        Row(
            "Accepted",
            [
                Panel(
                    title="Records by method",
                    unit=RECORDS_A_SECOND,
                    description="Accepted records. SendLog carries one record per call and is the most expensive.",
                    queries=[Query(rate("logstream_gateway_accepted_records_total", "method"), "{{method}}")],
                    stacked=True,
                ),
                Panel(
                    title="Bytes by method",
                    unit=BYTES_A_SECOND,
                    description="Bytes of accepted requests.",
                    queries=[Query(rate("logstream_gateway_accepted_bytes_total", "method"), "{{method}}")],
                    stacked=True,
                ),
                Panel(
                    title="Records per message",
                    unit=COUNT,
                    description=(
                        "Accepted records per message confirmed by the broker. Low with SendLog only; a message "
                        "costs the broker and a writer about a millisecond, so under load higher is better."
                    ),
                    queries=[
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
                    title="Rejected by method and reason",
                    unit=A_SECOND,
                    description="Calls that returned INVALID_ARGUMENT, by the limit they exceed. 0 is normal.",
                    queries=[
                        Query(rate("logstream_gateway_rejected_calls_total", "method, reason"), "{{method}} {{reason}}")
                    ],
                    width=12,
                    stacked=True,
                ),
                Panel(
                    title="Unavailable by reason",
                    unit=A_SECOND,
                    description=(
                        "Calls that returned UNAVAILABLE, which senders retry. 0 except during restarts and outages."
                    ),
                    queries=[Query(rate("logstream_gateway_unavailable_calls_total", "reason"), "{{reason}}")],
                    width=12,
                    stacked=True,
                ),
                Panel(
                    title="Failed and unreceived",
                    unit=A_SECOND,
                    description=(
                        "Failed: calls that returned INTERNAL because of an error in the gateway itself; 0 is "
                        "normal. Unreceived: calls whose message never arrived, because the client disconnected or "
                        "the message is too large for gRPC."
                    ),
                    queries=[
                        Query(
                            rate("logstream_gateway_failed_calls_total", "method, reason"), "failed: {{method}} {{reason}}"
                        ),
                        Query(rate("logstream_gateway_unreceived_calls_total", "method"), "unreceived: {{method}}"),
                    ],
                    width=12,
                    stacked=True,
                ),
                Panel(
                    title="Streams ended by reason",
                    unit=A_SECOND,
                    description=(
                        "PushStreams that the gateway ended, after their last result. The reason age is normal: load "
                        "balancers distribute them again."
                    ),
                    queries=[Query(rate("logstream_gateway_ended_streams_total", "reason"), "{{reason}}")],
                    width=12,
                    stacked=True,
                ),
            ],
        ),
        Row(
            "In progress",
            [
                Panel(
                    title="Calls",
                    unit=COUNT,
                    description="SendLog and Push calls from their headers to their response, per gateway. At "
                    "LOGSTREAM_GATEWAY_CONCURRENT_CALLS a process refuses calls.",
                    queries=[Query("logstream_gateway_calls", "{{instance}}")],
                    width=12,
                ),
                Panel(
                    title="PushStreams",
                    unit=COUNT,
                    description="Open streams, per gateway. At the limit, an idle stream is ended for a new one.",
                    queries=[Query("logstream_gateway_streams", "{{instance}}")],
                    width=12,
                ),
            ],
        ),
        Row(
            "To the broker",
            [
                Panel(
                    title="Time until confirmed",
                    unit=SECONDS,
                    description=(
                        "From passing a message to the publisher until the broker has it on disk. A few "
                        "milliseconds; it is part of every call."
                    ),
                    queries=quantiles("logstream_gateway_confirm_seconds"),
                ),
                Panel(
                    title="Bytes in flight",
                    unit=BYTES,
                    description=(
                        "Bytes reserved for messages being received, and held until they are confirmed, per gateway. "
                        "At LOGSTREAM_GATEWAY_INFLIGHT_BYTES of a process, calls wait and are then refused."
                    ),
                    queries=[Query("logstream_gateway_inflight_bytes", "{{instance}}")],
                ),
                Panel(
                    title="Messages",
                    unit=A_SECOND,
                    description=(
                        "Messages confirmed, and messages sent again because the connection was lost before the "
                        "confirm; the latter is 0 except during restarts of the broker."
                    ),
                    queries=[
                        Query(rate("logstream_gateway_published_messages_total"), "confirmed"),
                        Query(rate("logstream_gateway_republished_messages_total"), "sent again"),
                    ],
                ),
                Panel(
                    title="Processes ready",
                    unit=COUNT,
                    description="Processes of each gateway that can publish, and those of them that are not full. "
                    "LOGSTREAM_GATEWAY_PROCESSES is normal.",
                    queries=[
                        Query("logstream_gateway_broker_ready", "{{instance}} connected"),
                        Query("logstream_gateway_ready", "{{instance}} ready"),
                    ],
                    width=12,
                ),
                Panel(
                    title="Connections opened",
                    unit=A_SECOND,
                    description=(
                        "New connections to the broker. 0 is normal; a steady rate means that something closes them."
                    ),
                    queries=[Query(rate("logstream_gateway_broker_connections_total", "instance"), "{{instance}}")],
                    width=12,
                ),
            ],
        ),
    ],
)
