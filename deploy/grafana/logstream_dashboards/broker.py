"""RabbitMQ: the write queue, the live queues, and the node."""

from typing import Final

from logstream_dashboards.panels import A_SECOND, BYTES, COUNT, UP, Board, Panel, Query, Row, rate

_WRITE: Final = '{queue="logstream.write"}'
_OTHERS: Final = '{queue!="logstream.write"}'
# max_length_bytes in deploy/rabbitmq/rabbitmq.conf; RabbitMQ does not expose it.
_LIMIT_BYTES: Final = 2147483648

BOARD: Final = Board(
    uid="logstream-broker",
    title="logstream: broker",
    description=(
        "RabbitMQ: the write queue, the queues of the live fanout, and the nodes. Metrics of single queues come from "
        "/metrics/detailed."
    ),
    rows=[
        Row(
            "The write queue",
            [
                Panel(
                    title="Messages",
                    unit=COUNT,
                    description=("Not delivered yet, and held by writers until their commit. Near 0 except during bursts."),
                    queries=[
                        Query(f"max(rabbitmq_detailed_queue_messages_ready{_WRITE})", "ready"),
                        Query(f"max(rabbitmq_detailed_queue_messages_unacked{_WRITE})", "held by writers"),
                    ],
                    stacked=True,
                ),
                Panel(
                    title="Bytes against the limit",
                    unit=BYTES,
                    description=(
                        "At the limit the broker refuses messages and gateways return UNAVAILABLE. The line is the "
                        "limit that logstream sets; your own policy can change it."
                    ),
                    queries=[
                        Query(f"max(rabbitmq_detailed_queue_messages_ready_bytes{_WRITE})", "ready"),
                        Query(f"vector({_LIMIT_BYTES})", "limit"),
                    ],
                ),
                Panel(
                    title="Consumers",
                    unit=COUNT,
                    description="Writers that consume the queue, as counted by the broker.",
                    queries=[Query(f"max(rabbitmq_detailed_queue_consumers{_WRITE})", "writers")],
                ),
            ],
        ),
        Row(
            "Messages",
            [
                Panel(
                    title="Incoming and outgoing",
                    unit=A_SECOND,
                    description=(
                        "Messages of all queues. Each batch arrives once and is delivered to a writer, and once more "
                        "to each stream replica."
                    ),
                    queries=[
                        Query(rate("rabbitmq_global_messages_received_total"), "received"),
                        Query(rate("rabbitmq_global_messages_confirmed_total"), "confirmed"),
                        Query(rate("rabbitmq_global_messages_delivered_total"), "delivered"),
                        Query(rate("rabbitmq_global_messages_acknowledged_total"), "acknowledged"),
                    ],
                ),
                Panel(
                    title="Redelivered and returned",
                    unit=A_SECOND,
                    description=(
                        "Messages delivered again, which is normal after a writer stopped. Returned: no queue "
                        "accepted them; 0 is normal."
                    ),
                    queries=[
                        Query(rate("rabbitmq_global_messages_redelivered_total"), "redelivered"),
                        Query(rate("rabbitmq_global_messages_unroutable_returned_total"), "returned"),
                    ],
                ),
                Panel(
                    title="Live queues",
                    unit=COUNT,
                    description=(
                        "Messages that stream replicas have not consumed yet. Near 0; a full queue drops its oldest "
                        "messages, which replicas then read from Redis."
                    ),
                    queries=[Query(f"max by (queue) (rabbitmq_detailed_queue_messages{_OTHERS})", "{{queue}}")],
                ),
            ],
        ),
        Row(
            "Nodes",
            [
                Panel(
                    title="Memory against the alarm",
                    unit=BYTES,
                    description="Above the line the broker blocks all publishers.",
                    queries=[
                        Query("max by (instance) (rabbitmq_process_resident_memory_bytes)", "{{instance}}"),
                        Query("max by (instance) (rabbitmq_resident_memory_limit_bytes)", "{{instance}} alarm"),
                    ],
                ),
                Panel(
                    title="Free disk against the alarm",
                    unit=BYTES,
                    description="Below the line the broker blocks all publishers.",
                    queries=[
                        Query("max by (instance) (rabbitmq_disk_space_available_bytes)", "{{instance}}"),
                        Query("max by (instance) (rabbitmq_disk_space_available_limit_bytes)", "{{instance}} alarm"),
                    ],
                ),
                Panel(
                    title="Alarms",
                    unit=UP,
                    description="0 is normal. Any alarm blocks publishing in the whole cluster.",
                    queries=[
                        Query("max by (instance) (rabbitmq_alarms_memory_used_watermark)", "{{instance}} memory"),
                        Query("max by (instance) (rabbitmq_alarms_free_disk_space_watermark)", "{{instance}} disk"),
                        Query("max by (instance) (rabbitmq_alarms_file_descriptor_limit)", "{{instance}} files"),
                    ],
                ),
                Panel(
                    title="Connections",
                    unit=COUNT,
                    description="One per gateway process, two per writer, one per stream replica.",
                    queries=[
                        Query("max by (instance) (rabbitmq_connections)", "{{instance}} connections"),
                        Query("max by (instance) (rabbitmq_channels)", "{{instance}} channels"),
                    ],
                    width=12,
                ),
                Panel(
                    title="Connections opened and closed",
                    unit=A_SECOND,
                    description="Near 0; a steady rate means that something closes connections.",
                    queries=[
                        Query(rate("rabbitmq_connections_opened_total"), "opened"),
                        Query(rate("rabbitmq_connections_closed_total"), "closed"),
                    ],
                    width=12,
                ),
            ],
        ),
    ],
)
