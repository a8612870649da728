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
    uid="logstream-stream",
    title="logstream: stream",
    description="Live viewers, the records they receive, and the records they miss.",
    rows=[
        Row(
            "Viewers",
            [
                Panel(
                    title="Viewers by replica",
                    unit=COUNT,
                    description="Viewers connected now. Tabs of one browser share a connection.",
                    queries=[Query("logstream_stream_viewers", "{{instance}}")],
                    stacked=True,
                ),
                Panel(
                    title="Distinct filters",
                    unit=COUNT,
                    description="Each filter is applied once to every batch, however many viewers share it. At "
                    "LOGSTREAM_STREAM_MAX_FILTERS no more are accepted.",
                    queries=[Query("logstream_stream_filters", "{{instance}}")],
                ),
                Panel(
                    title="Refused and closed",
                    unit=A_SECOND,
                    description=(
                        "Viewers refused because of a limit, and viewers closed because they did not read. 0 is normal."
                    ),
                    queries=[
                        Query(rate("logstream_stream_refused_viewers_total", "reason"), "refused: {{reason}}"),
                        Query(rate("logstream_stream_closed_viewers_total", "reason"), "closed: {{reason}}"),
                    ],
                    stacked=True,
                ),
                Panel(
                    title="Bytes held for viewers",
                    unit=BYTES,
                    description=(
                        "Bytes waiting for viewers or being written to them, per replica. At "
                        "LOGSTREAM_STREAM_HELD_BYTES, the viewer that is furthest behind loses its oldest records."
                    ),
                    queries=[Query("logstream_stream_held_bytes", "{{instance}}")],
                    width=24,
                ),
            ],
        ),
        Row(
            "Records",
            [
                Panel(
                    title="Delivered by route",
                    unit=RECORDS_A_SECOND,
                    description="Records written to viewers, counted once for each viewer.",
                    queries=[Query(rate("logstream_stream_delivered_records_total", "route"), "{{route}}")],
                    stacked=True,
                ),
                Panel(
                    title="Dropped by reason",
                    unit=RECORDS_A_SECOND,
                    description=(
                        "Records dropped, as viewers were told. `rate`: a storm is shown as a sample, which is "
                        "normal; `slow`: a viewer or its network is too slow; `cost`: its filter is too expensive."
                    ),
                    queries=[Query(rate("logstream_stream_dropped_records_total", "reason"), "{{reason}}")],
                    stacked=True,
                ),
                Panel(
                    title="Gaps by reason",
                    unit=A_SECOND,
                    description=(
                        "Gaps announced to viewers. A few are normal when a server restarts; `lost on the way` "
                        "should never occur."
                    ),
                    queries=[Query(rate("logstream_stream_gaps_total", "reason"), "{{reason}}")],
                    stacked=True,
                ),
            ],
        ),
        Row(
            "From the writers",
            [
                Panel(
                    title="Lag until live",
                    unit=SECONDS,
                    description=(
                        "Time from receiving a batch at the gateway until it is live. Well below a second without a backlog."
                    ),
                    queries=quantiles("logstream_stream_lag_seconds"),
                ),
                Panel(
                    title="Fanout",
                    unit=A_SECOND,
                    description=(
                        "Messages of the live fanout, those of them that cannot be decoded, and healed batches: read "
                        "from Redis because the fanout did not deliver them. The last two are 0; healed batches are "
                        "normal after a restart."
                    ),
                    queries=[
                        Query(rate("logstream_stream_fanout_messages_total"), "messages"),
                        Query(rate("logstream_stream_healed_batches_total"), "healed batches"),
                        Query(rate("logstream_stream_unreadable_messages_total"), "unreadable"),
                    ],
                ),
                Panel(
                    title="State",
                    unit=UP,
                    description=(
                        "1 while the replica consumes the live fanout, and 1 while it can read the recent window in Redis."
                    ),
                    queries=[
                        Query("logstream_stream_broker_up", "{{instance}} broker"),
                        Query("logstream_stream_recent_up", "{{instance}} Redis"),
                    ],
                ),
                Panel(
                    title="Failed batches",
                    unit=A_SECOND,
                    description=(
                        "Batches that this service could not process, by the failed step; viewers get a gap. 0 is normal."
                    ),
                    queries=[Query(rate("logstream_stream_failed_batches_total", "reason"), "{{reason}}")],
                    stacked=True,
                ),
                Panel(
                    title="Invalid parameters",
                    unit=A_SECOND,
                    description="Parameters named in responses with status 400.",
                    queries=[Query(rate("logstream_stream_rejected_parameters_total", "parameter"), "{{parameter}}")],
                    stacked=True,
                ),
                Panel(
                    title="Refused hosts and origins",
                    unit=A_SECOND,
                    description=(
                        "Requests with a host name that is not allowed, or from a page of an origin that is not "
                        "allowed: LOGSTREAM_ALLOWED_HOSTS, LOGSTREAM_ALLOWED_ORIGINS."
                    ),
                    queries=[Query(rate("logstream_stream_refused_requests_total", "reason"), "{{reason}}")],
                    stacked=True,
                ),
            ],
        ),
        Row("Process", process("logstream_stream_viewers")),
    ],
)
