"""Segments of the search index in memory: for each slot a bit a block, cut into pages as they are stored. Pure."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from logstream_contract.filters.gram_columns import Slots
from logstream_contract.filters.grams import PAGE_SLOTS, PAGES, SLOTS

# The fastest: most pages are sparse, and it halves them.
_COMPRESSION: Final = 1
_BITS: Final = 8


@dataclass(slots=True, kw_only=True)
class Segment:
    """Blocks so far. Times are microseconds since the Unix epoch, both ends of a block included."""

    rows: int = 0
    block_from: list[int] = field(default_factory=list)
    block_to: list[int] = field(default_factory=list)
    _columns: list[npt.NDArray[np.uint8]] = field(default_factory=list)  # of eight blocks each: a byte a slot
    _open: list[Slots] = field(default_factory=list)  # of the blocks that are no eight yet

    @property
    def blocks(self) -> int:
        return len(self.block_from)

    def add(self, rows: int, from_us: int, to_us: int, slots: Slots) -> None:
        """Adds a block; the slots are kept."""
        self.rows += rows
        self.block_from.append(from_us)
        self.block_to.append(to_us)
        self._open.append(slots)
        if len(self._open) == _BITS:
            self._close()

    def pages(self) -> Iterator[tuple[int, bytes]]:
        """Number and stored form of each page that has a bit. No block is added afterwards."""
        if self._open:
            self._close()
        if not self._columns:
            return
        # Slots stand in rows now, each with its bytes of blocks.
        bits = np.stack(self._columns, axis=1).reshape(PAGES, PAGE_SLOTS * len(self._columns))
        for page in np.flatnonzero(bits.any(axis=1)).tolist():
            yield page, stored_page(bits[page].tobytes())

    def _close(self) -> None:
        while len(self._open) < _BITS:
            self._open.append(np.zeros(SLOTS, np.bool_))
        self._columns.append(np.packbits(np.stack(self._open), axis=0, bitorder="little")[0])
        self._open.clear()


def stored_page(bits: bytes) -> bytes:
    return zlib.compress(bits, _COMPRESSION)


def bytes_of_slot(blocks: int) -> int:
    """How many bytes a slot takes in a page of a segment of so many blocks."""
    return -(-blocks // _BITS)


def write_times(times_us: Sequence[int]) -> bytes:
    return np.array(times_us, "<i8").tobytes()


def read_times(stored: bytes) -> list[int]:
    times: list[int] = np.frombuffer(stored, "<i8").tolist()
    return times


def padded(times: Sequence[int], blocks: int, padding: int) -> list[int]:
    """The times of a segment's blocks up to whole bytes of blocks."""
    return [*times, *[padding] * (bytes_of_slot(blocks) * _BITS - blocks)]


def merged_page(blocks: Sequence[int], pages: Mapping[int, bytes]) -> bytes:
    """One page of a segment that follows from several. blocks: of each of them; pages: stored forms by index of the
    segment, without those that have none."""
    parts: list[npt.NDArray[Any]] = []
    for index, count in enumerate(blocks):
        width = bytes_of_slot(count)
        compressed = pages.get(index)
        raw = zlib.decompress(compressed) if compressed else bytes(PAGE_SLOTS * width)
        parts.append(np.frombuffer(raw, np.uint8).reshape(PAGE_SLOTS, width))
    return stored_page(np.hstack(parts).tobytes())
