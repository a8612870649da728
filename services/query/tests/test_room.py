"""What fits into an answer."""

from logstream_query.store.room import Room, size_of
from logstream_query.store.stored_record import StoredRecord

SMALL = StoredRecord(sequence=1, time_us=1, severity=9, level="info", node="api", message="m", attributes={"k": "v"})


def test_the_first_record_always_fits_and_what_is_too_large_after_it_never() -> None:
    room = Room(1_000, 10)
    assert room.share_bytes == 100
    assert room.take(5_000)
    assert not room.is_full
    assert not room.take(1)
    assert room.is_full


def test_small_records_count_once_it_matters() -> None:
    room = Room(5_000, 10)
    room.add([SMALL] * 4)
    assert room.left_bytes == 5_000 - 4 * size_of(SMALL)
    room.add([SMALL])
    assert room.take(room.left_bytes)
    assert room.left_bytes == 0
    assert not room.take(1)


def test_after_small_records_a_large_one_is_not_the_first() -> None:
    room = Room(5_000, 10)
    room.add([SMALL])
    assert not room.take(6_000)


def test_a_text_counts_by_what_it_takes_in_memory() -> None:
    wide = SMALL._replace(message="a" * 1_000 + "\N{ROCKET}", attributes=None)
    narrow = SMALL._replace(message="a" * 1_000, attributes=None)
    assert size_of(wide) > size_of(narrow) + 2_900
