"""Holds what viewers were shown against what is stored: received plus announced drops must be what a viewer's filter
matches, every missing record must lie in an announced range, and none may be there twice. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import numpy.typing as npt

from bench.shown import Drop, Gap, Ints, Sight, Span

Flags = npt.NDArray[np.bool_]

# Batches go live in the order in which they were stored, which may differ by so much from that of their receipt.
_DISORDER_US: Final = 1_000_000


@dataclass(frozen=True)
class Stored:
    """The rows of a run. sequences ascend; received_us, sent_ns: when a record's batch was received and sent; matches: the
    rows that each of WANTED lets through."""

    sequences: Ints
    times_us: Ints
    received_us: Ints
    sent_ns: Ints
    matches: Sequence[Flags]


@dataclass
class Tally:
    """Of one viewer, or of several added up."""

    received: int = 0  # distinct records
    # Missing and in no announced range, or beyond the number of records announced as dropped.
    holes: int = 0
    duplicates: int = 0
    strangers: int = 0  # received, and not stored or not what the filter matches
    overstated: int = 0  # announced as dropped, and not missing
    dropped_announced: int = 0
    missing_in_gaps: int = 0
    gaps: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Tally)))

    @property
    def wrong(self) -> str:
        """What makes a run void, or nothing."""
        flaws = ("holes", "duplicates", "strangers", "overstated")
        return ", ".join(f"{name} {getattr(self, name):,}" for name in flaws if getattr(self, name))


def rows_of(sequences: Ints, stored: Stored) -> Ints:
    """The place in stored of each record; -1: it is not there."""
    if not len(stored.sequences):
        return np.full(len(sequences), -1)
    places = np.minimum(np.searchsorted(stored.sequences, sequences), len(stored.sequences) - 1)
    return np.where(stored.sequences[places] == sequences, places, -1)


def tally(sight: Sight, rows: Sequence[Ints], wanted: int, stored: Stored) -> Tally:
    """rows: of each event, see rows_of. wanted: the viewer's filter, a place in stored.matches."""
    shown = np.concatenate([rows[number] for number in sight.events] or [np.zeros(0, np.int64)])
    known = shown[shown >= 0]
    times_shown = np.bincount(known, minlength=len(stored.sequences))
    matches = stored.matches[wanted]
    missing = np.flatnonzero(matches & (times_shown == 0))
    healed = _in_gaps(stored.times_us[missing], stored.received_us[missing], sight.gaps)
    unhealed = stored.times_us[missing[~healed]]
    dropped = np.zeros(len(unhealed), dtype=bool)
    for drop in sight.drops:
        dropped |= _within(unhealed, drop.span)
    uncovered = len(unhealed) - int(dropped.sum())
    sure, unsure = _announced(sight.drops)
    return Tally(
        received=int(np.count_nonzero(times_shown)),
        holes=max(uncovered, len(unhealed) - sure - unsure, 0),
        duplicates=int(np.maximum(times_shown - 1, 0).sum()),
        strangers=len(shown) - len(known) + int(np.count_nonzero(times_shown[~matches])),
        overstated=max(sure - len(missing), 0),
        dropped_announced=sure + unsure,
        missing_in_gaps=int(healed.sum()),
        gaps=len(sight.gaps),
    )


def _announced(drops: Sequence[Drop]) -> tuple[int, int]:
    sure = sum(drop.records for drop in drops if drop.sure)
    return sure, sum(drop.records for drop in drops) - sure


def _in_gaps(times_us: Ints, received_us: Ints, gaps: Sequence[Gap]) -> Flags:
    """Both times must be announced: the range of record times alone is so wide that it would excuse all of a run."""
    found = np.zeros(len(times_us), dtype=bool)
    for gap in gaps:
        first_us = None if gap.received.from_us is None else gap.received.from_us - _DISORDER_US
        found |= _within(times_us, gap.span) & _within(received_us, Span(first_us, gap.received.to_us + _DISORDER_US))
    return found


def _within(times_us: Ints, span: Span) -> Flags:
    inside: Flags = times_us < span.to_us
    return inside if span.from_us is None else inside & (times_us >= span.from_us)
