"""Whose connection ends is noticed without anything being written to it."""

import socket
from collections.abc import Iterator

import pytest
from logstream_stream.records.framing import NativeFraming
from logstream_stream.viewers.disconnect_watcher import Departures
from logstream_stream.viewers.viewer import QueueLimits, Viewer


class Connection:
    """A viewer's connection; `theirs` is its other end."""

    def __init__(self, departures: Departures) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.calls: list[str] = []
        self.viewer = Viewer(
            NativeFraming(), QueueLimits(), lambda: self.calls.append("notify"), lambda: self.calls.append("abort")
        )
        departures.watch(self.ours.fileno(), self.viewer)


@pytest.fixture
def departures() -> Departures:
    return Departures()


@pytest.fixture
def connection(departures: Departures) -> Iterator[Connection]:
    made = Connection(departures)
    yield made
    made.ours.close()
    made.theirs.close()


def test_who_is_there_stays(departures: Departures, connection: Connection) -> None:
    connection.theirs.sendall(b"more of the request")
    departures.look()
    assert connection.calls == []
    assert not connection.viewer.closing


def test_who_closed_is_ended_once(departures: Departures, connection: Connection) -> None:
    connection.theirs.close()
    departures.look()
    departures.look()
    assert connection.calls == ["abort", "notify"]
    assert connection.viewer.closing


def test_who_is_forgotten_is_not_looked_at(departures: Departures, connection: Connection) -> None:
    departures.forget(connection.viewer)
    departures.forget(connection.viewer)
    connection.theirs.close()
    departures.look()
    assert connection.calls == []


def test_a_number_given_again_is_the_new_viewers(departures: Departures) -> None:
    first = Connection(departures)
    number = first.ours.fileno()
    departures.forget(first.viewer)
    first.ours.close()
    second = Connection(departures)
    assert second.ours.fileno() == number
    second.theirs.close()
    departures.look()
    assert second.viewer.closing
    assert not first.viewer.closing
