"""RabbitMQ: the write queue, the live queues, and the node."""

from typing import Final

from logstream_dashboards.panels import A_SECOND, BYTES, COUNT, UP, Board, Panel, Query, Row, rate

_WRITE: Final = '{queue="logstream.write"}'
_OTHERS: Final = '{queue!="logstream.write"}'
# max_length_bytes in deploy/rabbitmq/rabbitmq.conf; RabbitMQ does not show it.
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
                    "Not given out yet, and held by writers until their commit. Near 0 but for bursts.",
                    [
                        Query(f"max(rabbitmq_detailed_queue_messages_ready{_WRITE})", "ready"),
                        Query(f"max(rabbitmq_detailed_queue_messages_unacked{_WRITE})", "held by writers"),
                    ],
                    stacked=True,
                ),
                Panel(
                    "Bytes against the limit",
                    BYTES,
                    "At the limit the broker refuses and gateways answer UNAVAILABLE. The line is the limit that logstream "
                    "sets; a policy of yours moves it.",
                    [
                        Query(f"max(rabbitmq_detailed_queue_messages_ready_bytes{_WRITE})", "ready"),
                        Query(f"vector({_LIMIT_BYTES})", "limit"),
                    ],
                ),
                Panel(
                    "Consumers",
                    COUNT,
                    "Writers that take from the queue, as the broker counts them.",
                    [Query(f"max(rabbitmq_detailed_queue_consumers{_WRITE})", "writers")],
                ),
            ],
        ),
        Row(
            "Messages",
            [
                Panel(
                    "In and out",
                    A_SECOND,
                    "Messages of all queues. Each batch goes in once and out to a writer, and once more to each "
                    "stream replica.",
                    [
                        Query(rate("rabbitmq_global_messages_received_total"), "received"),
                        Query(rate("rabbitmq_global_messages_confirmed_total"), "confirmed"),
                        Query(rate("rabbitmq_global_messages_delivered_total"), "delivered"),
                        Query(rate("rabbitmq_global_messages_acknowledged_total"), "acknowledged"),
                    ],
                ),
                Panel(
                    "Again, or nowhere",
                    A_SECOND,
                    "Messages delivered again, normal after a writer ended. Returned: no queue took them; 0.",
                    [
                        Query(rate("rabbitmq_global_messages_redelivered_total"), "redelivered"),
                        Query(rate("rabbitmq_global_messages_unroutable_returned_total"), "returned"),
                    ],
                ),
                Panel(
                    "Live queues",
                    COUNT,
                    "Messages that stream replicas have not taken yet. Near 0; a queue that is full drops its oldest, which "
                    "replicas read from Redis then.",
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
                    "Above the line the broker blocks whoever publishes.",
                    [
                        Query("max by (instance) (rabbitmq_process_resident_memory_bytes)", "{{instance}}"),
                        Query("max by (instance) (rabbitmq_resident_memory_limit_bytes)", "{{instance}} alarm"),
                    ],
                ),
                Panel(
                    "Free disk against the alarm",
                    BYTES,
                    "Below the line the broker blocks whoever publishes.",
                    [
                        Query("max by (instance) (rabbitmq_disk_space_available_bytes)", "{{instance}}"),
                        Query("max by (instance) (rabbitmq_disk_space_available_limit_bytes)", "{{instance}} alarm"),
                    ],
                ),
                Panel(
                    "Alarms",
                    UP,
                    "0 is normal. Any other stops publishing in the whole cluster.",
                    [
                        Query("max by (instance) (rabbitmq_alarms_memory_used_watermark)", "{{instance}} memory"),
                        Query("max by (instance) (rabbitmq_alarms_free_disk_space_watermark)", "{{instance}} disk"),
                        Query("max by (instance) (rabbitmq_alarms_file_descriptor_limit)", "{{instance}} files"),
                    ],
                ),
                Panel(
                    "Connections",
                    COUNT,
                    "One for each gateway process, two for each writer, one for each stream replica.",
                    [
                        Query("max by (instance) (rabbitmq_connections)", "{{instance}} connections"),
                        Query("max by (instance) (rabbitmq_channels)", "{{instance}} channels"),
                    ],
                    width=12,
                ),
                Panel(
                    "Connections opened and closed",
                    A_SECOND,
                    "Near 0; steady ones mean that something ends connections.",
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
