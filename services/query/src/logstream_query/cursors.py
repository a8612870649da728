"""Where a walk through pages goes on: an opaque text for the client, a position in (time, sequence) for the store."""

import base64
import binascii
import struct
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from logstream_query.moments import INFINITE_US, MAX_US

Order = Literal["desc", "asc"]

EXPECTED: Final = "the next_cursor of an earlier answer, unchanged"
MAX_SEQUENCE: Final = 2**63 - 1
# Of a position; stands for infinity, which is more.
_MOST_US: Final = 2**63 - 1
# Far more than are ever found, and room to add to it.
_MAX_FOUND: Final = 2**52

_VERSION: Final = 2
_ORDERS: Final[tuple[Order, Order]] = ("desc", "asc")
# Version, order, time of the walk's first question, time and sequence of where it has got to, records sent so far.
_FORM: Final = struct.Struct(">BBqqqq")


class Position(NamedTuple):
    """A place in the order of records. No record need be stored there."""

    time_us: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """asked_at_us: when the first page was asked for, so that relative times mean the same on every page.

    found: records on all pages so far.
    """

    order: Order
    asked_at_us: int
    position: Position
    found: int

    def encode(self) -> str:
        time_us, sequence = self.position
        time_us = max(-_MOST_US, min(time_us, _MOST_US))
        raw = _FORM.pack(_VERSION, _ORDERS.index(self.order), self.asked_at_us, time_us, sequence, self.found)
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def read_cursor(text: str) -> Cursor:
    """Raises ValueError for a text that no answer of this version carried."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        version, order, asked_at_us, time_us, sequence, found = _FORM.unpack(raw)
    except (binascii.Error, struct.error, ValueError) as error:
        raise ValueError(EXPECTED) from error
    known = version == _VERSION and order < len(_ORDERS)
    if not (known and 0 <= asked_at_us <= MAX_US and sequence >= 0 and 0 <= found <= _MAX_FOUND):
        raise ValueError(EXPECTED)
    return Cursor(_ORDERS[order], asked_at_us, Position(INFINITE_US if time_us == _MOST_US else time_us, sequence), found)
