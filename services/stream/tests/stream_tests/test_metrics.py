"""What the stream service can count is there from the start."""

import pytest
from logstream_stream.failures import REASONS
from logstream_stream.metrics import CLOSED, DROPPED, GAPS, REFUSED, ROUTES, Metrics
from prometheus_client import CollectorRegistry


@pytest.mark.parametrize(
    ("name", "label", "values"),
    [
        ("delivered_records", "route", ROUTES),
        ("refused_viewers", "reason", REFUSED),
        ("closed_viewers", "reason", CLOSED),
        ("dropped_records", "reason", DROPPED),
        ("gaps", "reason", GAPS),
        ("failed_batches", "reason", REASONS),
    ],
)
def test_counters_begin_at_0(name: str, label: str, values: tuple[str, ...]) -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    for value in values:
        assert registry.get_sample_value(f"logstream_stream_{name}_total", {label: value}) == 0
