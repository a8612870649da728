"""Whether the client is still there, on real sockets."""

import socket
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from logstream_query.questions.clients import Client, KnownClients, current_client


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The client's and the service's."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as near:
        far, _ = listener.accept()
        with far:
            yield near, far


def test_a_client_that_waits_is_there(ends: tuple[socket.socket, socket.socket]) -> None:
    assert not Client(ends[1]).is_gone()


def test_a_client_that_has_sent_more_is_there(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends
    near.sendall(b"GET / HTTP/1.1\r\n\r\n")
    far.recv(1, socket.MSG_PEEK)
    assert not Client(far).is_gone()


@pytest.mark.parametrize("unread", [b"", b"GET / HTTP/1.1\r\n\r\n"])
def test_a_client_that_left_is_gone_even_with_unread_bytes(ends: tuple[socket.socket, socket.socket], unread: bytes) -> None:
    near, far = ends
    near.sendall(unread)
    near.close()
    far.recv(1, socket.MSG_PEEK)
    if unread:
        far.recv(len(unread), socket.MSG_PEEK | socket.MSG_WAITALL)
    # The end of the stream comes in a packet of its own.
    while unread and not Client(far).is_gone():
        pass
    assert Client(far).is_gone()


def test_a_connection_closed_on_this_side_is_gone(ends: tuple[socket.socket, socket.socket]) -> None:
    ends[1].close()
    assert Client(ends[1]).is_gone()


def test_a_request_has_its_client_until_its_answer_is_sent(ends: tuple[socket.socket, socket.socket]) -> None:
    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        yield b"" if current_client() else b"none"

    def start(*_: Any) -> Any:
        return None

    answer: Any = KnownClients(application)({"gunicorn.socket": ends[1]}, start)
    assert list(answer) == [b""]
    answer.close()
    assert current_client() is None
    assert list(KnownClients(application)({}, start)) == [b"none"]


def test_a_request_that_failed_leaves_no_client_behind(ends: tuple[socket.socket, socket.socket]) -> None:
    def application(environ: Any, start_response: Any) -> Iterable[bytes]:
        raise RuntimeError("failed")

    with pytest.raises(RuntimeError):
        KnownClients(application)({"gunicorn.socket": ends[1]}, lambda *_: None)  # type: ignore[arg-type]
    assert current_client() is None
