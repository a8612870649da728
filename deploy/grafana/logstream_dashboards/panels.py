"""What a dashboard consists of, in our words. It knows nothing of Grafana's JSON.

Expressions find their series by the names of metrics, never by job or instance, which differ between installations. They end
in a vector at any time, also when nothing has happened: a test holds every one against a running system.
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
# 1 and 0 as words.
UP: Final = "bool_on_off"


@dataclass(frozen=True)
class Query:
    """legend: with labels as {{reason}}."""

    expr: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """description: what is shown, and what is normal. width: of 24. bad_from: a stat is red from this value on; bad_below:
    red below it. stacked: parts of a whole."""

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


@dataclass(frozen=True)
class Board:
    """uid: part of the address, so it stays."""

    uid: str
    title: str
    description: str
    rows: Sequence[Row]


def rate(metric: str, by: str = "") -> str:
    """Events a second over all replicas; by: labels that stay apart, `reason, method`. A matcher may follow the name."""
    return f"{_sum(by)}(rate({metric}[$__rate_interval]))"


def happened(metric: str, span: str, by: str = "") -> str:
    """Events within a span, `1h`."""
    return f"{_sum(by)}(increase({metric}[{span}]))"


def quantile(share: float, histogram: str, by: str = "") -> str:
    """Of a histogram named without its suffix, over all replicas."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket', labels)})"


def quantiles(histogram: str) -> list[Query]:
    """Half of all, and the slowest twentieth and hundredth."""
    return [Query(quantile(share, histogram), name) for share, name in ((0.5, "half"), (0.95, "95 %"), (0.99, "99 %"))]


def mean(histogram: str) -> str:
    return f"{rate(f'{histogram}_sum')} / {rate(f'{histogram}_count')}"


def _sum(by: str) -> str:
    return f"sum by ({by}) " if by else "sum"


def process(marker: str) -> list[Panel]:
    """Memory and processor of the processes whose metrics have this one among them."""
    of = f"and on (job, instance) {marker}"
    return [
        Panel(
            "Memory",
            BYTES,
            "Resident memory of each process. Flat after the first minutes; steady growth is a leak.",
            [Query(f"process_resident_memory_bytes {of}", "{{instance}}")],
            width=12,
        ),
        Panel(
            "Processor",
            CORES,
            "Cores that each process uses. It is one process with one interpreter: near 1 it is at its end, so "
            "add replicas.",
            [Query(f"rate(process_cpu_seconds_total[$__rate_interval]) {of}", "{{instance}}")],
            width=12,
        ),
    ]
