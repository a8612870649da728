"""The way of a record through the whole system, on one page."""

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
        Panel(
            "Accepted", RECORDS_A_SECOND, "Records that gateways answered with success.", [Query(_ACCEPTED, "")], "stat", 4
        ),
        Panel(
            "Committed",
            RECORDS_A_SECOND,
            "Records that writers stored. It follows what is accepted.",
            [Query(_STORED, "")],
            "stat",
            4,
        ),
        Panel(
            "Queued",
            COUNT,
            "Messages that are accepted and not stored yet. A handful is normal, some thousand in a burst.",
            [Query(_WAITING, "")],
            "stat",
            4,
            bad_from=10_000,
        ),
        Panel("Viewers", COUNT, "Live viewers connected now.", [Query("sum(logstream_stream_viewers)", "")], "stat", 4),
        Panel(
            "Dead letters in 24 h",
            COUNT,
            "Entries put into dead_letters instead of rows. 0 is normal; each deserves a look.",
            [Query(happened("logstream_writer_dead_letters_total", "24h"), "")],
            "stat",
            4,
            bad_from=0.5,
        ),
        Panel(
            "Rejected in 1 h",
            COUNT,
            "Calls whose batch broke a limit. 0 is normal; their records are lost unless the sender is mended.",
            [Query(happened("logstream_gateway_rejected_calls_total", "1h"), "")],
            "stat",
            4,
            bad_from=0.5,
        ),
    ],
)

_WAY: Final = Row(
    "The way of a record",
    [
        Panel(
            "Accepted, committed, delivered",
            RECORDS_A_SECOND,
            "Accepted and committed lie on one another, but for a backlog that builds up or is worked off. "
            "Delivered counts a "
            "record once for each viewer.",
            [Query(_ACCEPTED, "accepted"), Query(_STORED, "committed"), Query(_DELIVERED, "delivered to viewers")],
            width=12,
        ),
        Panel(
            "Queued",
            COUNT,
            "Messages of the write queue: not given out yet, and held by writers until their commit. Near 0 but for bursts.",
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
            "What the write queue holds. At 2 GiB, unless the policy write-queue-size was changed, gateways refuse.",
            [Query(f"max(rabbitmq_detailed_queue_messages_bytes{{{_QUEUE}}})", "bytes")],
            width=6,
        ),
        Panel(
            "Lag from the gateway, slowest twentieth",
            SECONDS,
            "From the gateway's receiving a batch to the broker's confirm, to the commit, and until it goes "
            "live. Well below a "
            "second without a backlog. The clocks of the machines count in.",
            [
                Query(quantile(0.95, _CONFIRM), "until confirmed"),
                Query(quantile(0.95, _COMMIT), "until committed"),
                Query(quantile(0.95, _LIVE), "until live"),
            ],
            width=12,
        ),
        Panel(
            "Mean time from each to the next",
            SECONDS,
            "Where a record spends its time: until the queue has it, from there to the commit, from there to live.",
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
    "Not taken, not stored, not shown",
    [
        Panel(
            "Rejected by reason",
            A_SECOND,
            "Batches or SendLog calls answered INVALID_ARGUMENT, by the limit they break. 0 is normal.",
            [Query(rate("logstream_gateway_rejected_calls_total", "reason"), "{{reason}}")],
            stacked=True,
        ),
        Panel(
            "Unavailable by reason",
            A_SECOND,
            "Calls answered UNAVAILABLE: senders keep their records and try again. 0 but for restarts and outages.",
            [Query(rate("logstream_gateway_unavailable_calls_total", "reason"), "{{reason}}")],
            stacked=True,
        ),
        Panel(
            "Dead letters by reason",
            A_SECOND,
            "Entries that writers put aside. 0 is normal.",
            [Query(rate("logstream_writer_dead_letters_total", "reason"), "{{reason}}")],
            stacked=True,
        ),
        Panel(
            "Dropped for viewers by reason",
            RECORDS_A_SECOND,
            "Records that viewers were told they did not get. `rate`: more came than a viewer may be sent, so it "
            "saw a sample; "
            "normal in a storm. `slow`: a viewer does not read fast enough.",
            [Query(rate("logstream_stream_dropped_records_total", "reason"), "{{reason}}")],
            stacked=True,
        ),
        Panel(
            "Gaps by reason",
            A_SECOND,
            "Gaps announced to viewers, who read the rest from history. A few when a server restarts.",
            [Query(rate("logstream_stream_gaps_total", "reason"), "{{reason}}")],
            stacked=True,
        ),
        Panel(
            "Requests not answered by reason",
            A_SECOND,
            "REST requests without an answer. 0 is normal, but for client_gone: somebody closed the page.",
            [Query(rate("logstream_query_unavailable_requests_total", "reason"), "{{reason}}")],
            stacked=True,
        ),
    ],
)

_STATE: Final = Row(
    "Who is at work",
    [
        Panel(title, COUNT, text, [Query(expr, "")], "stat", 4, bad_below=1)
        for title, text, expr in (
            ("Gateways ready", "Gateway processes that can publish.", "sum(logstream_gateway_broker_ready)"),
            ("Writers consuming", "Writers that take messages from the queue.", "sum(logstream_writer_consuming)"),
            ("Maintenance", "Writers that do the maintenance: 1.", "sum(logstream_writer_maintenance_leading)"),
            (
                "Redis",
                "The worst a writer or a stream replica says of Redis: 1 is up.",
                "min(logstream_writer_redis_up or logstream_stream_recent_up)",
            ),
            ("Streams consuming", "Stream replicas that take the live fanout.", "sum(logstream_stream_broker_up)"),
            ("Query", "Query replicas that answer Prometheus.", "count(logstream_query_searches)"),
        )
    ],
)

BOARD: Final = Board(
    "logstream-overview",
    "logstream: overview",
    "The way of a record through gateway, queue, writer and stream, and everything that did not make it.",
    [_GLANCE, _WAY, _MISSING, _STATE],
)
