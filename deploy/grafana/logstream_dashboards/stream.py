"""The stream service: viewers, delivered records, and missed records."""

from typing import Final

from logstream_dashboards.panels import (
    A_SECOND,
    BYTES,
    COUNT,
    RECORDS_A_SECOND,
    SECONDS,
    UP,
    Board,
    Panel,
    Query,
    Row,
    process,
    quantiles,
    rate,
)

BOARD: Final = Board(
    "logstream-stream",
    "logstream: stream",
    "Live viewers, the records they receive, and the records they miss.",
    [
        Row(
            "Viewers",
            [
                Panel(
                    "Viewers by replica",
                    COUNT,
                    "Viewers connected now. Tabs of one browser share a connection.",
                    [Query("logstream_stream_viewers", "{{instance}}")],
                    stacked=True,
                ),
                Panel(
                    "Distinct filters",
                    COUNT,
                    "Each filter is applied once to every batch, however many viewers share it. At "
                    "LOGSTREAM_STREAM_MAX_FILTERS no more are accepted.",
                    [Query("logstream_stream_filters", "{{instance}}")],
                ),
                Panel(
                    "Refused and closed",
                    A_SECOND,
                    "Viewers refused because of a limit, and viewers closed because they did not read. 0 is normal.",
                    [
                        Query(rate("logstream_stream_refused_viewers_total", "reason"), "refused: {{reason}}"),
                        Query(rate("logstream_stream_closed_viewers_total", "reason"), "closed: {{reason}}"),
                    ],
                    stacked=True,
                ),
                Panel(
                    "Bytes held for viewers",
                    BYTES,
                    "Bytes waiting for viewers or being written to them, per replica. At LOGSTREAM_STREAM_HELD_BYTES, "
                    "the viewer that is furthest behind loses its oldest records.",
                    [Query("logstream_stream_held_bytes", "{{instance}}")],
                    width=24,
                ),
            ],
        ),
        Row(
            "Records",
            [
                Panel(
                    "Delivered by route",
                    RECORDS_A_SECOND,
                    "Records written to viewers, counted once for each viewer.",
                    [Query(rate("logstream_stream_delivered_records_total", "route"), "{{route}}")],
                    stacked=True,
                ),
                Panel(
                    "Dropped by reason",
                    RECORDS_A_SECOND,
                    "Records dropped, as viewers were told. `rate`: a storm is shown as a sample, which is normal; "
                    "`slow`: a viewer or its network is too slow; `cost`: its filter is too expensive.",
                    [Query(rate("logstream_stream_dropped_records_total", "reason"), "{{reason}}")],
                    stacked=True,
                ),
                Panel(
                    "Gaps by reason",
                    A_SECOND,
                    "Gaps announced to viewers. A few are normal when a server restarts; `lost on the way` should never"
                    " occur.",
                    [Query(rate("logstream_stream_gaps_total", "reason"), "{{reason}}")],
                    stacked=True,
                ),
            ],
        ),
        Row(
            "From the writers",
            [
                Panel(
                    "Lag until live",
                    SECONDS,
                    "Time from receiving a batch at the gateway until it is live. Well below a second without a backlog.",
                    quantiles("logstream_stream_lag_seconds"),
                ),
                Panel(
                    "Fanout",
                    A_SECOND,
                    "Messages of the live fanout, those of them that cannot be decoded, and healed batches: read from "
                    "Redis because the fanout did not deliver them. The last two are 0; healed batches are normal after"
                    " a restart.",
                    [
                        Query(rate("logstream_stream_fanout_messages_total"), "messages"),
                        Query(rate("logstream_stream_healed_batches_total"), "healed batches"),
                        Query(rate("logstream_stream_unreadable_messages_total"), "unreadable"),
                    ],
                ),
                Panel(
                    "State",
                    UP,
                    "1 while the replica consumes the live fanout, and 1 while it can read the recent window in Redis.",
                    [
                        Query("logstream_stream_broker_up", "{{instance}} broker"),
                        Query("logstream_stream_recent_up", "{{instance}} Redis"),
                    ],
                ),
                Panel(
                    "Failed batches",
                    A_SECOND,
                    "Batches that this service could not process, by the failed step; viewers get a gap. 0 is normal.",
                    [Query(rate("logstream_stream_failed_batches_total", "reason"), "{{reason}}")],
                    stacked=True,
                ),
                Panel(
                    "Invalid parameters",
                    A_SECOND,
                    "Parameters named in responses with status 400.",
                    [Query(rate("logstream_stream_rejected_parameters_total", "parameter"), "{{parameter}}")],
                    stacked=True,
                ),
                Panel(
                    "Refused hosts and origins",
                    A_SECOND,
                    "Requests with a host name that is not allowed, or from a page of an origin that is not allowed: "
                    "LOGSTREAM_ALLOWED_HOSTS, LOGSTREAM_ALLOWED_ORIGINS.",
                    [Query(rate("logstream_stream_refused_requests_total", "reason"), "{{reason}}")],
                    stacked=True,
                ),
            ],
        ),
        Row("Process", process("logstream_stream_viewers")),
    ],
)
