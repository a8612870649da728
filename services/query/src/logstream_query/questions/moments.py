"""Reads the times of a query: absolute, epoch numbers, or relative to now. It looks at no clock."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Final

from logstream_contract.rows.timestamps import read_timestamp
from logstream_contract.units import SECONDS_OF_UNIT

EXPECTED: Final = (
    "a time not before 1970: ISO 8601 such as 2024-08-06T18:51:32Z (write + in an offset as %2B), "
    "epoch seconds or milliseconds, or relative such as -15m (units s, m, h, d, w) or now"
)
MICROSECONDS: Final = 1_000_000
MINUTE_US: Final = 60 * MICROSECONDS
HOUR_US: Final = 60 * MINUTE_US
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# The first and the last microsecond of the years 1 to 9999, past which no datetime goes.
_MIN_US: Final = (datetime.min.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
MAX_US: Final = (datetime.max.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
# PostgreSQL's infinity, as a number that is larger than all others.
INFINITE_US: Final = 2**63 - 1 + 946_684_800_000_000

_RELATIVE: Final = re.compile(r"-(\d{1,9})([smhdw])", re.ASCII)
_NUMBER: Final = re.compile(r"\d{1,14}(\.\d{1,9})?", re.ASCII)
# Epoch seconds reach this number in the year 5138; epoch milliseconds passed it in 1973.
_FIRST_MILLISECONDS: Final = 100_000_000_000


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as it was requested: microseconds since the epoch or, if relative, from now. `text`: as it was written."""

    us: int
    relative: bool = False
    text: str = field(default="", compare=False)

    def at(self, now_us: int) -> int:
        """Microseconds since the epoch, 0 for earlier times."""
        return max(0, now_us + self.us) if self.relative else self.us


@dataclass(frozen=True, slots=True, order=True)
class StoredTime:
    """A time that the database compares with records' times: microseconds since the epoch. It is exact where a datetime
    is not: a row inserted with SQL may have a year after 9999, a year BC, or infinity, and a walk that continued at
    another time would repeat or skip such records. Lists of them need psycopg's binary placeholders, %b."""

    us: int


def read_moment(text: str, zone: tzinfo = UTC) -> Moment:
    """A time without an offset is read in `zone`. Raises ValueError, which says what was expected."""
    text = text.strip()
    if text == "now":
        return Moment(0, relative=True, text=text)
    relative = _RELATIVE.fullmatch(text)
    if relative:
        return Moment(-int(relative[1]) * SECONDS_OF_UNIT[relative[2]] * MICROSECONDS, relative=True, text=text)
    us = _epoch_number_us(text) if _NUMBER.fullmatch(text) else _timestamp_us(text, zone)
    if us is None or not 0 <= us <= MAX_US:
        raise ValueError(EXPECTED)
    return Moment(us, text=text)


def as_datetime(time_us: int) -> datetime:
    """time_us: microseconds since the epoch. Outside the years 1 to 9999 it is the first or last microsecond of these:
    rounded, a time may leave them."""
    return EPOCH + timedelta(microseconds=max(_MIN_US, min(time_us, MAX_US)))


def _epoch_number_us(text: str) -> int:
    number = Decimal(text)
    return int(number * (MICROSECONDS if number < _FIRST_MILLISECONDS else 1_000))


def _timestamp_us(text: str, zone: tzinfo) -> int | None:
    nanos = read_timestamp(text, zone)
    return None if nanos is None else nanos // 1_000
