"""From what happened in a run to its figures."""

from typing import Any

import numpy as np
from harness.services import DATABASE

from bench.run import Outcome, percentile

# The programs a record passes; the others only show or read.
_MILLION = 1e6


def figures(
    outcome: Outcome, phase: int | None, yardstick: float | None, edition: str, bytes_per_row: float | None
) -> dict[str, Any]:
    """The figures of one phase, or with None of the whole run. What does not apply is None."""
    part = _Part(outcome, phase)
    stored = outcome.verdict.stored
    cpu = {name: usage.cpu_s / stored * _MILLION for name, usage in outcome.used.items()} if stored else {}
    for name in [name for name in cpu if name.startswith("writer ")]:
        cpu["writer"] += cpu.pop(name)
    committed_per_s = part.committed_per_s()
    lags = part.lags()
    return {
        "name": outcome.name,
        "lost": outcome.verdict.lost,
        "duplicated": outcome.verdict.duplicated,
        "records": part.records,
        "offered_per_s": _round(part.offered_per_s()),
        "acked_per_s": _round(part.acked_per_s()),
        "ack_p50_ms": percentile(part.ack_ms, 50),
        "ack_p95_ms": percentile(part.ack_ms, 95),
        "ack_p99_ms": percentile(part.ack_ms, 99),
        "all_committed_after_s": part.all_committed_after_s(),
        "committed_per_s": _round(committed_per_s),
        "commit_p50_ms": percentile(part.commit_ms(), 50),
        "commit_p95_ms": percentile(part.commit_ms(), 95),
        "commit_p99_ms": percentile(part.commit_ms(), 99),
        "live_p50_ms": percentile(lags, 50),
        "live_p95_ms": percentile(lags, 95),
        "live_p99_ms": percentile(lags, 99),
        "live_seen": outcome.sight.records if outcome.sight and phase is None else None,
        "live_dropped": outcome.sight.dropped if outcome.sight and phase is None else None,
        "live_gaps": outcome.sight.gaps if outcome.sight and phase is None else None,
        "pages_p50_ms": percentile(outcome.pages.answered_ms, 50) if outcome.pages else None,
        "pages_p99_ms": percentile(outcome.pages.answered_ms, 99) if outcome.pages else None,
        # Of the whole run: CPU can't be told apart by phase where one drains into the next.
        "cpu_s_per_million": {**{name: round(value, 2) for name, value in cpu.items()}, "total": round(sum(cpu.values()), 2)}
        if cpu and phase is None
        else None,
        "rss_mib": {name: round(peak / 2**20) for name, peak in _peaks(outcome).items()} if phase is None else None,
        "retries": sum(account.retries for account in outcome.accounts),
        "yardstick_rows_per_s": _round(yardstick),
        "share_of_yardstick": round(committed_per_s / yardstick, 2) if committed_per_s and yardstick else None,
        "bytes_per_row": _round(bytes_per_row, 1),
        "edition": edition,
    }


class _Part:
    def __init__(self, outcome: Outcome, phase: int | None) -> None:
        self._outcome = outcome
        self._last_phase = phase is None or phase == len(outcome.load.phases) - 1
        due, answered, records, ids = [], [], 0, []
        for account in outcome.accounts:
            for index, of_phase in enumerate(account.phase):
                if phase in (None, of_phase):
                    due.append(account.due_ns[index])
                    answered.append(account.answered_ns[index])
                    ids.append(account.batch_ids[index])
                    records += account.records
        self.records = records
        self._ids = ids
        self._due = np.array(due, dtype=np.int64)
        self._answered = np.array(answered, dtype=np.int64)
        self._kind_records = outcome.accounts[0].records
        ok = self._answered > 0
        self.ack_ms = ((self._answered[ok] - self._due[ok]) / 1e6).tolist()
        phases = outcome.load.phases
        self._begin_s = outcome.began_s + sum(one.seconds for one in phases[: phase or 0])
        self._seconds = sum(one.seconds for one in phases) if phase is None else phases[phase].seconds
        self._end_s = self._begin_s + self._seconds

    def offered_per_s(self) -> float | None:
        return self.records / self._seconds

    def acked_per_s(self) -> float | None:
        """Over the time from the first record to the last answer, but at least the time it was sent in."""
        acked = int(np.count_nonzero(self._answered)) * self._kind_records
        if not acked:
            return 0.0
        # The last batch was due one interval before the end.
        return acked / max(self._seconds, float(self._answered.max()) / 1e9 - self._begin_s)

    def all_committed_after_s(self) -> float | None:
        """From the last record sent until everything is committed; a phase that others follow has no such moment."""
        return round(max(0.0, self._outcome.committed_s - self._end_s), 2) if self._last_phase else None

    def committed_per_s(self) -> float | None:
        """Over the time in which there was something to commit."""
        outcome = self._outcome
        if self._last_phase and self._begin_s == outcome.began_s:
            acked = sum(account.records for account in outcome.accounts for answered in account.answered_ns if answered)
            return acked / (outcome.committed_s - outcome.began_s)
        within = [sample for sample in outcome.samples if self._begin_s <= sample.at_s <= self._end_s]
        if len(within) < 2:
            return None
        return (within[-1].committed - within[0].committed) / (within[-1].at_s - within[0].at_s)

    def commit_ms(self) -> list[float]:
        commits = self._outcome.commits
        return [
            (commits[batch_id] - int(due)) / 1e6
            for batch_id, due in zip(self._ids, self._due, strict=True)
            if batch_id in commits
        ]

    def lags(self) -> list[float]:
        """Of the records that were sent in this phase."""
        if not self._outcome.sight:
            return []
        until_s = float("inf") if self._last_phase else self._end_s
        return [
            lag_ms
            for arrived_ns, lag_ms in self._outcome.sight.lags
            if self._begin_s <= arrived_ns / 1e9 - lag_ms / 1e3 < until_s
        ]


def peak_rss(outcome: Outcome, program: str) -> int:
    """Bytes."""
    return max((sample.usage[program].rss_bytes for sample in outcome.samples if program in sample.usage), default=0)


def _peaks(outcome: Outcome) -> dict[str, int]:
    # Its processes share memory, which would be counted for each of them.
    return {program: peak_rss(outcome, program) for program in outcome.used if program != DATABASE}


def _round(value: float | None, digits: int = 0) -> float | None:
    return None if value is None else round(value, digits) if digits else round(value)
