"""The bars of a histogram: how wide they are and where they begin. Pure."""

import re
from typing import Final

from logstream_contract.units import DAY_S, SECONDS_OF_UNIT

from logstream_query.questions.moments import MICROSECONDS

MAX_BARS: Final = 5_000
EXPECTED: Final = "a width such as 10s, 5m, 1h or 1d (units s, m, h, d, w), up to 3650d"

_WIDTH: Final = re.compile(r"(\d{1,9})([smhdw])", re.ASCII)
_MAX_WIDTH_S: Final = 3_650 * DAY_S
_WEEK_US: Final = 7 * DAY_S * MICROSECONDS
# 1970 began on a Thursday.
_FIRST_MONDAY_US: Final = 4 * DAY_S * MICROSECONDS
# Widths that are easy to read. From a minute on, each is a multiple of a width for which counts are stored.
_NICE_S: Final = tuple(
    int(number) * SECONDS_OF_UNIT[unit]
    for number, unit in _WIDTH.findall("1s 2s 5s 10s 15s 30s 1m 2m 5m 10m 20m 30m 1h 2h 3h 6h 12h 1d 2d 1w 2w 4w 13w 52w")
)


def read_width(text: str) -> int:
    """Returns microseconds. Raises ValueError, which says what was expected."""
    match = _WIDTH.fullmatch(text)
    width_s = int(match[1]) * SECONDS_OF_UNIT[match[2]] if match else 0
    if not 1 <= width_s <= _MAX_WIDTH_S:
        raise ValueError(EXPECTED)
    return width_s * MICROSECONDS


def nice_width(span_us: int, bars: int) -> int:
    """Microseconds: the narrowest easily readable width with which about this many bars, or fewer, cover the time."""
    for width_s in _NICE_S:
        if width_s * MICROSECONDS * bars >= span_us:
            return width_s * MICROSECONDS
    widest_us = _NICE_S[-1] * MICROSECONDS
    return -(-span_us // (bars * widest_us)) * widest_us


def origin_of(width_us: int) -> int:
    """Where bars are counted from, microseconds since the epoch: weeks begin on Mondays, other widths at whole multiples."""
    return 0 if width_us % _WEEK_US else _FIRST_MONDAY_US


def bar_starts(start_us: int, end_us: int, width_us: int) -> range:
    """The starts of the bars that a range touches. The first may lie before the range, and before 1970."""
    if start_us >= end_us:
        return range(0)
    origin_us = origin_of(width_us)
    first_us = (start_us - origin_us) // width_us * width_us + origin_us
    return range(first_us, end_us, width_us)
