"""Live positions and the recent window, against a real Redis."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from logstream_contract.wire import live_window
from logstream_contract.wire.pb.transport_pb2 import LiveBatch
from logstream_writer.live import LiveEntry, LiveWindow
from logstream_writer.metrics import Metrics
from prometheus_client import CollectorRegistry


def batch(number: int, size: int = 10) -> LiveEntry:
    name = live_window.batch_name(number, number.to_bytes(16, "big"))
    return LiveEntry(name, 10, [LiveBatch(number=number, batch=b"x" * size).SerializeToString()])


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with redis.Redis.from_url(redis_url) as opened:
        opened.flushdb()
        yield opened


@pytest.fixture
def window(redis_url: str, client: Any) -> Iterator[LiveWindow]:
    opened = LiveWindow(url=redis_url, window_records=50, window_bytes=1_000_000, metrics=Metrics(CollectorRegistry()))
    yield opened
    opened.close()


def entries(client: Any) -> dict[int, int]:
    """Position -> batch number of what is in the window."""
    stored_entries = client.xrange(live_window.WINDOW)
    return {
        live_window.position_of(entry): LiveBatch.FromString(fields[live_window.FIELD_BATCH]).number
        for entry, fields in stored_entries
    }


def test_positions_count_on_and_a_known_batch_keeps_its_own(window: LiveWindow, client: Any) -> None:
    first = window.append([batch(7), batch(9)])
    assert first
    assert list(first.positions) == [1, 2]
    second = window.append([batch(9), batch(8)])
    assert second
    assert (second.epoch, list(second.positions)) == (first.epoch, [2, 3])
    assert entries(client) == {1: 7, 2: 9, 3: 8}


def test_the_window_is_trimmed_by_records_and_a_trimmed_batch_is_still_known(window: LiveWindow, client: Any) -> None:
    for number in range(1, 9):
        window.append([batch(number)])
    assert entries(client) == {4: 4, 5: 5, 6: 6, 7: 7, 8: 8}
    assert client.hmget(live_window.HEAD, "position", "records") == [b"8", b"50"]
    again = window.append([batch(1)])
    assert again
    assert list(again.positions) == [1]
    assert 1 not in entries(client)


def test_the_window_is_trimmed_by_bytes_but_keeps_the_newest(redis_url: str, client: Any) -> None:
    small = LiveWindow(url=redis_url, window_records=1_000, window_bytes=1_000, metrics=Metrics(CollectorRegistry()))
    for number in range(1, 4):
        small.append([batch(number, size=400)])
    assert entries(client) == {2: 2, 3: 3}
    small.append([batch(4, size=5_000)])
    assert entries(client) == {4: 4}
    assert client.hget(live_window.HEAD, "bytes") == str(len(client.xrange(live_window.WINDOW)[0][1][b"b"])).encode()
    small.close()


def test_a_redis_that_lost_its_memory_begins_a_new_epoch(window: LiveWindow, client: Any) -> None:
    before = window.append([batch(1), batch(2)])
    client.flushdb()
    after = window.append([batch(3)])
    assert before
    assert after
    assert before.epoch != after.epoch
    assert list(after.positions) == [1]


def test_after_an_outage_the_positions_go_on_in_a_new_epoch(
    window: LiveWindow, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logstream_writer.live._PAUSE_S", 0.0)
    before = window.append([batch(1)])
    client.execute_command("CLIENT", "PAUSE", "600", "ALL")
    assert window.append([batch(2)]) is None
    after = None
    while after is None:
        after = window.append([batch(3)])
    assert before
    assert after.epoch != before.epoch
    following = window.append([batch(4)])
    assert following
    assert following.epoch == after.epoch
    # A time-out does not tell whether Redis did the work: batch 2 may have got its position.
    assert list(entries(client).values()) in ([1, 3, 4], [1, 2, 3, 4])


def test_without_redis_there_are_no_positions() -> None:
    metrics = Metrics(CollectorRegistry())
    away = LiveWindow(url="redis://127.0.0.1:1/0", window_records=50, window_bytes=1_000, metrics=metrics)
    assert away.append([batch(1)]) is None
    assert metrics.redis_up._value.get() == 0
