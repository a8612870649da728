"""The report of a scenario: one table, one file of figures, a picture of each run over time."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np

from bench.otlp import RATIO
from bench.run import Outcome

mpl.use("Agg")
from matplotlib import pyplot as plt

_COLUMNS: Final = (
    ("offered/s", "offered_per_s"),
    ("acked/s", "acked_per_s"),
    ("ack p50", "ack_p50_ms"),
    ("ack p99", "ack_p99_ms"),
    ("committed/s", "committed_per_s"),
    ("all after", "all_committed_after_s"),
    ("commit p99", "commit_p99_ms"),
    ("live p50", "live_p50_ms"),
    ("live p99", "live_p99_ms"),
    ("pages p50", "pages_p50_ms"),
    ("of baseline", "share_of_yardstick"),
    ("bytes/row", "bytes_per_row"),
)


def table(runs: Sequence[dict[str, Any]]) -> str:
    """Milliseconds, seconds and records a second; CPU-seconds per million records by program below."""
    shown = [(title, key) for title, key in _COLUMNS if any(run[key] is not None for run in runs)]
    rows = [["run", "lost", "doubled", *(title for title, _ in shown)]]
    rows += [[run["name"], str(run["lost"]), str(run["duplicated"]), *(_text(run[key]) for _, key in shown)] for run in runs]
    lines = _aligned(rows)
    costs = [run for run in runs if run["cpu_s_per_million"]]
    if costs:
        programs = list(dict.fromkeys(name for run in costs for name in run["cpu_s_per_million"]))
        ratio = {"of Push": RATIO} if any(RATIO in run for run in costs) else {}
        rows = [["CPU-s per million", *programs, *ratio]]
        rows += [
            [
                run["name"],
                *(_text(run["cpu_s_per_million"].get(name)) for name in programs),
                *(_text(run.get(key)) for key in ratio.values()),
            ]
            for run in costs
        ]
        lines += ["", *_aligned(rows)]
    return "\n".join(lines)


def write(folder: Path, scenario: str, runs: Sequence[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{scenario}.json"
    path.write_text(json.dumps(list(runs), indent=1) + "\n", encoding="utf-8")
    return path


def draw(folder: Path, outcome: Outcome) -> Path:
    """Rates, what waits, lag and CPU over the time of a run."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = outcome.samples
    at = np.array([sample.at_s - outcome.began_s for sample in samples])
    figure, axes = plt.subplots(4, 1, figsize=(9, 10), sharex=True, constrained_layout=True)
    for label, key in (("sent", "sent"), ("acked", "acked"), ("committed", "committed"), ("seen by the viewer", "seen")):
        values = np.array([getattr(sample, key) for sample in samples], dtype=float)
        axes[0].plot(at, _rate(values, at), label=label)
    axes[0].set_ylabel("records a second")
    acked = np.array([sample.acked for sample in samples])
    committed = np.array([sample.committed for sample in samples]) - samples[0].committed
    axes[1].plot(at, np.maximum(acked - committed, 0), label="acked, not committed")
    axes[1].set_ylabel("records")
    queued = [np.nan if sample.queued_messages is None else sample.queued_messages for sample in samples]
    messages = axes[1].twinx()
    messages.plot(at, queued, color="tab:orange", label="ready in the queue")
    messages.set_ylabel("messages")
    messages.legend(loc="upper right")
    if outcome.sight and outcome.sight.lags:
        arrived, lag = np.array(outcome.sight.lags).T
        axes[2].plot(arrived / 1e9 - outcome.began_s, lag, ".", markersize=1.5, label="live lag")
    axes[2].set_ylabel("ms")
    for program in outcome.used:
        values = np.array([sample.usage[program].cpu_s if program in sample.usage else 0.0 for sample in samples])
        axes[3].plot(at, _rate(values, at), label=program)
    axes[3].set_ylabel("cores")
    axes[3].set_xlabel("seconds since the first record")
    for axis in axes:
        axis.grid(alpha=0.3)
        axis.set_ylim(bottom=0)
        axis.legend(loc="upper left", fontsize="small")
    figure.suptitle(outcome.name)
    path = folder / f"{outcome.name.replace(' ', '-').replace('/', '-').replace(',', '')}.png"
    figure.savefig(path, dpi=80)
    plt.close(figure)
    return path


def _rate(values: Any, at: Any, steps: int = 3) -> Any:
    """Per second, over the last few samples."""
    rate = np.zeros_like(at)
    if len(at) > steps:
        rate[steps:] = (values[steps:] - values[:-steps]) / (at[steps:] - at[:-steps])
    return rate


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".rstrip("0").rstrip(".")


def aligned(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(_aligned(rows))


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
