"""Every metric of the stream service, declared in one place. It must not measure anything itself.

Counters begin at 0 with every label value that is known: one that appears with its first event has no increase to see.
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
    """An Observer (see logstream_stream.viewers.hub) besides."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._viewers = Gauge("logstream_stream_viewers", "Viewers connected now", registry=registry)
        self._filters = Gauge(
            "logstream_stream_filters", "Different filters of the viewers connected now", registry=registry
        )
        self.refused = Counter(
            "logstream_stream_refused_viewers_total",
            "Viewers refused because no more viewers, viewers of one client, or different filters, fit",
            ["reason"],
            registry=registry,
        )
        self.refused_requests = Counter(
            "logstream_stream_refused_requests_total",
            "Requests turned away unread: host (by a name that is not allowed), origin (for another origin's page)",
            ["reason"],
            registry=registry,
        )
        self.rejected_parameters = Counter(
            "logstream_stream_rejected_parameters_total",
            "Parameters named in a 400 answer; `parameter` is `unknown` for a name that /stream doesn't have",
            ["parameter"],
            registry=registry,
        )
        self._closed = Counter(
            "logstream_stream_closed_viewers_total",
            "Viewers closed by this service, by reason: slow, or because what was being written filled its memory",
            ["reason"],
            registry=registry,
        )
        self.delivered = Counter(
            "logstream_stream_delivered_records_total", "Records written to viewers, by route", ["route"], registry=registry
        )
        self._dropped = Counter(
            "logstream_stream_dropped_records_total",
            "Records dropped for viewers and announced to them, by reason: slow to read, over the rate, or in batches that a"
            " filter of theirs was too expensive to be held against",
            ["reason"],
            registry=registry,
        )
        self._gaps = Counter("logstream_stream_gaps_total", "Gaps announced, by reason", ["reason"], registry=registry)
        self.healed = Counter(
            "logstream_stream_healed_batches_total",
            "Batches read from the recent window because the fanout did not bring them",
            registry=registry,
        )
        self.fanout = Counter("logstream_stream_fanout_messages_total", "Messages of the live fanout", registry=registry)
        self.unreadable = Counter(
            "logstream_stream_unreadable_messages_total",
            "Messages of the live fanout that can't be decoded",
            registry=registry,
        )
        self._failed = Counter(
            "logstream_stream_failed_batches_total",
            "Times that something went wrong with a single batch, by what was being done with it; it is announced as a gap",
            ["reason"],
            registry=registry,
        )
        self._held = Gauge(
            "logstream_stream_held_bytes", "Bytes that wait for viewers or are being written to them", registry=registry
        )
        self._lag = Histogram(
            "logstream_stream_lag_seconds",
            "From the gateway's receiving a batch to its going live",
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
