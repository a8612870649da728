"""Counts the records that went live in the last second. It must count only batches that were decoded for viewers anyway, and
keep few names: a sender can invent any number of levels and nodes."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from logstream_contract.counted_names import is_known_level
from logstream_contract.rows.timestamps import iso_micros

from logstream_stream.records.decoder import Decoded

TOP_LEVELS: Final = 20
TOP_NODES: Final = 10
# Most names that are kept during a second, besides those of one batch.
MOST_NAMES: Final = 1_000


class SecondCounts:
    """The counts of one second. Taking them starts the next."""

    def __init__(self) -> None:
        self._levels: Counter[str] = Counter()
        self._nodes: Counter[str] = Counter()
        # Records under names that were dropped.
        self._other_levels = self._other_nodes = 0
        self._records = 0
        # One lag for each batch, and its number of records.
        self._lags_ms: list[float] = []
        self._lag_records: list[int] = []
        self.dropped = 0

    def add(self, decoded: Decoded, lag_ms: float) -> None:
        """lag_ms: the time since the gateway received the batch."""
        self._levels.update(decoded.columns.levels())
        self._nodes[decoded.columns.node] += len(decoded.columns)
        if len(self._levels) > MOST_NAMES:
            self._other_levels += _keep(self._levels, MOST_NAMES // 2, _is_unknown)
        if len(self._nodes) > MOST_NAMES:
            self._other_nodes += _keep(self._nodes, MOST_NAMES // 2)
        self._records += len(decoded.columns)
        self._lags_ms.append(lag_ms)
        self._lag_records.append(len(decoded.columns))

    def take(self, time_ns: int, viewers: int) -> dict[str, Any]:
        """The data of a counts event. by_level and by_node have the names with most records, with levels of a known severity
        first; other has the records under all other names. lag_ms is the longest of the second, the percentiles are over its
        records, and dropped is over all viewers of this replica."""
        p50_ms, p99_ms = self._percentiles_ms(0.5, 0.99)
        other_levels = self._other_levels + _keep(self._levels, TOP_LEVELS, _is_unknown)
        other_nodes = self._other_nodes + _keep(self._nodes, TOP_NODES)
        counts = {
            "time": iso_micros(time_ns // 1_000),
            "records": self._records,
            "by_level": dict(self._levels),
            "by_node": dict(self._nodes),
            "other": {"levels": other_levels, "nodes": other_nodes},
            "lag_ms": round(max(self._lags_ms, default=0.0), 1),
            "lag_p50_ms": p50_ms,
            "lag_p99_ms": p99_ms,
            "viewers": viewers,
            "dropped": self.dropped,
        }
        self._levels.clear()
        self._nodes.clear()
        self._lags_ms.clear()
        self._lag_records.clear()
        self._records = self.dropped = self._other_levels = self._other_nodes = 0
        return counts

    def _percentiles_ms(self, *shares: float) -> list[float]:
        """For each share, the lag that this share of the records did not exceed; 0 without records."""
        if not self._records:
            return [0.0 for _ in shares]
        lags_ms = np.array(self._lags_ms)
        ascending = np.argsort(lags_ms)
        up_to = np.cumsum(np.array(self._lag_records)[ascending])
        indexes = np.searchsorted(up_to, [share * self._records for share in shares])
        return [round(lag_ms, 1) for lag_ms in lags_ms[ascending[indexes]].tolist()]


def _is_unknown(level: str) -> bool:
    return not is_known_level(level)


def _keep(counts: Counter[str], most: int, gives_way: Callable[[str], bool] = bool) -> int:
    """Keeps the most frequent names, and names that give way only after all others. Returns the sum of those dropped."""
    ordered = sorted(counts, key=lambda name: (gives_way(name), -counts[name], name))
    remaining = {name: counts[name] for name in ordered[:most]}
    gone = counts.total() - sum(remaining.values())
    counts.clear()
    counts.update(remaining)
    return gone
