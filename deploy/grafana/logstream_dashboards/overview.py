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
        Panel(
            title="Accepted",
            unit=RECORDS_A_SECOND,
            description="Records that gateways accepted.",
            queries=[Query(_ACCEPTED, "")],
            kind="stat",
            width=4,
        ),
        Panel(
            title="Committed",
            unit=RECORDS_A_SECOND,
            description="Records that writers stored. The rate follows the accepted records.",
            queries=[Query(_STORED, "")],
            kind="stat",
            width=4,
        ),
        Panel(
            title="Queued",
            unit=COUNT,
            description=(
                "Messages that are accepted but not stored yet. A handful is normal, a few thousand during a burst."
            ),
            queries=[Query(_WAITING, "")],
            kind="stat",
            width=4,
            bad_from=10_000,
        ),
        Panel(
            title="Viewers",
            unit=COUNT,
            description="Live viewers connected now.",
            queries=[Query("sum(logstream_stream_viewers)", "")],
            kind="stat",
            width=4,
        ),
        Panel(
            title="Dead letters in 24 h",
            unit=COUNT,
            description="Entries stored in dead_letters instead of as rows. 0 is normal; investigate each one.",
            queries=[Query(happened("logstream_writer_dead_letters_total", "24h"), "")],
            kind="stat",
            width=4,
            bad_from=0.5,
        ),
        Panel(
            title="Rejected in 1 h",
            unit=COUNT,
            description=(
                "Calls whose batch exceeded a limit. 0 is normal; their records are lost unless the sender is fixed."
            ),
            queries=[Query(happened("logstream_gateway_rejected_calls_total", "1h"), "")],
            kind="stat",
            width=4,
            bad_from=0.5,
        ),
    ],
)

_WAY: Final = Row(
    "A record's path",
    [
        Panel(
            title="Accepted, committed, delivered",
            unit=RECORDS_A_SECOND,
            description=(
                "Accepted and committed are equal, unless a backlog grows or shrinks. Delivered counts a record once "
                "for each viewer."
            ),
            queries=[Query(_ACCEPTED, "accepted"), Query(_STORED, "committed"), Query(_DELIVERED, "delivered to viewers")],
            width=12,
        ),
        Panel(
            title="Queued",
            unit=COUNT,
            description=(
                "Messages of the write queue: not delivered yet, and held by writers until their commit. Near 0 "
                "except during bursts."
            ),
            queries=[
                Query(f"max(rabbitmq_detailed_queue_messages_ready{{{_QUEUE}}})", "ready"),
                Query(f"max(rabbitmq_detailed_queue_messages_unacked{{{_QUEUE}}})", "held by writers"),
            ],
            width=6,
            stacked=True,
        ),
        Panel(
            title="Queued bytes",
            unit=BYTES,
            description=(
                "Size of the write queue. At 2 GiB, unless the policy write-queue-size was changed, gateways refuse calls."
            ),
            queries=[Query(f"max(rabbitmq_detailed_queue_messages_bytes{{{_QUEUE}}})", "bytes")],
            width=6,
        ),
        Panel(
            title="Lag from the gateway, 95th percentile",
            unit=SECONDS,
            description=(
                "Time from receiving a batch at the gateway to the broker's confirm, to the commit, and until it "
                "goes live. Well below a second without a backlog. Differences between the machines' clocks are "
                "included."
            ),
            queries=[
                Query(quantile(0.95, _CONFIRM), "until confirmed"),
                Query(quantile(0.95, _COMMIT), "until committed"),
                Query(quantile(0.95, _LIVE), "until live"),
            ],
            width=12,
        ),
        Panel(
            title="Mean time of each step",
            unit=SECONDS,
            description=(
                "Where a record spends its time: until it is in the queue, from there to the commit, and from there "
                "until it is live."
            ),
            queries=[
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
            title="Rejected by reason",
            unit=A_SECOND,
            description=("Batches or SendLog calls that returned INVALID_ARGUMENT, by the limit they exceed. 0 is normal."),
            queries=[Query(rate("logstream_gateway_rejected_calls_total", "reason"), "{{reason}}")],
            stacked=True,
        ),
        Panel(
            title="Unavailable by reason",
            unit=A_SECOND,
            description=(
                "Calls that returned UNAVAILABLE: senders keep their records and retry. 0 except during restarts and "
                "outages."
            ),
            queries=[Query(rate("logstream_gateway_unavailable_calls_total", "reason"), "{{reason}}")],
            stacked=True,
        ),
        Panel(
            title="Dead letters by reason",
            unit=A_SECOND,
            description="Entries that writers stored as dead letters. 0 is normal.",
            queries=[Query(rate("logstream_writer_dead_letters_total", "reason"), "{{reason}}")],
            stacked=True,
        ),
        Panel(
            title="Dropped for viewers by reason",
            unit=RECORDS_A_SECOND,
            description=(
                "Records that viewers did not receive, as they were told. `rate`: more records arrived than a viewer "
                "may receive, so it got a sample; normal in a storm. `slow`: a viewer does not read fast enough."
            ),
            queries=[Query(rate("logstream_stream_dropped_records_total", "reason"), "{{reason}}")],
            stacked=True,
        ),
        Panel(
            title="Gaps by reason",
            unit=A_SECOND,
            description=(
                "Gaps announced to viewers, which read the missing records from history. A few are normal when a "
                "server restarts."
            ),
            queries=[Query(rate("logstream_stream_gaps_total", "reason"), "{{reason}}")],
            stacked=True,
        ),
        Panel(
            title="Failed requests by reason",
            unit=A_SECOND,
            description="REST requests without a result. 0 is normal, except for client_gone: a user closed the page.",
            queries=[Query(rate("logstream_query_unavailable_requests_total", "reason"), "{{reason}}")],
            stacked=True,
        ),
    ],
)

_STATE: Final = Row(
    "State",
    [
        Panel(title=title, unit=COUNT, description=text, queries=[Query(expr, "")], kind="stat", width=4, bad_below=1)
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
    uid="logstream-overview",
    title="logstream: overview",
    description=(
        "A record's path through gateway, queue, writer and stream, and all records that were lost, refused or delayed."
    ),
    rows=[_GLANCE, _WAY, _MISSING, _STATE],
)
