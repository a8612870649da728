"""Which PushStreams end, and why."""

from collections import Counter

import pytest
from logstream_gateway.streams import Stream, StreamBounds, Streams
from logstream_gateway.unavailable import Unavailable

BOUNDS = StreamBounds(streams=3, idle_s=300.0, age_s=1000.0)


class Open:
    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        self.ended: list[str] = []
        self.streams = Streams(BOUNDS, lambda reason: self.counted.update([reason]))

    def open(self, name: str, now_s: float, peer: str = "peer") -> Stream:
        return self.streams.open(peer, lambda _: self.ended.append(name), now_s)


def test_a_silent_stream_ends_once_and_a_busy_one_goes_on() -> None:
    opened = Open()
    opened.open("silent", 0.0)
    opened.open("busy", 0.0).silent_since_s = None
    opened.streams.sweep(299.0)
    assert opened.ended == []
    opened.streams.sweep(301.0)
    opened.streams.sweep(302.0)
    assert opened.ended == ["silent"]
    assert opened.counted == {"idle": 1}


def test_an_old_stream_ends_though_it_is_busy() -> None:
    opened = Open()
    opened.open("busy", 0.0).silent_since_s = None
    opened.streams.sweep(899.0)
    assert opened.ended == []
    opened.streams.sweep(1001.0)
    assert opened.counted == {"age": 1}


def test_the_longest_silent_makes_room() -> None:
    opened = Open()
    for number in range(3):
        opened.open(f"{number}", float(number))
    with pytest.raises(Unavailable, match="LOGSTREAM_GATEWAY_PUSH_STREAMS=3") as refused:
        opened.open("soon", 4.0)
    assert refused.value.reason == "streams_full"
    opened.open("later", 6.0)
    assert opened.ended == ["0"]
    assert opened.counted == {"crowded": 1}
    assert len(opened.streams) == 3


def test_short_of_memory_the_connection_with_most_silent_streams_ends_first() -> None:
    opened = Open()
    opened.open("alone", 0.0, "modest")
    opened.open("one of two", 1.0, "greedy")
    opened.open("two of two", 2.0, "greedy")
    assert opened.streams.shed(2, 3.0) == 2
    assert opened.ended == ["one of two", "two of two"]
    assert opened.streams.shed(2, 3.0) == 1


def test_a_stopping_process_ends_all() -> None:
    opened = Open()
    opened.open("one", 0.0)
    opened.open("two", 0.0).silent_since_s = None
    opened.streams.stop()
    opened.streams.stop()
    assert opened.ended == ["one", "two"]
