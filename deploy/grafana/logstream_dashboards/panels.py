"""The parts of a dashboard, independent of Grafana's JSON.

Expressions select their series by metric names, never by job or instance, which differ between installations. They return a
vector at any time, even if nothing has happened: a test checks each one against a running system.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

# Units as Grafana names them.
RECORDS_A_SECOND: Final = "recps"
A_SECOND: Final = "cps"
SECONDS: Final = "s"
BYTES: Final = "bytes"
BYTES_A_SECOND: Final = "Bps"
COUNT: Final = "short"
SHARE: Final = "percentunit"
CORES: Final = "none"
# 1 and 0, displayed as words.
UP: Final = "bool_on_off"


@dataclass(frozen=True)
class Query:
    """legend: with labels as {{reason}}."""

    expr: str
    legend: str


@dataclass(frozen=True, kw_only=True)
class Panel:
    """description: what is shown, and what is normal. width: in 24ths of the page. bad_from: a stat is red from this value
    on; bad_below: it is red below this value. stacked: the series add up to a whole."""

    title: str
    unit: str
    description: str
    queries: Sequence[Query]
    kind: Literal["lines", "stat"] = "lines"
    width: int = 8
    stacked: bool = False
    bad_from: float | None = None
    bad_below: float | None = None


@dataclass(frozen=True)
class Row:
    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, kw_only=True)
class Board:
    """uid: part of the URL, so it must not change."""

    uid: str
    title: str
    description: str
    rows: Sequence[Row]


def rate(metric: str, by: str = "") -> str:
    """Events per second over all replicas. by: labels to keep, such as `reason, method`. A matcher may follow the name."""
    return f"{_sum(by)}(rate({metric}[$__rate_interval]))"


def happened(metric: str, span: str, by: str = "") -> str:
    """Events within a span such as `1h`."""
    return f"{_sum(by)}(increase({metric}[{span}]))"


def quantile(share: float, histogram: str, by: str = "") -> str:
    """A quantile over all replicas. histogram: its name without a suffix."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket', labels)})"


def quantiles(histogram: str) -> list[Query]:
    """Median, 95th and 99th percentile."""
    return [Query(quantile(share, histogram), name) for share, name in ((0.5, "median"), (0.95, "95 %"), (0.99, "99 %"))]


def mean(histogram: str) -> str:
    return f"{rate(f'{histogram}_sum')} / {rate(f'{histogram}_count')}"


def _sum(by: str) -> str:
    return f"sum by ({by}) " if by else "sum"


def process(marker: str) -> list[Panel]:
    """Memory and CPU usage of the processes that expose the metric `marker`."""
    of = f"and on (job, instance) {marker}"
    return [
        Panel(
            title="Memory",
            unit=BYTES,
            description=(
                "Resident memory of each process. Constant after the first minutes; steady growth indicates a leak."
            ),
            queries=[Query(f"process_resident_memory_bytes {of}", "{{instance}}")],
            width=12,
        ),
        Panel(
            title="CPU",
            unit=CORES,
            description=(
                "Cores used by each process. A process has one interpreter, so it is at its limit near 1: add replicas."
            ),
            queries=[Query(f"rate(process_cpu_seconds_total[$__rate_interval]) {of}", "{{instance}}")],
            width=12,
        ),
    ]
