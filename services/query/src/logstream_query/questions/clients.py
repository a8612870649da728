"""Knows whether the client of the current request is still connected. It checks the connection and reads nothing from it."""

import select
from collections.abc import Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from gevent.monkey import get_original
from werkzeug.wsgi import ClosingIterator

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# gevent's poll knows only reading and writing. With this one, a client that has closed its side is noticed even while
# earlier bytes, such as a next request, are unread.
_poll: Final[Any] = get_original("select", "poll")
_LEFT: Final = select.POLLRDHUP | select.POLLHUP | select.POLLERR | select.POLLNVAL

_current: ContextVar["Client | None"] = ContextVar("client", default=None)


class Client:
    """The client that waits for the response at the other end of a socket."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    def is_gone(self) -> bool:
        """Never blocks."""
        descriptor = self._socket.fileno()
        if descriptor < 0:
            return True
        poll = _poll()
        poll.register(descriptor, _LEFT)
        return bool(poll.poll(0))


def current_client() -> Client | None:
    """The client of the request that this greenlet or thread handles; None if it is not known."""
    return _current.get()


class KnownClients:
    """WSGI middleware that records the client of each request until the last part of the response is sent."""

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        socket = environ.get("gunicorn.socket")
        _current.set(Client(socket) if socket else None)
        try:
            return ClosingIterator(self._application(environ, start_response), [_forget])
        except BaseException:
            _forget()
            raise


def _forget() -> None:
    _current.set(None)
