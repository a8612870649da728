"""Severity numbers of the OpenTelemetry log data model for the level names people use.

Source: OpenTelemetry log data model, "SeverityNumber" and its appendix B (mappings of syslog, Log4j and others); winston's
npm levels as the seed's clients send them.
"""

from typing import Final

UNSPECIFIED: Final = 0
HIGHEST: Final = 24

# Lower-case level name -> severity number. A name that is not here is 0 and matches no `min_level`.
NUMBERS: Final[dict[str, int]] = {
    # OpenTelemetry's own names; the plain ones are shared by winston, Python's logging and log4j.
    **{
        f"{name}{step or ''}": first + offset
        for name, first in (("trace", 1), ("debug", 5), ("info", 9), ("warn", 13), ("error", 17), ("fatal", 21))
        for offset, step in enumerate((0, 2, 3, 4))
    },
    # winston (npm levels)
    "http": 7,
    "verbose": 6,
    "silly": 1,
    # syslog (RFC 5424 keywords and their usual spellings)
    "emerg": 24,
    "emergency": 24,
    "panic": 24,
    "alert": 23,
    "crit": 22,
    "critical": 22,
    "err": 17,
    "warning": 13,
    "notice": 10,
    "informational": 9,
    # Python's logging says WARNING, CRITICAL and NOTSET; others say `severe`, `fine` (java.util.logging).
    "notset": 0,
    "severe": 17,
    "config": 8,
    "fine": 5,
    "finer": 3,
    "finest": 1,
}

_NAMES: Final = ("trace", "debug", "info", "warn", "error", "fatal")


def severity_of(level: str) -> int:
    """The severity number (1..24) of a level name in any case, 0 for a text that is no known name."""
    return NUMBERS.get(level.strip().lower(), UNSPECIFIED)


def level_of(severity: int) -> str:
    """The level name of a severity number: `info` for 9..12; the empty string for numbers outside 1..24."""
    return _NAMES[(severity - 1) // 4] if 1 <= severity <= HIGHEST else ""
