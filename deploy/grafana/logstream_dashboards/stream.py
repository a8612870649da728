"""The stream service: viewers, what they get, and what they miss."""

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
    "Live viewers, what they are sent, and what they are told they missed.",
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
                    "Different filters",
                    COUNT,
                    "Each costs one look at every batch, however many viewers share it. At "
                    "LOGSTREAM_STREAM_MAX_FILTERS no more fit.",
                    [Query("logstream_stream_filters", "{{instance}}")],
                ),
                Panel(
                    "Refused and closed",
                    A_SECOND,
                    "Viewers for whom there was no room, and those that were closed because they did not read. 0 is normal.",
                    [
                        Query(rate("logstream_stream_refused_viewers_total", "reason"), "refused: {{reason}}"),
                        Query(rate("logstream_stream_closed_viewers_total", "reason"), "closed: {{reason}}"),
                    ],
                    stacked=True,
                ),
                Panel(
                    "Bytes held for viewers",
                    BYTES,
                    "What waits for viewers or is written to them, in each replica. At LOGSTREAM_STREAM_HELD_BYTES, who "
                    "is furthest behind loses the oldest.",
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
                    "Records written to viewers, each viewer counted.",
                    [Query(rate("logstream_stream_delivered_records_total", "route"), "{{route}}")],
                    stacked=True,
                ),
                Panel(
                    "Dropped by reason",
                    RECORDS_A_SECOND,
                    "Announced to the viewers. `rate`: a storm is shown as a sample, which is normal; `slow`: a "
                    "viewer, or the way to it, is too slow; `cost`: its filter is too expensive.",
                    [Query(rate("logstream_stream_dropped_records_total", "reason"), "{{reason}}")],
                    stacked=True,
                ),
                Panel(
                    "Gaps by reason",
                    A_SECOND,
                    "Gaps announced. A few when a server restarts; `lost on the way` should never be there.",
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
                    "From the gateway's receiving a batch to its going live. Well below a second without a backlog.",
                    quantiles("logstream_stream_lag_seconds"),
                ),
                Panel(
                    "Fanout",
                    A_SECOND,
                    "Messages of the live fanout, those of them that can't be decoded, and batches read from "
                    "Redis because the "
                    "fanout did not bring them. The last two are 0; healed batches are normal after a restart.",
                    [
                        Query(rate("logstream_stream_fanout_messages_total"), "messages"),
                        Query(rate("logstream_stream_healed_batches_total"), "healed batches"),
                        Query(rate("logstream_stream_unreadable_messages_total"), "unreadable"),
                    ],
                ),
                Panel(
                    "State",
                    UP,
                    "1 while the replica takes the live fanout, and while it can read the recent window in Redis.",
                    [
                        Query("logstream_stream_broker_up", "{{instance}} broker"),
                        Query("logstream_stream_recent_up", "{{instance}} Redis"),
                    ],
                ),
                Panel(
                    "Failed batches",
                    A_SECOND,
                    "Batches with which something went wrong here, by what was being done; viewers are told of a gap. 0.",
                    [Query(rate("logstream_stream_failed_batches_total", "reason"), "{{reason}}")],
                    stacked=True,
                ),
                Panel(
                    "Wrong parameters",
                    A_SECOND,
                    "Parameters named in 400 answers.",
                    [Query(rate("logstream_stream_rejected_parameters_total", "parameter"), "{{parameter}}")],
                    stacked=True,
                ),
                Panel(
                    "Turned away",
                    A_SECOND,
                    "Requests by a host name that is not allowed, or for another origin's page: LOGSTREAM_ALLOWED_HOSTS, "
                    "LOGSTREAM_ALLOWED_ORIGINS.",
                    [Query(rate("logstream_stream_refused_requests_total", "reason"), "{{reason}}")],
                    stacked=True,
                ),
            ],
        ),
        Row("Process", process("logstream_stream_viewers")),
    ],
)
