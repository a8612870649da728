"""How much the next slice of a search or a count covers, from how long earlier ones took. Pure: it looks at no clock."""

from typing import Final

# Long enough that the fixed cost of a statement is small, short enough that other requests get a connection soon.
TARGET_S: Final = 0.15
# Each range costs a fraction of a millisecond, and more where many chunks lie between the first and the last.
MOST_RANGES: Final = 200
_FIRST_RANGES: Final = 50
_MOST_GROWTH: Final = 4.0
_SHRINK: Final = 4
# A very quick slice says little about the cost of a longer one, and the clock's resolution must not lead to a division by
# zero.
_LEAST_TOOK_S: Final = 0.001


class SliceSizer:
    """Spans are microseconds of the records' time. ranges: the most ranges in the next slice."""

    def __init__(self, span_us: int, shrink: int = _SHRINK) -> None:
        """span_us: of the first slice. shrink: a slice that timed out is divided by this."""
        self._span_us = max(1, span_us)
        self._shrink = shrink
        self.ranges = _FIRST_RANGES

    def span_us(self, left_s: float = TARGET_S) -> int:
        """The span of the next slice. Less than TARGET_S left makes it shorter in proportion."""
        return max(1, int(self._span_us * min(1.0, max(0.0, left_s) / TARGET_S)))

    def took(self, span_us: int, ranges: int, seconds: float) -> None:
        """A slice of this span, in so many ranges, was searched in this time."""
        fit = TARGET_S / max(seconds, _LEAST_TOOK_S)
        self._span_us = max(1, int(min(span_us * fit, max(span_us, self._span_us) * _MOST_GROWTH)))
        self.ranges = max(1, int(min(ranges * fit, max(ranges, self.ranges) * _MOST_GROWTH, MOST_RANGES)))

    def timed_out(self, span_us: int, ranges: int) -> None:
        """A slice of this span, in so many ranges, timed out."""
        self._span_us = max(1, span_us // self._shrink)
        self.ranges = max(1, ranges // self._shrink)
