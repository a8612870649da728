"""What went live in the last second. It must count only what was decoded for viewers anyway."""

from collections import Counter
from typing import Any, Final

from logstream_contract.timestamps import iso_micros

from logstream_stream.decoder import Decoded

TOP_NODES: Final = 10


class SecondCounts:
    """Counts of one second; taking them begins the next."""

    def __init__(self) -> None:
        self._levels: Counter[str] = Counter()
        self._nodes: Counter[str] = Counter()
        self._records = 0
        self._lag_ms = 0.0
        self.dropped = 0

    def add(self, decoded: Decoded, lag_ms: float) -> None:
        """lag_ms: from the gateway's receiving the batch to now."""
        self._levels.update(decoded.columns.levels())
        self._nodes[decoded.columns.node] += len(decoded.columns)
        self._records += len(decoded.columns)
        self._lag_ms = max(self._lag_ms, lag_ms)

    def take(self, time_ns: int, viewers: int) -> dict[str, Any]:
        """The data of a counts event: by_node has the nodes with most records, lag_ms is the longest of the second, dropped
        is over all viewers of this replica."""
        counts = {
            "time": iso_micros(time_ns // 1_000),
            "records": self._records,
            "by_level": dict(self._levels),
            "by_node": dict(self._nodes.most_common(TOP_NODES)),
            "lag_ms": round(self._lag_ms, 1),
            "viewers": viewers,
            "dropped": self.dropped,
        }
        self._levels.clear()
        self._nodes.clear()
        self._records, self._lag_ms, self.dropped = 0, 0.0, 0
        return counts
