"""Knows whether the client of the request under way is still there. It looks at the connection and reads nothing from it."""

import select
from collections.abc import Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from gevent.monkey import get_original
from werkzeug.wsgi import ClosingIterator

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# gevent's poll knows reading and writing only. A client that has closed its side shows even while bytes that it sent before,
# such as a next request, are unread.
_poll: Final[Any] = get_original("select", "poll")
_LEFT: Final = select.POLLRDHUP | select.POLLHUP | select.POLLERR | select.POLLNVAL

_current: ContextVar["Client | None"] = ContextVar("client", default=None)


class Client:
    """Who waits for the answer at the other end of a socket."""

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
    """The client of the request that this greenlet or thread answers; None if there is none to be asked."""
    return _current.get()


class KnownClients:
    """A WSGI application that gives each request of another its client, until the last part of the answer is sent."""

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
