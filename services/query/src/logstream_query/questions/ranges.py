"""Stretches of time, and how a walk goes through them. Pure.

A list of ranges holds no two that overlap or touch; unless said otherwise it is newest first.
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
    """The same times as a list of ranges. Takes them in any order; one that ends before it begins is empty."""
    found: list[Range] = []
    for from_us, to_us in sorted(ranges, key=lambda one: one[1], reverse=True):
        if from_us > to_us:
            continue
        if found and to_us >= found[-1].from_us - 1:
            found[-1] = Range(min(from_us, found[-1].from_us), found[-1].to_us)
        else:
            found.append(Range(from_us, to_us))
    return found


def common(one: Sequence[Range], other: Sequence[Range]) -> list[Range]:
    """The times in both lists."""
    found: list[Range] = []
    i = j = 0
    while i < len(one) and j < len(other):
        from_us, to_us = max(one[i].from_us, other[j].from_us), min(one[i].to_us, other[j].to_us)
        if from_us <= to_us:
            found.append(Range(from_us, to_us))
        if one[i].from_us > other[j].from_us:
            i += 1
        else:
            j += 1
    return found


def split(whole: Range, span_us: int, order: Order) -> tuple[Range, Range | None]:
    """What a walk in this order comes to first, at most span_us (at least 1) long, and what is left."""
    if whole.span_us <= span_us:
        return whole, None
    if order == "desc":
        border = whole.to_us - span_us
        return Range(border + 1, whole.to_us), Range(whole.from_us, border)
    border = whole.from_us + span_us
    return Range(whole.from_us, border - 1), Range(border, whole.to_us)


def take(walk: list[Range], span_us: int, most: int, order: Order) -> tuple[list[Range], list[Range]]:
    """The first ranges of a walk, span_us long in total and at most so many, and those left, all in the walk's order."""
    taken: list[Range] = []
    for place, one in enumerate(walk):
        if span_us <= 0 or len(taken) >= most:
            return taken, walk[place:]
        first, rest = split(one, span_us, order)
        taken.append(first)
        span_us -= first.span_us
        if rest:
            return taken, [rest, *walk[place + 1 :]]
    return taken, []


def past(one: Range, order: Order) -> Position:
    """Where a walk goes on that has been through a range."""
    return Position(one.from_us, 0) if order == "desc" else Position(one.to_us, MAX_SEQUENCE)


def short_of(one: Range, order: Order) -> Position | None:
    """Where a walk goes on that comes to a range next; None: at its beginning."""
    if order == "desc":
        return Position(one.to_us, MAX_SEQUENCE)
    return Position(one.from_us - 1, MAX_SEQUENCE) if one.from_us else None


def border_us(position: Position) -> int:
    """The time up to which a walk that goes on at this position has seen everything: in descending order all records from
    then on, in ascending order all records before. Of a record that the walk stopped at it is the time."""
    return position.time_us + 1 if position.sequence == MAX_SEQUENCE else position.time_us
