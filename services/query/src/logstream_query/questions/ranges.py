"""Time ranges, and how a walk goes through them. Pure.

The ranges of a list do not overlap or touch. Unless stated otherwise, they are newest first.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from logstream_query.questions.cursors import MAX_SEQUENCE, Order, Position


class Range(NamedTuple):
    """Microseconds since the Unix epoch, both ends included."""

    from_us: int
    to_us: int

    @property
    def span_us(self) -> int:
        return self.to_us - self.from_us + 1


def merged(ranges: Iterable[tuple[int, int]]) -> list[Range]:
    """The same times as a list of ranges. The input may be in any order; a pair that ends before it begins is empty."""
    merged_ranges: list[Range] = []
    for from_us, to_us in sorted(ranges, key=lambda ends: ends[1], reverse=True):
        if from_us > to_us:
            continue
        if merged_ranges and to_us >= merged_ranges[-1].from_us - 1:
            merged_ranges[-1] = Range(min(from_us, merged_ranges[-1].from_us), merged_ranges[-1].to_us)
        else:
            merged_ranges.append(Range(from_us, to_us))
    return merged_ranges


def common(left: Sequence[Range], right: Sequence[Range]) -> list[Range]:
    """The times in both lists."""
    shared: list[Range] = []
    i = j = 0
    while i < len(left) and j < len(right):
        from_us, to_us = max(left[i].from_us, right[j].from_us), min(left[i].to_us, right[j].to_us)
        if from_us <= to_us:
            shared.append(Range(from_us, to_us))
        if left[i].from_us > right[j].from_us:
            i += 1
        else:
            j += 1
    return shared


def split(whole: Range, span_us: int, order: Order) -> tuple[Range, Range | None]:
    """The part that a walk in this order reaches first, at most span_us (at least 1) long, and the rest."""
    if whole.span_us <= span_us:
        return whole, None
    if order == "desc":
        border = whole.to_us - span_us
        return Range(border + 1, whole.to_us), Range(whole.from_us, border)
    border = whole.from_us + span_us
    return Range(whole.from_us, border - 1), Range(border, whole.to_us)


def take(walk: list[Range], span_us: int, most: int, order: Order) -> tuple[list[Range], list[Range]]:
    """The first ranges of a walk, span_us long in total and at most `most`, and the rest, all in the walk's order."""
    taken: list[Range] = []
    for index, range_ in enumerate(walk):
        if span_us <= 0 or len(taken) >= most:
            return taken, walk[index:]
        first, rest = split(range_, span_us, order)
        taken.append(first)
        span_us -= first.span_us
        if rest:
            return taken, [rest, *walk[index + 1 :]]
    return taken, []


def past(range_: Range, order: Order) -> Position:
    """Where a walk continues after a range."""
    return Position(range_.from_us, 0) if order == "desc" else Position(range_.to_us, MAX_SEQUENCE)


def short_of(range_: Range, order: Order) -> Position | None:
    """Where a walk continues that reaches a range next; None: at its beginning."""
    if order == "desc":
        return Position(range_.to_us, MAX_SEQUENCE)
    return Position(range_.from_us - 1, MAX_SEQUENCE) if range_.from_us else None


def border_us(position: Position) -> int:
    """The time up to which a walk at this position has seen everything: in descending order all records from then on, in
    ascending order all records before. If the walk stopped at a record, it is the time of that record."""
    return position.time_us + 1 if position.sequence == MAX_SEQUENCE else position.time_us
