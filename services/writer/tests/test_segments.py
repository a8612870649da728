"""Segments of the search index: every bit comes back from the pages, also after segments were merged."""

import zlib

from hypothesis import given
from hypothesis import strategies as st
from logstream_contract.filters.gram_columns import empty_slots
from logstream_contract.filters.grams import PAGE_SLOTS, SLOTS
from logstream_writer.store.segments import Segment, bytes_of_slot, merged_page, padded, read_times, write_times

# Slots of each block: few pages, and the last slot of all.
slot_numbers = st.sampled_from([0, 1, PAGE_SLOTS - 1, PAGE_SLOTS, 70_000, SLOTS - 1])
blocks = st.lists(st.sets(slot_numbers), min_size=1, max_size=20)


def segment_of(slots_of_blocks: list[set[int]]) -> Segment:
    segment = Segment()
    for index, numbers in enumerate(slots_of_blocks):
        block_slots = empty_slots()
        block_slots[list(numbers)] = True
        segment.add(3, index, index, block_slots)
    return segment


def read(pages: dict[int, bytes], count: int, width: int) -> list[set[int]]:
    found: list[set[int]] = [set() for _ in range(count)]
    for page, stored in pages.items():
        raw = zlib.decompress(stored)
        assert len(raw) == PAGE_SLOTS * width
        for index in range(PAGE_SLOTS):
            bits = int.from_bytes(raw[index * width : (index + 1) * width], "little")
            for block in range(count):
                if bits >> block & 1:
                    found[block].add(page * PAGE_SLOTS + index)
    return found


@given(blocks)
def test_pages_hold_each_blocks_slots(found: list[set[int]]) -> None:
    segment = segment_of(found)
    assert (segment.blocks, segment.rows) == (len(found), 3 * len(found))
    assert read(dict(segment.pages()), len(found), bytes_of_slot(len(found))) == found


def test_pages_without_a_bit_are_left_out() -> None:
    assert [page for page, _ in segment_of([{0}, {70_000}]).pages()] == [0, 70_000 // PAGE_SLOTS]
    assert list(Segment().pages()) == []


@given(st.lists(blocks, min_size=2, max_size=4))
def test_merged_pages_hold_the_blocks_of_all_segments(parts: list[list[set[int]]]) -> None:
    counts = [len(part) for part in parts]
    pages = [dict(segment_of(part).pages()) for part in parts]
    numbers = {number for part in pages for number in part}
    merged = {
        number: merged_page(counts, {index: part[number] for index, part in enumerate(pages) if number in part})
        for number in numbers
    }
    expected: list[set[int]] = []
    for part in parts:
        expected += part + [set()] * (-len(part) % 8)
    width = sum(map(bytes_of_slot, counts))
    assert read(merged, len(expected), width) == expected


def test_times_are_padded_to_whole_bytes_of_blocks() -> None:
    assert padded([5, 6], 2, -1) == [5, 6, -1, -1, -1, -1, -1, -1]
    assert padded([], 0, -1) == []
    assert read_times(write_times([0, -5, 2**60])) == [0, -5, 2**60]
