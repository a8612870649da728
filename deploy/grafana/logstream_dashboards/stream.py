"""The stream service: viewers, what they get, and what they miss."""

from typing import Final

from logstream_dashboards.panels import (
    A_SECOND,
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
                    "viewer, or the "
                    "way to it, is too slow.",
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
                    "Wrong parameters",
                    A_SECOND,
                    "Parameters named in 400 answers.",
                    [Query(rate("logstream_stream_rejected_parameters_total", "parameter"), "{{parameter}}")],
                    width=24,
                    stacked=True,
                ),
            ],
        ),
        Row("Process", process("logstream_stream_viewers")),
    ],
)
