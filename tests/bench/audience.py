"""Who watches in the scenario `fanout`: what each viewer asks for and how it behaves. It knows no connection."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, LiteralString


class Manner(StrEnum):
    """How a viewer reads."""

    PROMPT = "prompt"
    SLOW = "slow"  # a little at a time with pauses, into a tiny buffer
    SILENT = "silent"  # stops reading without closing, and comes back at the end
    ABRUPT = "abrupt"  # resets its connection, comes back a moment later, and does it again


@dataclass(frozen=True)
class Wanted:
    """A filter twice: as the query string of /stream, and as SQL about a row of logs, which the service has no part in."""

    query: str
    condition: LiteralString


_FILTERS: Final = (
    Wanted("level=error", "level = 'error'"),
    Wanted("level=warn,error", "level IN ('warn', 'error')"),
    Wanted("min_level=info", "severity >= 9"),
    Wanted("node=bench-*-0", "node LIKE 'bench-%-0'"),
    Wanted("node=bench-*-1", "node LIKE 'bench-%-1'"),
    Wanted("node=bench-*-2,nobody", "node LIKE 'bench-%-2' OR node = 'nobody'"),
    Wanted("q=PAYMENT%20ledger", "message ILIKE '%payment%' AND message ILIKE '%ledger%'"),
    Wanted("q=order%20-shipped", "message ILIKE '%order%' AND message NOT ILIKE '%shipped%'"),
    Wanted("q=%22of%20the%20call%20to%22", "message ILIKE '%of the call to%'"),
    Wanted("attr.region=eu-central", "attributes->>'region' = 'eu-central'"),
    Wanted("attr.region=us-east&level=info", "attributes->>'region' = 'us-east' AND level = 'info'"),
    Wanted("-attr.region=ap-south", "coalesce(attributes->>'region', '') <> 'ap-south'"),
)
# What viewers may want; the first is every record.
WANTED: Final = (Wanted("", "true"), *_FILTERS)

_FILTERED, _SLOW, _VANISHING = 0.25, 0.05, 0.05


@dataclass(frozen=True)
class Seat:
    """One viewer. wanted: its place in WANTED."""

    wanted: int
    manner: Manner


def seats(count: int, seed: int = 1) -> list[Seat]:
    """An audience: a quarter with filters, 5 % slow, 5 % vanishing, in any combination."""
    wanted = [0] * count
    for at in range(round(count * _FILTERED)):
        wanted[at] = 1 + at % len(_FILTERS)
    manners = list(_manners(count))
    # So that filters and manners meet.
    random.Random(seed).shuffle(manners)
    return [Seat(one, manner) for one, manner in zip(wanted, manners, strict=True)]


def _manners(count: int) -> Iterator[Manner]:
    slow, vanishing = round(count * _SLOW), round(count * _VANISHING)
    for at in range(count):
        if at < slow:
            yield Manner.SLOW
        elif at < slow + vanishing:
            yield Manner.SILENT if at % 2 else Manner.ABRUPT
        else:
            yield Manner.PROMPT
