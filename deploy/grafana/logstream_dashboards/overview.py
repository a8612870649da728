"""A record's path through the whole system, on one page."""

from typing import Final

from logstream_dashboards.panels import (
    A_SECOND,
    BYTES,
    COUNT,
    RECORDS_A_SECOND,
    SECONDS,
    Board,
    Panel,
    Query,
    Row,
    happened,
    mean,
    quantile,
    rate,
)

_ACCEPTED: Final = rate("logstream_gateway_accepted_records_total")
_STORED: Final = rate("logstream_writer_stored_records_total")
_DELIVERED: Final = rate("logstream_stream_delivered_records_total")
_QUEUE: Final = 'queue="logstream.write"'
_WAITING: Final = f"max(rabbitmq_detailed_queue_messages{{{_QUEUE}}})"
_CONFIRM, _COMMIT, _LIVE = (
    "logstream_gateway_confirm_seconds",
    "logstream_writer_commit_lag_seconds",
    "logstream_stream_lag_seconds",
)

_GLANCE: Final = Row(
    "At a glance",
    [
        Panel("Accepted", RECORDS_A_SECOND, "Records that gateways accepted.", [Query(_ACCEPTED, "")], "stat", 4),
        Panel(
            "Committed",
            RECORDS_A_SECOND,
            "Records that writers stored. The rate follows the accepted records.",
            [Query(_STORED, "")],
            "stat",
            4,
        ),
        Panel(
            "Queued",
            COUNT,
            "Messages that are accepted but not stored yet. A handful is normal, a few thousand during a burst.",
            [Query(_WAITING, "")],
            "stat",
            4,
            bad_from=10_000,
        ),
        Panel("Viewers", COUNT, "Live viewers connected now.", [Query("sum(logstream_stream_viewers)", "")], "stat", 4),
        Panel(
            "Dead letters in 24 h",
            COUNT,
            "Entries stored in dead_letters instead of as rows. 0 is normal; investigate each one.",
            [Query(happened("logstream_writer_dead_letters_total", "24h"), "")],
            "stat",
            4,
            bad_from=0.5,
        ),
        Panel(
            "Rejected in 1 h",
            COUNT,
            "Calls whose batch exceeded a limit. 0 is normal; their records are lost unless the sender is fixed.",
            [Query(happened("logstream_gateway_rejected_calls_total", "1h"), "")],
            "stat",
            4,
            bad_from=0.5,
        ),
    ],
)

_WAY: Final = Row(
    "A record's path",
    [
        Panel(
            "Accepted, committed, delivered",
            RECORDS_A_SECOND,
            "Accepted and committed are equal, unless a backlog grows or shrinks. Delivered counts a record once for "
            "each viewer.",
            [Query(_ACCEPTED, "accepted"), Query(_STORED, "committed"), Query(_DELIVERED, "delivered to viewers")],
            width=12,
        ),
        Panel(
            "Queued",
            COUNT,
            "Messages of the write queue: not delivered yet, and held by writers until their commit. Near 0 except "
            "during bursts.",
            [
                Query(f"max(rabbitmq_detailed_queue_messages_ready{{{_QUEUE}}})", "ready"),
                Query(f"max(rabbitmq_detailed_queue_messages_unacked{{{_QUEUE}}})", "held by writers"),
            ],
            width=6,
            stacked=True,
        ),
        Panel(
            "Queued bytes",
            BYTES,
            "Size of the write queue. At 2 GiB, unless the policy write-queue-size was changed, gateways refuse calls.",
            [Query(f"max(rabbitmq_detailed_queue_messages_bytes{{{_QUEUE}}})", "bytes")],
            width=6,
        ),
        Panel(
            "Lag from the gateway, 95th percentile",
            SECONDS,
            "Time from receiving a batch at the gateway to the broker's confirm, to the commit, and until it goes live."
            " Well below a second without a backlog. Differences between the machines' clocks are included.",
            [
                Query(quantile(0.95, _CONFIRM), "until confirmed"),
                Query(quantile(0.95, _COMMIT), "until committed"),
                Query(quantile(0.95, _LIVE), "until live"),
            ],
            width=12,
        ),
        Panel(
            "Mean time of each step",
            SECONDS,
            "Where a record spends its time: until it is in the queue, from there to the commit, and from there until "
            "it is live.",
            [
                Query(mean(_CONFIRM), "gateway to queue"),
                Query(f"{mean(_COMMIT)} - {mean(_CONFIRM)}", "queue to commit"),
                Query(f"{mean(_LIVE)} - {mean(_COMMIT)}", "commit to live"),
            ],
            width=12,
        ),
    ],
)

