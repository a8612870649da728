"""How much time a slice of a search covers, from how long the slices before it took. Pure: it looks at no clock."""

from typing import Final

# Long enough that the fixed cost of a statement is small, short enough that others get their turn at the connections.
TARGET_S: Final = 0.15
_MOST_GROWTH: Final = 4.0
# Quick answers say little about the cost of a longer slice, and a clock's resolution must not divide by nothing.
_LEAST_TOOK_S: Final = 0.001


class Pace:
    """Spans are microseconds of records' time."""

    def __init__(self, span_us: int) -> None:
        self._span_us = max(1, span_us)

    def span_us(self, left_s: float) -> int:
        """For the next slice, which shall end within left_s."""
        return max(1, int(self._span_us * min(1.0, max(0.0, left_s) / TARGET_S)))

    def took(self, span_us: int, seconds: float) -> None:
        """A slice of this span was searched."""
        fitting = span_us * TARGET_S / max(seconds, _LEAST_TOOK_S)
        self._span_us = max(1, int(min(fitting, max(span_us, self._span_us) * _MOST_GROWTH)))

    def timed_out(self, span_us: int) -> None:
        """A slice of this span was too long."""
        self._span_us = max(1, span_us // 4)
