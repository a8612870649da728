"""Notices when the connections of viewers end, even while nothing is written to them. It must not read from the
connections."""

import logging
import select
from collections.abc import Callable
from typing import Any, Final

from gevent.monkey import get_original

from logstream_stream.viewers.viewer import Viewer

log = logging.getLogger(__name__)

_CHECK_EVERY_S: Final = 1.0


class DisconnectWatcher:
    """Not thread-safe. A check costs time in proportion to the connections that ended, not to those that are watched."""

    def __init__(self) -> None:
        # Not gevent's epoll, which wakes a greenlet for each event: here nobody waits for one.
        self._ended = get_original("select", "epoll")()
        self._viewers: dict[int, Viewer] = {}
        self._files: dict[Viewer, int] = {}

    def watch(self, file: int, viewer: Viewer) -> None:
        """file: the descriptor of the viewer's socket. Call forget() before it is closed."""
        self._ended.register(file, select.EPOLLRDHUP)
        self._viewers[file] = viewer
        self._files[viewer] = file

    def forget(self, viewer: Viewer) -> None:
        """Stops watching this viewer, if it is watched."""
        file = self._files.pop(viewer, None)
        if file is not None:
            del self._viewers[file]
            self._ended.unregister(file)

    def check(self) -> None:
        """Closes the viewers whose connection was closed by the other side or timed out. Does not block."""
        for file, _ in self._ended.poll(0):
            viewer = self._viewers[file]
            self.forget(viewer)
            viewer.abort()
            viewer.close(b"")

    def watch_forever(self, sleep: Callable[[float], Any]) -> None:
        while True:
            sleep(_CHECK_EVERY_S)
            try:
                self.check()
            except Exception:
                log.exception("checking for disconnected viewers failed")
