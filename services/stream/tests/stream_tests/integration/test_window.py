"""One contract for the window in Redis and the one the other tests have in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from logstream_stream.arriving.redis_window import RedisWindow
from logstream_stream.arriving.stored import StoredBatch
from logstream_stream.arriving.window import Entry, Window, WindowUnavailable

from ..batches import stored
from ..fake_window import FakeWindow
from .playing import Writer


@dataclass
class Kept:
    """A window, and the writer's side of it. append answers the positions."""

    window: Window
    append: Callable[[Sequence[StoredBatch]], list[int]]
    limit: Callable[[int], None]
    forget: Callable[[], None]


def _in_memory() -> Kept:
    window = FakeWindow()
    limit = [1_000_000]
    return Kept(
        window,
        lambda batches: window.append(batches, most_records=limit[0]),
        lambda records: limit.__setitem__(0, records),
        window.lose_memory,
    )


def _in_redis(writer: Writer, redis_url: str) -> Kept:
    return Kept(
        RedisWindow(redis_url),
        lambda batches: writer.register(batches)[1],
        lambda records: setattr(writer, "window_records", records),
        writer.lose_memory,
    )


@pytest.fixture
def redis_kept(writer: Writer, redis_url: str) -> Kept:
    return _in_redis(writer, redis_url)


@pytest.fixture
def fake_kept() -> Kept:
    return _in_memory()


@pytest.fixture(params=["fake_kept", "redis_kept"])
def kept(request: pytest.FixtureRequest) -> Kept:
    found: Kept = request.getfixturevalue(request.param)
    return found


def positions(entries: Sequence[Entry]) -> list[int]:
    return [entry.position for entry in entries]


def test_an_empty_window(kept: Kept) -> None:
    snapshot = kept.window.read(anchor=0, after=0, upto=10, count=5)
    assert (snapshot.epoch, snapshot.position, snapshot.anchor, snapshot.entries) == ("", 0, None, [])
    assert kept.window.read(anchor=7, after=0, upto=10, count=5).anchor is None
    assert kept.window.latest(10, 5).entries == []


def test_entries_come_back_whole_and_in_order(kept: Kept) -> None:
    batches = [stored(number, refused=[1]) for number in (7, 5, 9)]
    assert kept.append(batches) == [1, 2, 3]
    snapshot = kept.window.read(anchor=2, after=0, upto=3, count=10)
    assert [entry.batch for entry in snapshot.entries] == batches
    assert positions(snapshot.entries) == [1, 2, 3]
    assert (snapshot.position, snapshot.anchor, snapshot.complete_to) == (3, batches[1].name, 3)
    assert snapshot.epoch


def test_a_range_is_after_and_upto(kept: Kept) -> None:
    kept.append([stored(number) for number in range(1, 7)])
    assert positions(kept.window.read(anchor=0, after=2, upto=4, count=10).entries) == [3, 4]


def test_a_counted_reading_says_how_far_it_is_complete(kept: Kept) -> None:
    kept.append([stored(number) for number in range(1, 7)])
    snapshot = kept.window.read(anchor=0, after=1, upto=6, count=2)
    assert positions(snapshot.entries) == [2, 3]
    assert snapshot.complete_to == 3
    assert kept.window.read(anchor=0, after=1, upto=6, count=5).complete_to == 6
    assert kept.window.read(anchor=0, after=1, upto=6, count=0).complete_to == 1


def test_a_known_number_keeps_its_position(kept: Kept) -> None:
    batches = [stored(1), stored(2)]
    kept.append(batches)
    assert kept.append([batches[0], stored(3)]) == [1, 3]
    assert kept.window.read(anchor=1, after=0, upto=9, count=9).anchor == batches[0].name


def test_the_latest_come_newest_first(kept: Kept) -> None:
    kept.append([stored(number) for number in range(1, 7)])
    snapshot = kept.window.latest(5, 3)
    assert positions(snapshot.entries) == [5, 4, 3]
    assert snapshot.position == 6


def test_a_trimmed_window_remembers_numbers_and_has_no_entries(kept: Kept) -> None:
    batches = [stored(number, records=2) for number in range(1, 7)]
    kept.limit(4)
    kept.append(batches)
    snapshot = kept.window.read(anchor=2, after=0, upto=6, count=10)
    assert positions(snapshot.entries) == [5, 6]
    assert (snapshot.anchor, snapshot.complete_to, snapshot.names) == (batches[1].name, 6, {})
    newest = kept.window.read(anchor=0, after=0, upto=0, count=0)
    assert newest.anchor == batches[5].name
    assert newest.names == {position: batch.name for position, batch in enumerate(batches, 1)}
    assert kept.window.read(anchor=None, after=0, upto=0, count=0).anchor is None


def test_a_new_memory_has_another_epoch(kept: Kept) -> None:
    kept.append([stored(1)])
    before = kept.window.read(anchor=0, after=0, upto=0, count=0).epoch
    kept.forget()
    assert kept.window.read(anchor=1, after=0, upto=0, count=0).epoch == ""
    assert kept.append([stored(2)]) == [1]
    assert kept.window.read(anchor=1, after=0, upto=0, count=0).epoch not in ("", before)


def test_an_entry_that_is_no_batch_is_missing(writer: Writer, redis_url: str) -> None:
    writer.register([stored(1)])
    writer.register_bytes(2, b"\xff\xff")
    writer.register([stored(3)])
    snapshot = RedisWindow(redis_url).read(anchor=0, after=0, upto=3, count=10)
    assert positions(snapshot.entries) == [1, 3]
    assert snapshot.complete_to == 3


def test_a_redis_that_is_not_there_is_unavailable() -> None:
    window = RedisWindow("redis://127.0.0.1:1/0")
    with pytest.raises(WindowUnavailable, match=r"127\.0\.0\.1:1"):
        window.read(anchor=0, after=0, upto=0, count=0)
    with pytest.raises(WindowUnavailable):
        window.latest(1, 1)
