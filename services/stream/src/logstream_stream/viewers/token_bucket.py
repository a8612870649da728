"""How many records a second a viewer is sent, and which ones if there are more. It must not know what a record is."""

from collections.abc import Callable

import numpy as np

from logstream_stream.records.columns import Ints


class TokenBucket:
    """A token bucket of per_second tokens a second that holds those of one second, so a steady rate up to that is never cut.

    clock: monotonic seconds.
    """

    def __init__(self, per_second: int, clock: Callable[[], float]) -> None:
        self._per_second = per_second
        self._clock = clock
        self._left = float(per_second)
        self._filled_at = clock()

    def take_all(self, count: int) -> bool:
        """Takes count tokens, or none if there are fewer. Returns whether it took them."""
        self._fill()
        if count > self._left:
            return False
        self._left -= count
        return True

    def take(self, count: int) -> int:
        """Takes count tokens, or all if there are fewer. Returns how many it took."""
        self._fill()
        taken = min(count, int(self._left))
        self._left -= taken
        return taken

    def _fill(self) -> None:
        now = self._clock()
        self._left = min(self._left + (now - self._filled_at) * self._per_second, self._per_second)
        self._filled_at = now


def spread(total: int, chosen: int, chance: np.random.Generator) -> Ints:
    """`chosen` of the numbers below total, ascending: a random one from each of `chosen` equal ranges.

    Random, because every hundredth of records that repeat after a hundred would be the same one.
    """
    bounds = np.arange(chosen + 1, dtype=np.int64) * total // max(chosen, 1)
    return chance.integers(bounds[:-1], bounds[1:])
