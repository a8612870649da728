"""What the search index knows: the times where records can match a filter's texts and attributes. It never rules out a
matching record, but does not rule out every other one."""

import struct
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from logstream_contract.filters.filters import Filter
from logstream_contract.filters.grams import PAGE_SLOTS, slots_of_attribute, slots_of_text
from logstream_contract.filters.lowercase import simple_lower
from psycopg import Connection, sql

from logstream_query.questions.moments import StoredTime
from logstream_query.questions.ranges import Range, merged

_INDEXED: Final = sql.SQL("SELECT to_number FROM search_segments ORDER BY from_number DESC LIMIT 1")
_PAGES: Final = sql.SQL(
    """
    SELECT s.id, s.blocks, p.page, p.bits
    FROM (SELECT id, blocks FROM search_segments WHERE time_to >= %s AND time_from <= %s) AS s
    LEFT JOIN search_pages AS p ON p.segment = s.id AND p.page = ANY(%s)
    """
)
_TIMES: Final = sql.SQL("SELECT id, block_from, block_to FROM search_segments WHERE id = ANY(%s)")
_NOT_INDEXED: Final = sql.SQL(
    """
    SELECT lower(span), upper(span), batches
    FROM (SELECT unnest(range_agg(span)) AS span, count(*) AS batches
          FROM (SELECT tstzrange(time_from, time_to, '[]') AS span FROM batches WHERE number > %s ORDER BY number LIMIT %s)
               AS waiting) AS spans
    """
)
# There are only so many if indexing has stopped; combining all their times would cost each search seconds.
_MOST_WAITING: Final = 50_000


def can_tell(filter_: Filter) -> bool:
    """Whether the index can rule anything out for a filter."""
    return bool(_slots_of(filter_))


def candidates(connection: Connection, filter_: Filter, from_us: int, to_us: int) -> list[Range] | None:
    """Ranges within this one, outside of which no record matches; None: the index does not know.

    Ranges are microseconds since the Unix epoch, both ends included, newest first and apart from each other. connection:
    in a transaction with one snapshot, because segments may be merged meanwhile.
    """
    slots = _slots_of(filter_)
    if not slots:
        return None
    times = StoredTime(from_us), StoredTime(to_us)
    indexed = connection.execute(_INDEXED).fetchone()
    if indexed is None:
        return None
    ranges = _ranges(connection, _blocks(connection, slots, times))
    rest = connection.execute(_NOT_INDEXED, (indexed[0], _MOST_WAITING), binary=True).fetchall()
    if rest and rest[0][2] == _MOST_WAITING:
        return None
    ranges += [(begin, end) for begin, end, _ in rest]
    return merged((max(begin, from_us), min(end, to_us)) for begin, end in ranges)


def _slots_of(filter_: Filter) -> list[int]:
    """The slots that are all set in a block with a matching record."""
    slots = [slot for term in filter_.text.included for slot in slots_of_text(simple_lower(term))]
    slots += [slot for pair in filter_.attributes for slot in slots_of_attribute(*pair)]
    return list(dict.fromkeys(slots))


def _blocks(connection: Connection, slots: Sequence[int], times: tuple[object, object]) -> dict[int, int]:
    """The blocks in which all slots are set, as bits, by segment."""
    pages = sorted({slot // PAGE_SLOTS for slot in slots})
    bits: dict[int, dict[int, bytes]] = defaultdict(dict)
    blocks: dict[int, int] = {}
    for segment, count, page, stored in connection.execute(_PAGES, (*times, pages), binary=True):
        blocks[segment] = count
        if page is not None:
            bits[segment][page] = stored
    return {
        segment: bits_set for segment, of_pages in bits.items() if (bits_set := _all_set(slots, of_pages, blocks[segment]))
    }


def _all_set(slots: Iterable[int], pages: dict[int, bytes], blocks: int) -> int:
    width = -(-blocks // 8)
    bits_set = (1 << blocks) - 1
    raw: dict[int, bytes] = {}
    for slot in slots:
        page, slot_in_page = divmod(slot, PAGE_SLOTS)
        if page not in pages:
            return 0
        if page not in raw:
            raw[page] = zlib.decompress(pages[page])
        bits_set &= int.from_bytes(raw[page][slot_in_page * width : (slot_in_page + 1) * width], "little")
        if not bits_set:
            return 0
    return bits_set


def _ranges(connection: Connection, blocks: dict[int, int]) -> list[tuple[int, int]]:
    """The times of the blocks."""
    if not blocks:
        return []
    rows = connection.execute(_TIMES, (list(blocks),), binary=True).fetchall()
    ranges: list[tuple[int, int]] = []
    for segment, block_from, block_to in rows:
        begins, ends = (struct.unpack(f"<{len(stored) // 8}q", stored) for stored in (block_from, block_to))
        for first, last in _runs(blocks[segment]):
            ranges += _side_by_side(begins[first : last + 1], ends[first : last + 1])
    return ranges


def _side_by_side(begins: Sequence[int], ends: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Blocks that follow each other become one range; blocks with late rows are out of order."""
    begin, end = begins[0], ends[0]
    for next_begin, next_end in zip(begins[1:], ends[1:], strict=True):
        if next_begin < begin:
            yield begin, end
            begin, end = next_begin, next_end
        else:
            end = max(end, next_end)
    yield begin, end


def _runs(bits: int) -> Iterator[tuple[int, int]]:
    """The first and last index of each run of set bits."""
    at = 0
    while bits:
        skipped = (bits & -bits).bit_length() - 1
        bits >>= skipped
        length = (~bits & (bits + 1)).bit_length() - 1
        yield at + skipped, at + skipped + length - 1
        bits >>= length
        at += skipped + length
