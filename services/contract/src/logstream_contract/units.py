"""Units of numbers in settings, parameters and arguments. Pure."""

from typing import Final

MIB: Final = 1024 * 1024
DAY_S: Final = 86_400

# A span of time is written as a number and one of these letters: `90s`, `15m`, `2w`.
SECONDS_OF_UNIT: Final = {"s": 1, "m": 60, "h": 3_600, "d": DAY_S, "w": 7 * DAY_S}
