"""Where a walk through pages continues: an opaque text for the client, a position in (time, sequence) for the store."""

import base64
import binascii
import struct
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from logstream_query.questions.moments import INFINITE_US, MAX_US

Order = Literal["desc", "asc"]

EXPECTED: Final = "the next_cursor of an earlier response, unchanged"
MAX_SEQUENCE: Final = 2**63 - 1
# The greatest time of a position. It stands for infinity, which is greater.
_MOST_US: Final = 2**63 - 1
# Far more than are ever returned, with room for addition.
_MAX_RECORDS_SENT: Final = 2**52

_VERSION: Final = 2
_ORDERS: Final[tuple[Order, Order]] = ("desc", "asc")
# Version, order, time of the walk's first request, time and sequence of its position, records sent so far.
_FORM: Final = struct.Struct(">BBqqqq")


class Position(NamedTuple):
    """A position in the order of records. There need not be a record at it."""

    time_us: int
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """requested_at_us: when the first page was requested, so that relative times mean the same on every page.
    records_sent: on all pages so far.
    """

    order: Order
    requested_at_us: int
    position: Position
    records_sent: int

    def encode(self) -> str:
        time_us, sequence = self.position
        time_us = max(-_MOST_US, min(time_us, _MOST_US))
        raw = _FORM.pack(_VERSION, _ORDERS.index(self.order), self.requested_at_us, time_us, sequence, self.records_sent)
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def read_cursor(text: str) -> Cursor:
    """Raises ValueError for a text that is not a cursor of this version."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        version, order, requested_at_us, time_us, sequence, records_sent = _FORM.unpack(raw)
    except (binascii.Error, struct.error, ValueError) as error:
        raise ValueError(EXPECTED) from error
    known = version == _VERSION and order < len(_ORDERS)
    if not (known and 0 <= requested_at_us <= MAX_US and sequence >= 0 and 0 <= records_sent <= _MAX_RECORDS_SENT):
        raise ValueError(EXPECTED)
    return Cursor(
        order=_ORDERS[order],
        requested_at_us=requested_at_us,
        position=Position(INFINITE_US if time_us == _MOST_US else time_us, sequence),
        records_sent=records_sent,
    )
