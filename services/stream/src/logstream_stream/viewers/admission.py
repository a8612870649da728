"""Limits how many viewers may join, in total and of one client. It must not know what they watch."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from logstream_stream.viewers.filter_time import FilterTimeLimits
from logstream_stream.viewers.viewer import QueueLimits

VIEWERS: Final = "viewers"
CLIENT: Final = "client"
FILTERS: Final = "filters"


class Full(Exception):
    """A limit is reached: viewers, viewers of one client, or different filters. reason says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one replica."""

    viewers: int
    viewers_per_client: int  # 0: any number
    filters: int
    max_rate: int  # records a second to a viewer, 0: all
    viewer_timeout_s: float
    queue: QueueLimits
    held_bytes: int  # for all viewers together
    filter_time: FilterTimeLimits


class Admission:
    """Counts the connected viewers."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._clients: Counter[str] = Counter()
        self.viewers = 0

    def check(self, client: str | None) -> None:
        """Raises Full if one more viewer of this client would exceed a limit. client None: not known, and not limited."""
        if self.viewers >= self._limits.viewers:
            raise Full(VIEWERS)
        most = self._limits.viewers_per_client
        if most and client is not None and self._clients[client] >= most:
            raise Full(CLIENT)

    def enter(self, client: str | None) -> None:
        self.viewers += 1
        if client is not None:
            self._clients[client] += 1

    def leave(self, client: str | None) -> None:
        self.viewers -= 1
        if client is not None:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]
