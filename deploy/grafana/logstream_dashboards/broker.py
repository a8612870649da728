"""RabbitMQ: the write queue, the live queues, and the node."""

from typing import Final

from logstream_dashboards.panels import A_SECOND, BYTES, COUNT, UP, Board, Panel, Query, Row, rate

_WRITE: Final = '{queue="logstream.write"}'
_OTHERS: Final = '{queue!="logstream.write"}'
# max_length_bytes in deploy/rabbitmq/rabbitmq.conf; RabbitMQ does not expose it.
_LIMIT_BYTES: Final = 2147483648

BOARD: Final = Board(
    "logstream-broker",
    "logstream: broker",
    "RabbitMQ: the write queue, the queues of the live fanout, and the nodes. Metrics of single queues come from "
    "/metrics/detailed.",
    [
        Row(
            "The write queue",
            [
                Panel(
                    "Messages",
                    COUNT,
                    "Not delivered yet, and held by writers until their commit. Near 0 except during bursts.",
                    [
                        Query(f"max(rabbitmq_detailed_queue_messages_ready{_WRITE})", "ready"),
                        Query(f"max(rabbitmq_detailed_queue_messages_unacked{_WRITE})", "held by writers"),
                    ],
                    stacked=True,
                ),
                Panel(
                    "Bytes against the limit",
                    BYTES,
                    "At the limit the broker refuses messages and gateways return UNAVAILABLE. The line is the limit "
                    "that logstream sets; your own policy can change it.",
                    [
                        Query(f"max(rabbitmq_detailed_queue_messages_ready_bytes{_WRITE})", "ready"),
                        Query(f"vector({_LIMIT_BYTES})", "limit"),
                    ],
                ),
                Panel(
                    "Consumers",
                    COUNT,
                    "Writers that consume the queue, as counted by the broker.",
                    [Query(f"max(rabbitmq_detailed_queue_consumers{_WRITE})", "writers")],
                ),
            ],
        ),
        Row(
            "Messages",
            [
                Panel(
                    "Incoming and outgoing",
                    A_SECOND,
                    "Messages of all queues. Each batch arrives once and is delivered to a writer, and once more to "
                    "each stream replica.",
                    [
                        Query(rate("rabbitmq_global_messages_received_total"), "received"),
                        Query(rate("rabbitmq_global_messages_confirmed_total"), "confirmed"),
                        Query(rate("rabbitmq_global_messages_delivered_total"), "delivered"),
                        Query(rate("rabbitmq_global_messages_acknowledged_total"), "acknowledged"),
                    ],
                ),
                Panel(
                    "Redelivered and returned",
                    A_SECOND,
                    "Messages delivered again, which is normal after a writer stopped. Returned: no queue accepted "
                    "them; 0 is normal.",
                    [
                        Query(rate("rabbitmq_global_messages_redelivered_total"), "redelivered"),
                        Query(rate("rabbitmq_global_messages_unroutable_returned_total"), "returned"),
                    ],
                ),
                Panel(
                    "Live queues",
                    COUNT,
                    "Messages that stream replicas have not consumed yet. Near 0; a full queue drops its oldest "
                    "messages, which replicas then read from Redis.",
                    [Query(f"max by (queue) (rabbitmq_detailed_queue_messages{_OTHERS})", "{{queue}}")],
                ),
            ],
        ),
        Row(
            "Nodes",
            [
                Panel(
                    "Memory against the alarm",
                    BYTES,
                    "Above the line the broker blocks all publishers.",
                    [
                        Query("max by (instance) (rabbitmq_process_resident_memory_bytes)", "{{instance}}"),
                        Query("max by (instance) (rabbitmq_resident_memory_limit_bytes)", "{{instance}} alarm"),
                    ],
                ),
                Panel(
                    "Free disk against the alarm",
                    BYTES,
                    "Below the line the broker blocks all publishers.",
                    [
                        Query("max by (instance) (rabbitmq_disk_space_available_bytes)", "{{instance}}"),
                        Query("max by (instance) (rabbitmq_disk_space_available_limit_bytes)", "{{instance}} alarm"),
                    ],
                ),
                Panel(
                    "Alarms",
                    UP,
                    "0 is normal. Any alarm blocks publishing in the whole cluster.",
                    [
                        Query("max by (instance) (rabbitmq_alarms_memory_used_watermark)", "{{instance}} memory"),
                        Query("max by (instance) (rabbitmq_alarms_free_disk_space_watermark)", "{{instance}} disk"),
                        Query("max by (instance) (rabbitmq_alarms_file_descriptor_limit)", "{{instance}} files"),
                    ],
                ),
                Panel(
                    "Connections",
                    COUNT,
                    "One per gateway process, two per writer, one per stream replica.",
                    [
                        Query("max by (instance) (rabbitmq_connections)", "{{instance}} connections"),
                        Query("max by (instance) (rabbitmq_channels)", "{{instance}} channels"),
                    ],
                    width=12,
                ),
                Panel(
                    "Connections opened and closed",
                    A_SECOND,
                    "Near 0; a steady rate means that something closes connections.",
                    [
                        Query(rate("rabbitmq_connections_opened_total"), "opened"),
                        Query(rate("rabbitmq_connections_closed_total"), "closed"),
                    ],
                    width=12,
                ),
            ],
        ),
    ],
)
