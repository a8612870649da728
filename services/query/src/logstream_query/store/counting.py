"""Which stored counts, and which rows at its incomplete ends, count the records of a time range exactly.

Writers store a count for each minute. Maintenance moves counts into sums over a minute, ten minutes and an hour, each of
which alone holds everything that was moved. So a range is divided into pieces, each read from the widest sums that fit.
Pure.
"""

from collections.abc import Collection, Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Final, Literal

from logstream_contract.filters.filters import Filter

from logstream_query.questions.moments import HOUR_US, MINUTE_US

# counts: the counts that have not been moved yet. logs: the records themselves.
Source = Literal["logs", "counts", "rollups"]

# Widths of the sums, widest first; each is a multiple of the next.
_WIDTHS_US: Final = (HOUR_US, 10 * MINUTE_US, MINUTE_US)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the range: microseconds since the Unix epoch, from start up to but not including end, None for no bound.

    width_us: the width of the sums, for rollups only. sign: -1 if the piece has to be subtracted.
    """

    source: Source
    start_us: int | None
    end_us: int | None
    _: KW_ONLY
    width_us: int = 0
    sign: Literal[1, -1] = 1


def is_countable(filter_: Filter) -> bool:
    """Whether stored counts know how many records match: they know only times, levels, severities and nodes."""
    return not (
        filter_.text.included
        or filter_.text.excluded
        or filter_.attributes
        or filter_.not_attributes
        or filter_.sequences
        or filter_.regex
    )


def pieces(start_us: int | None, end_us: int | None, now_us: int, bucket_us: int | None = None) -> list[Piece]:
    """The pieces whose counts, each multiplied by its sign, add up to the range's.

    bucket_us: no sums are used that may extend over a multiple of it; it is a multiple of a minute. None: all may be used.
    """
    if start_us is not None and end_us is not None:
        if start_us >= end_us:
            return []
        if start_us // MINUTE_US == (end_us - 1) // MINUTE_US and end_us - start_us < MINUTE_US:
            return [Piece("logs", start_us, end_us)]
    start_us, ragged_start = _whole_start(start_us, now_us)
    end_us, ragged_end = _whole_end(end_us, now_us)
    parts = ragged_start + ragged_end
    if start_us is None or end_us is None or start_us < end_us:
        widths = tuple(width for width in _WIDTHS_US if bucket_us is None or bucket_us % width == 0)
        parts.append(Piece("counts", start_us, end_us))
        parts += _rollups(start_us, end_us, widths)
    return parts


def pieces_around(
    start_us: int, end_us: int, now_us: int, bucket_us: int | None, hours: Collection[int], minutes: Collection[int]
) -> list[Piece]:
    """As pieces, where some sums do not name the filter's nodes or levels.

    hours: starts of the hours that are counted only by the sums of their minutes. minutes: starts of the minutes, within
    these hours, that are counted by their records.
    """
    parts: list[Piece] = []
    for at_us, from_us, to_us in _cut_out(start_us, end_us, hours, HOUR_US):
        parts += pieces(at_us, from_us, now_us, bucket_us)
        parts += _minutes_around(from_us, to_us, now_us, minutes)
    return parts


def _minutes_around(start_us: int, end_us: int, now_us: int, minutes: Collection[int]) -> list[Piece]:
    """At most an hour."""
    parts: list[Piece] = []
    for at_us, from_us, to_us in _cut_out(start_us, end_us, minutes, MINUTE_US):
        parts += pieces(at_us, from_us, now_us, MINUTE_US)
        if from_us == to_us:
            continue
        if parts and parts[-1] == Piece("logs", parts[-1].start_us, from_us):
            from_us = parts.pop().start_us or from_us
        parts.append(Piece("logs", from_us, to_us))
    return parts


def _cut_out(start_us: int, end_us: int, buckets: Collection[int], width_us: int) -> Iterator[tuple[int, int, int]]:
    """Cuts the buckets of this width out of a range: for each that overlaps it, where the rest before it begins, and where
    the bucket's own part begins and ends. The last triple is the rest behind them all, without a bucket."""
    at_us = start_us
    for bucket_start_us in sorted(buckets):
        from_us, to_us = max(at_us, bucket_start_us), min(end_us, bucket_start_us + width_us)
        if from_us < to_us:
            yield at_us, from_us, to_us
            at_us = to_us
    yield at_us, end_us, end_us


def _whole_start(start_us: int | None, now_us: int) -> tuple[int | None, list[Piece]]:
    """The start, moved to a whole minute, and the rows that this leaves out or adds, whichever is shorter."""
    if start_us is None or start_us % MINUTE_US == 0:
        return start_us, []
    minute_us = start_us - start_us % MINUTE_US
    next_us = minute_us + MINUTE_US
    if _filled_us(minute_us, start_us, now_us) < _filled_us(start_us, next_us, now_us):
        return minute_us, [Piece("logs", minute_us, start_us, sign=-1)]
    return next_us, [Piece("logs", start_us, next_us)]


def _whole_end(end_us: int | None, now_us: int) -> tuple[int | None, list[Piece]]:
    if end_us is None or end_us % MINUTE_US == 0:
        return end_us, []
    minute_us = end_us - end_us % MINUTE_US
    next_us = minute_us + MINUTE_US
    if _filled_us(end_us, next_us, now_us) < _filled_us(minute_us, end_us, now_us):
        return next_us, [Piece("logs", end_us, next_us, sign=-1)]
    return minute_us, [Piece("logs", minute_us, end_us)]


def _filled_us(start_us: int, end_us: int, now_us: int) -> int:
    """How much of a time range can hold many records: the future holds only records of clocks that are fast."""
    return max(0, min(end_us, now_us) - start_us)


def _rollups(start_us: int | None, end_us: int | None, widths_us: tuple[int, ...]) -> list[Piece]:
    """The widest sums in the middle, narrower ones on both sides. Both ends are multiples of the last width."""
    if start_us is not None and end_us is not None and start_us >= end_us:
        return []
    width_us, *finer = widths_us
    inner_start_us = None if start_us is None else -(-start_us // width_us) * width_us
    inner_end_us = None if end_us is None else end_us // width_us * width_us
    if inner_start_us is not None and inner_end_us is not None and inner_start_us >= inner_end_us:
        return _rollups(start_us, end_us, tuple(finer))
    parts = [Piece("rollups", inner_start_us, inner_end_us, width_us=width_us)]
    if start_us != inner_start_us:
        parts += _rollups(start_us, inner_start_us, tuple(finer))
    if end_us != inner_end_us:
        parts += _rollups(inner_end_us, end_us, tuple(finer))
    return parts
