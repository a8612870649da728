"""Builds the search index after the flushes: each batch is indexed once, in the order of numbers, so a late record is
indexed like any other. It must not delay a flush for longer than a moment.

A segment says which of the blocks of its rows hold which grams and attributes. Rows of batches past the last segment are not
indexed yet, and searches read them all.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString, NamedTuple

import orjson
import psycopg
from logstream_contract.filters.gram_columns import empty_slots, set_attributes, set_texts
from logstream_contract.filters.grams import PAGES
from logstream_contract.rows.rows import SEQUENCE_INDEX_BITS

from logstream_writer.store import locks
from logstream_writer.store import search_statements as statements
from logstream_writer.store.segments import Segment, merged_page, padded, read_times, write_times

# A segment is made of so many records or more, unless they have waited for so long.
LEAST_RECORDS: Final = 65_536
LONGEST_WAIT_S: Final = 600
_MOST_RECORDS: Final = 1_000_000
# Records read in one go, between two pauses.
_PIECE_RECORDS: Final = 32_768
_BATCHES_READ: Final = 50_000
# The rows of a piece are looked for in few time ranges; ranges this near are one.
_FIRST_NEARNESS: Final = timedelta(seconds=1)
_MOST_RANGES: Final = 8
_PAGES_WRITTEN: Final = 512
# Waiting for flushes to end holds up the ones that follow.
_BARRIER: Final = "SET LOCAL lock_timeout = '500ms'"

# Small segments are merged, so many at a time, when so many of about a size lie side by side.
_MERGED_SEGMENTS: Final = 8
_SMALL_BLOCKS: Final = (16, 128)
_PAGES_MERGED: Final = 1_024
# Fills bytes of blocks up: it ends before it begins, so nothing lies in it.
_NO_BLOCK: Final = (1, 0)


class _Batch(NamedTuple):
    number: int
    records: int
    time_from: datetime
    time_to: datetime
    waited: bool
    replayed: int | None  # an entry without rows of its own: indexed with it is the row of this sequence


@dataclass(slots=True)
class Indexed:
    """What a run has done."""

    segments: int = 0
    rows: int = 0
    merged: int = 0


class SearchIndexer:
    """One at a time works on a database. connection: in autocommit mode. pause: called after each piece of work with the
    seconds that it took; it may sleep."""

    def __init__(self, connection: psycopg.Connection[Any], pause: Callable[[float], object]) -> None:
        self._connection = connection
        self._pause = pause

    def run(self, *, everything: bool = False, most_segments: int | None = None) -> Indexed:
        """Indexes what waits, up to so many segments; everything: also what is too little for one.

        Raises psycopg.Error; what is committed by then stays. LockNotAvailable: a flush took too long to wait for.
        """
        done = Indexed()
        upto = self._committed_number()
        while most_segments is None or done.segments < most_segments:
            after = self._number(statements.INDEXED_NUMBER)
            batches = self._batches(after, upto)
            if not batches:
                break
            enough = sum(batch.records for batch in batches) >= LEAST_RECORDS
            if not (enough or everything or batches[0].waited):
                break
            segment = self._read(batches)
            self._write(segment, after, batches[-1].number)
            done.segments += 1
            done.rows += segment.rows
            while self._merge():
                done.merged += _MERGED_SEGMENTS
        return done

    def waiting(self) -> int:
        """Records that are not indexed yet."""
        return self._number(statements.WAITING)

    def _number(self, statement: str) -> int:
        row = self._connection.execute(statement).fetchone()
        return int(row[0]) if row else 0

    def _committed_number(self) -> int:
        """All batches up to this number are committed or never will be."""
        with self._connection.transaction():
            self._connection.execute(_BARRIER)
            self._connection.execute(locks.HOLD_FLUSHING)
            return self._number(statements.LAST_NUMBER)

    def _batches(self, after: int, upto: int) -> list[_Batch]:
        """The next ones, as many as a segment takes."""
        rows = self._connection.execute(statements.BATCHES, (LONGEST_WAIT_S, after, upto, _BATCHES_READ))
        batches: list[_Batch] = []
        records = 0
        for row in rows:
            batch = _Batch(*row)
            if batches and records + batch.records > _MOST_RECORDS:
                break
            batches.append(batch)
            records += batch.records
        return batches

    def _read(self, batches: Sequence[_Batch]) -> Segment:
        segment = Segment()
        for piece in _pieces(batches):
            first, last = piece[0].number << SEQUENCE_INDEX_BITS, (piece[-1].number + 1) << SEQUENCE_INDEX_BITS
            for time_from, time_to in _ranges([batch for batch in piece if batch.replayed is None]):
                self._read_blocks(segment, statements.BLOCKS, (time_from, time_to, first, last))
            replayed = [batch for batch in piece if batch.replayed is not None]
            sequences = [batch.replayed for batch in replayed]
            for time_from, time_to in _ranges(replayed):
                self._read_blocks(segment, statements.BLOCKS_REPLAYED, (time_from, time_to, sequences))
        return segment

    def _read_blocks(self, segment: Segment, statement: LiteralString, where: tuple[object, ...]) -> None:
        began_s = time.monotonic()
        for rows, from_us, to_us, texts, attributes in self._connection.cursor().stream(statement, where):
            slots = empty_slots()
            set_texts(slots, texts)
            if attributes:
                set_attributes(slots, orjson.loads(f"[{attributes}]"))
            segment.add(rows, from_us, to_us, slots)
        self._pause(time.monotonic() - began_s)

    def _write(self, segment: Segment, after: int, upto: int) -> None:
        began_s = time.monotonic()
        # Without rows, for example because all were dropped already, it only says up to which number is indexed.
        values = _values(after, upto, segment.rows, segment.block_from, segment.block_to)
        with self._connection.transaction():
            self._insert(values, segment.pages())
        self._pause(time.monotonic() - began_s)

    def _insert(self, values: tuple[Any, ...], pages: Iterator[tuple[int, bytes]]) -> None:
        row = self._connection.execute(statements.INSERT_SEGMENT, values).fetchone()
        assert row is not None
        numbers: list[int] = []
        bits: list[bytes] = []
        for page, stored in pages:
            numbers.append(page)
            bits.append(stored)
            if len(numbers) == _PAGES_WRITTEN:
                self._connection.execute(statements.INSERT_PAGES, (row[0], numbers, bits), binary=True)
                numbers, bits = [], []
        if numbers:
            self._connection.execute(statements.INSERT_PAGES, (row[0], numbers, bits), binary=True)

    def _merge(self) -> bool:
        """Makes one of the last small segments, if there are enough; whether it did."""
        began_s = time.monotonic()
        last = self._connection.execute(statements.LAST_SEGMENTS, (_MERGED_SEGMENTS,)).fetchall()[::-1]
        if len(last) < _MERGED_SEGMENTS or len({_size(row[4]) for row in last}) > 1 or _size(last[0][4]) is None:
            return False
        blocks = [row[4] for row in last]
        block_from = [at for row in last for at in padded(read_times(row[5]), row[4], _NO_BLOCK[0])]
        block_to = [at for row in last for at in padded(read_times(row[6]), row[4], _NO_BLOCK[1])]
        values = _values(last[0][1], last[-1][2], sum(row[3] for row in last), block_from, block_to)
        ids = [row[0] for row in last]
        with self._connection.transaction():
            pages = list(self._merged_pages(ids, blocks))
            self._connection.execute(statements.DELETE_SEGMENTS, (ids,))
            self._insert(values, iter(pages))
        self._pause(time.monotonic() - began_s)
        return True

    def _merged_pages(self, ids: Sequence[int], blocks: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        index_of = {segment: index for index, segment in enumerate(ids)}
        for first in range(0, PAGES, _PAGES_MERGED):
            bits_of_page: dict[int, dict[int, bytes]] = {}
            where = (ids, first, first + _PAGES_MERGED)
            for segment, page, bits in self._connection.execute(statements.PAGES_OF_SEGMENTS, where, binary=True):
                bits_of_page.setdefault(page, {})[index_of[segment]] = bits
            for page, stored in bits_of_page.items():
                yield page, merged_page(blocks, stored)


def _values(after: int, upto: int, rows: int, block_from: Sequence[int], block_to: Sequence[int]) -> tuple[Any, ...]:
    times = [(begin, end) for begin, end in zip(block_from, block_to, strict=True) if begin <= end]
    # Without rows, for example because all were dropped already, it only says up to which number is indexed.
    bounds = (min(begin for begin, _ in times), max(end for _, end in times)) if times else (None, None)
    return after, upto, rows, len(block_from), *bounds, write_times(block_from), write_times(block_to)


def _size(blocks: int) -> int | None:
    """Which of the small sizes a segment is of; None: it is not small."""
    return next((size for size in _SMALL_BLOCKS if blocks <= size), None)


def _pieces(batches: Sequence[_Batch]) -> Iterator[Sequence[_Batch]]:
    begin = records = 0
    for index, batch in enumerate(batches):
        if index > begin and records + batch.records > _PIECE_RECORDS:
            yield batches[begin:index]
            begin, records = index, 0
        records += batch.records
    yield batches[begin:]


def _ranges(batches: Sequence[_Batch]) -> list[tuple[datetime, datetime]]:
    """Few time ranges that hold all the batches' rows, apart from each other."""
    nearness = _FIRST_NEARNESS
    spans = sorted((batch.time_from, batch.time_to) for batch in batches)
    if not spans:
        return []
    while True:
        ranges = [spans[0]]
        for time_from, time_to in spans[1:]:
            begin, end = ranges[-1]
            if time_from - end <= nearness:
                ranges[-1] = begin, max(end, time_to)
            else:
                ranges.append((time_from, time_to))
        if len(ranges) <= _MOST_RANGES:
            return ranges
        spans, nearness = ranges, nearness * 4