_MISSING: Final = Row(
    "Not accepted, not stored, not shown",
    [
        Panel(
            "Rejected by reason",
            A_SECOND,
            "Batches or SendLog calls that returned INVALID_ARGUMENT, by the limit they exceed. 0 is normal.",
            [Query(rate("logstream_gateway_rejected_calls_total", "reason"), "{{reason}}")],
            stacked=True,
        ),
        Panel(
            "Unavailable by reason",
            A_SECOND,
            "Calls that returned UNAVAILABLE: senders keep their records and retry. 0 except during restarts and outages.",
            [Query(rate("logstream_gateway_unavailable_calls_total", "reason"), "{{reason}}")],
            stacked=True,
        ),
        Panel(
            "Dead letters by reason",
            A_SECOND,
            "Entries that writers stored as dead letters. 0 is normal.",
            [Query(rate("logstream_writer_dead_letters_total", "reason"), "{{reason}}")],
            stacked=True,
        ),
        Panel(
            "Dropped for viewers by reason",
            RECORDS_A_SECOND,
            "Records that viewers did not receive, as they were told. `rate`: more records arrived than a viewer may "
            "receive, so it got a sample; normal in a storm. `slow`: a viewer does not read fast enough.",
            [Query(rate("logstream_stream_dropped_records_total", "reason"), "{{reason}}")],
            stacked=True,
        ),
        Panel(
            "Gaps by reason",
            A_SECOND,
            "Gaps announced to viewers, which read the missing records from history. A few are normal when a server "
            "restarts.",
            [Query(rate("logstream_stream_gaps_total", "reason"), "{{reason}}")],
            stacked=True,
        ),
        Panel(
            "Failed requests by reason",
            A_SECOND,
            "REST requests without a result. 0 is normal, except for client_gone: a user closed the page.",
            [Query(rate("logstream_query_unavailable_requests_total", "reason"), "{{reason}}")],
            stacked=True,
        ),
    ],
)

_STATE: Final = Row(
    "State",
    [
        Panel(title, COUNT, text, [Query(expr, "")], "stat", 4, bad_below=1)
        for title, text, expr in (
            ("Gateways ready", "Gateway processes that can publish.", "sum(logstream_gateway_broker_ready)"),
            ("Writers consuming", "Writers that consume messages from the queue.", "sum(logstream_writer_consuming)"),
            ("Maintenance", "Writers that perform maintenance. 1 is normal.", "sum(logstream_writer_maintenance_leading)"),
            (
                "Redis",
                "The lowest value that a writer or a stream replica reports for Redis. 1: available.",
                "min(logstream_writer_redis_up or logstream_stream_recent_up)",
            ),
            ("Streams consuming", "Stream replicas that consume the live fanout.", "sum(logstream_stream_broker_up)"),
            ("Query", "Query replicas that respond to Prometheus.", "count(logstream_query_searches)"),
        )
    ],
)

BOARD: Final = Board(
    "logstream-overview",
    "logstream: overview",
    "A record's path through gateway, queue, writer and stream, and all records that were lost, refused or delayed.",
    [_GLANCE, _WAY, _MISSING, _STATE],
)
