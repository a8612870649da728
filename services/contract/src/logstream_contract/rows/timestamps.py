"""Reads the timestamps of SendLog clients, and writes those in the responses of the services."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# The seconds that four digits of a year can write. PostgreSQL knows years up to 294276, years BC, and infinity.
_FIRST_SECOND: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)
_LAST_SECOND: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)
# The seed's form: `2024-08-06 18:51:32:5132`; of the one to four digits at the end the first three are milliseconds.
_SEED: Final = re.compile(r"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d):(\d{1,4})", re.ASCII)
_THIRD_COLON: Final = re.compile(r":\d\d:\d\d:")


def read_timestamp(text: str, zone: tzinfo) -> int | None:
    """Nanoseconds since the Unix epoch, or None for a text that can't be read or lies before 1970.

    Takes the seed's form and ISO 8601; a time without an offset is read in `zone`.
    """
    text = text.strip()
    seed = _SEED.fullmatch(text)
    try:
        if seed:
            nanos = _micros_of_second(seed[1], zone) * 1_000 + int(seed[2][:3]) * 1_000_000
        elif _THIRD_COLON.search(text):
            # No ISO 8601 form, though some releases of Python read it.
            return None
        else:
            nanos = _micros(text, zone) * 1_000
    except (ValueError, OverflowError):
        return None
    return nanos if nanos >= 0 else None


def _micros(text: str, zone: tzinfo) -> int:
    """Microseconds since the Unix epoch of an ISO 8601 text. Raises ValueError or OverflowError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return (moment - _EPOCH) // _MICROSECOND


# Of the calls of a moment nearly all name the same few seconds.
_micros_of_second = lru_cache(maxsize=256)(_micros)


def iso_micros(time_us: int) -> str:
    """Microseconds since the Unix epoch as `2024-08-06T18:51:32.513200Z`. What is outside the years 1 to 9999 is written
    with the first or last second of these."""
    second, micros = divmod(time_us, 1_000_000)
    return f"{_iso_second(second)}.{micros:06d}Z"


def iso_millis(time_us: int) -> str:
    """Microseconds since the Unix epoch as `2024-08-06T18:51:32.513Z`, cut to milliseconds as the seed writes it."""
    return iso_micros(time_us)[:23] + "Z"


@lru_cache(maxsize=1_024)
def _iso_second(second: int) -> str:
    # Records come many to a second, and this costs more than all else that is done for one.
    second = min(max(second, _FIRST_SECOND), _LAST_SECOND)
    return (_EPOCH + timedelta(seconds=second)).isoformat()[:19]
