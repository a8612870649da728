"""Notices that the connections of viewers have ended, which a viewer to whom nothing is written would not show. It must read
nothing from them."""

import logging
import select
from collections.abc import Callable
from typing import Any, Final

from gevent.monkey import get_original

from logstream_stream.viewers.viewer import Viewer

log = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 1.0


class DisconnectWatcher:
    """Not thread-safe. One look costs as much as there are ended connections, however many are watched."""

    def __init__(self) -> None:
        # The one of gevent's hub wakes a greenlet for each; here nobody waits.
        self._ended = get_original("select", "epoll")()
        self._viewers: dict[int, Viewer] = {}
        self._files: dict[Viewer, int] = {}

    def watch(self, file: int, viewer: Viewer) -> None:
        """file: number of the viewer's socket. forget() must be called before it is closed."""
        self._ended.register(file, select.EPOLLRDHUP)
        self._viewers[file] = viewer
        self._files[viewer] = file

    def forget(self, viewer: Viewer) -> None:
        """Does nothing for a viewer that is not watched."""
        file = self._files.pop(viewer, None)
        if file is not None:
            del self._viewers[file]
            self._ended.unregister(file)

    def look(self) -> None:
        """Ends the viewers whose connection was closed from the other side, or timed out. Does not block."""
        for file, _ in self._ended.poll(0):
            viewer = self._viewers[file]
            self.forget(viewer)
            viewer.abort()
            viewer.close(b"")

    def watch_forever(self, sleep: Callable[[float], Any]) -> None:
        while True:
            sleep(_LOOK_EVERY_S)
            try:
                self.look()
            except Exception:
                log.exception("looking for viewers who left failed")
