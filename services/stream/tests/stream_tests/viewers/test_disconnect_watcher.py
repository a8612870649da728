"""Whose connection ends is noticed without anything being written to it."""

import socket
from collections.abc import Iterator

import pytest
from logstream_stream.records.framing import NativeFraming
from logstream_stream.viewers.disconnect_watcher import DisconnectWatcher
from logstream_stream.viewers.viewer import Viewer

from ..limits import QUEUE


class Connection:
    """A viewer's connection; `theirs` is its other end."""

    def __init__(self, disconnect_watcher: DisconnectWatcher) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.calls: list[str] = []
        self.viewer = Viewer(
            NativeFraming(),
            limits=QUEUE,
            notify=lambda: self.calls.append("notify"),
            abort=lambda: self.calls.append("abort"),
        )
        disconnect_watcher.watch(self.ours.fileno(), self.viewer)


@pytest.fixture
def disconnect_watcher() -> DisconnectWatcher:
    return DisconnectWatcher()


@pytest.fixture
def connection(disconnect_watcher: DisconnectWatcher) -> Iterator[Connection]:
    made = Connection(disconnect_watcher)
    yield made
    made.ours.close()
    made.theirs.close()


def test_who_is_there_stays(disconnect_watcher: DisconnectWatcher, connection: Connection) -> None:
    connection.theirs.sendall(b"more of the request")
    disconnect_watcher.check()
    assert connection.calls == []
    assert not connection.viewer.closing


def test_who_closed_is_ended_once(disconnect_watcher: DisconnectWatcher, connection: Connection) -> None:
    connection.theirs.close()
    disconnect_watcher.check()
    disconnect_watcher.check()
    assert connection.calls == ["abort", "notify"]
    assert connection.viewer.closing


def test_who_is_forgotten_is_not_looked_at(disconnect_watcher: DisconnectWatcher, connection: Connection) -> None:
    disconnect_watcher.forget(connection.viewer)
    disconnect_watcher.forget(connection.viewer)
    connection.theirs.close()
    disconnect_watcher.check()
    assert connection.calls == []


def test_a_number_given_again_is_the_new_viewers(disconnect_watcher: DisconnectWatcher) -> None:
    first = Connection(disconnect_watcher)
    number = first.ours.fileno()
    disconnect_watcher.forget(first.viewer)
    first.ours.close()
    second = Connection(disconnect_watcher)
    assert second.ours.fileno() == number
    second.theirs.close()
    disconnect_watcher.check()
    assert second.viewer.closing
    assert not first.viewer.closing
