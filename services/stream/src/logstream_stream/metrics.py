"""All metrics of the stream service. It must not measure anything itself.

Counters start at 0 for every known label value: a series that appears with its first event shows no increase.
"""

from typing import Final

from logstream_runtime import guard
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from logstream_stream import failures
from logstream_stream.order import outcomes
from logstream_stream.viewers import admission, catch_up, channel, hub, viewer

ROUTES: Final = ("/stream", "/logs")
REFUSED: Final = (admission.VIEWERS, admission.CLIENT, admission.FILTERS)
DROPPED: Final = (viewer.SLOW, viewer.RATE, channel.COST)
CLOSED: Final = (viewer.SLOW, hub.FULL)
GAPS: Final = (
    outcomes.PAST_WINDOW,
    outcomes.WINDOW_UNAVAILABLE,
    outcomes.NEW_EPOCH,
    outcomes.BROKER_WAS_UNAVAILABLE,
    outcomes.LOST,
    channel.UNREADABLE,
    catch_up.UNREADABLE_ID,
    catch_up.UNKNOWN_POSITION,
    catch_up.UNNUMBERED,
)

_LAG_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)


class Metrics:
    """Also an Observer (see viewers.hub)."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._viewers = Gauge("logstream_stream_viewers", "Viewers that are connected", registry=registry)
        self._filters = Gauge("logstream_stream_filters", "Different filters among the connected viewers", registry=registry)
        self.refused = Counter(
            "logstream_stream_refused_viewers_total",
            "Viewers refused, by the limit that was reached: viewers, viewers of one client, or different filters",
            ["reason"],
            registry=registry,
        )
        self.refused_requests = Counter(
            "logstream_stream_refused_requests_total",
            "Requests refused unread, by reason: host (the host name is not allowed) or origin (a page of another origin)",
            ["reason"],
            registry=registry,
        )
        self.rejected_parameters = Counter(
            "logstream_stream_rejected_parameters_total",
            "Parameters that caused a 400 response; `parameter` is `unknown` for a name that /stream does not have",
            ["parameter"],
            registry=registry,
        )
        self._closed = Counter(
            "logstream_stream_closed_viewers_total",
            "Viewers that this service disconnected, by reason: slow, or memory (too much was being written)",
            ["reason"],
            registry=registry,
        )
        self.delivered = Counter(
            "logstream_stream_delivered_records_total", "Records written to viewers, by route", ["route"], registry=registry
        )
        self._dropped = Counter(
            "logstream_stream_dropped_records_total",
            "Records dropped for viewers and announced to them, by reason: slow (the viewer read too slowly), rate (more"
            " than its rate), cost (in batches that its expensive filter skipped)",
            ["reason"],
            registry=registry,
        )
        self._gaps = Counter("logstream_stream_gaps_total", "Announced gaps, by reason", ["reason"], registry=registry)
        self.healed = Counter(
            "logstream_stream_healed_batches_total",
            "Batches read from the recent window because they did not arrive by the fanout",
            registry=registry,
        )
        self.fanout = Counter(
            "logstream_stream_fanout_messages_total", "Messages received from the live fanout", registry=registry
        )
        self.unreadable = Counter(
            "logstream_stream_unreadable_messages_total",
            "Messages from the live fanout that could not be decoded",
            registry=registry,
        )
        self._failed = Counter(
            "logstream_stream_failed_batches_total",
            "Failures that concern a single batch, by the step that failed; the batch becomes a gap",
            ["reason"],
            registry=registry,
        )
        self._held = Gauge(
            "logstream_stream_held_bytes", "Bytes that wait for viewers or are being written to them", registry=registry
        )
        self._lag = Histogram(
            "logstream_stream_lag_seconds",
            "Time from the gateway receiving a batch to its delivery to viewers",
            buckets=_LAG_BUCKETS_S,
            registry=registry,
        )
        self.broker_up = Gauge("logstream_stream_broker_up", "1 while the live fanout is consumed", registry=registry)
        self.recent_up = Gauge("logstream_stream_recent_up", "1 while the recent window can be read", registry=registry)
        for counter, values in (
            (self.delivered, ROUTES),
            (self.refused, REFUSED),
            (self.refused_requests, guard.REFUSED),
            (self._dropped, DROPPED),
            (self._closed, CLOSED),
            (self._gaps, GAPS),
            (self._failed, failures.REASONS),
        ):
            for value in values:
                counter.labels(value)

    def lag(self, seconds: float) -> None:
        self._lag.observe(max(seconds, 0.0))

    def dropped(self, reason: str, records: int) -> None:
        self._dropped.labels(reason).inc(records)

    def gap(self, reason: str) -> None:
        self._gaps.labels(reason).inc()

    def closed(self, reason: str) -> None:
        self._closed.labels(reason).inc()

    def failed(self, reason: str) -> None:
        self._failed.labels(reason).inc()

    def held(self, size: int) -> None:
        self._held.set(size)

    def viewers(self, count: int) -> None:
        self._viewers.set(count)

    def filters(self, count: int) -> None:
        self._filters.set(count)
