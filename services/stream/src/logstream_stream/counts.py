"""What went live in the last second. It must count only what was decoded for viewers anyway."""

from collections import Counter
from typing import Any, Final

import numpy as np
from logstream_contract.timestamps import iso_micros

from logstream_stream.decoder import Decoded

TOP_NODES: Final = 10


class SecondCounts:
    """Counts of one second; taking them begins the next."""

    def __init__(self) -> None:
        self._levels: Counter[str] = Counter()
        self._nodes: Counter[str] = Counter()
        self._records = 0
        # Of each batch, the records of which have one lag.
        self._lags_ms: list[float] = []
        self._lag_records: list[int] = []
        self.dropped = 0

    def add(self, decoded: Decoded, lag_ms: float) -> None:
        """lag_ms: from the gateway's receiving the batch to now."""
        self._levels.update(decoded.columns.levels())
        self._nodes[decoded.columns.node] += len(decoded.columns)
        self._records += len(decoded.columns)
        self._lags_ms.append(lag_ms)
        self._lag_records.append(len(decoded.columns))

    def take(self, time_ns: int, viewers: int) -> dict[str, Any]:
        """The data of a counts event: by_node has the nodes with most records, lag_ms is the longest of the second, the
        percentiles are over its records, dropped is over all viewers of this replica."""
        p50_ms, p99_ms = self._percentiles_ms(0.5, 0.99)
        counts = {
            "time": iso_micros(time_ns // 1_000),
            "records": self._records,
            "by_level": dict(self._levels),
            "by_node": dict(self._nodes.most_common(TOP_NODES)),
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
        self._records = self.dropped = 0
        return counts

    def _percentiles_ms(self, *shares: float) -> list[float]:
        """For each share, the lag that so many of the records had or less; 0 without records."""
        if not self._records:
            return [0.0 for _ in shares]
        lags_ms = np.array(self._lags_ms)
        ascending = np.argsort(lags_ms)
        up_to = np.cumsum(np.array(self._lag_records)[ascending])
        places = np.searchsorted(up_to, [share * self._records for share in shares])
        return [round(lag_ms, 1) for lag_ms in lags_ms[ascending[places]].tolist()]
