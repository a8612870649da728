"""A TCP proxy that misbehaves on demand, put between two programs by giving one of them the proxy's address. It must
not know what it carries."""

import socket
import threading
from contextlib import suppress
from types import TracebackType

CHUNK_BYTES = 1 << 16
CONNECT_S = 10


class FaultProxy:
    """Listens on a free loopback port and carries every connection to host:port, from construction to close().

    hold(): bytes from the client pile up in the proxy, while bytes to the client are still carried on. hold_answers(): the
    other way round. release(): carries on what piled up. drop(): breaks all connections, and what piled up is lost. mute():
    new connections are accepted and never answered, as by a host whose process hangs; unmute(): the next ones reach the
    server. Thread-safe.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._flowing = threading.Event()
        self._flowing.set()
        self._answering = threading.Event()
        self._answering.set()
        self._lock = threading.Lock()
        self._pairs: set[_Pair] = set()
        self._closed = False
        self._muted = False
        self.carried = 0  # connections, ever
        self.unanswered = 0  # connections while muted, ever
        self.held_bytes = 0  # from clients
        self.held_answer_bytes = 0
        threading.Thread(target=self._accept, name="fault proxy", daemon=True).start()

    def __enter__(self) -> "FaultProxy":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def hold(self) -> None:
        self.held_bytes = 0
        self._flowing.clear()

    def hold_answers(self) -> None:
        self.held_answer_bytes = 0
        self._answering.clear()

    def release(self) -> None:
        self._flowing.set()
        self._answering.set()

    def drop(self) -> None:
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            pair.close()

    def mute(self) -> None:
        self._muted = True

    def unmute(self) -> None:
        self._muted = False

    def inject(self, data: bytes) -> None:
        """Sends bytes to every client as if its server had; they must fit between two messages of an idle server."""
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            if pair.server is not None:
                pair.client.sendall(data)

    def connections(self) -> int:
        with self._lock:
            return len(self._pairs)

    def close(self) -> None:
        self._closed = True
        with suppress(OSError):  # wakes the thread that accepts
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()
        self.release()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._muted:
                pair = _Pair(client, None)
                with self._lock:
                    self._pairs.add(pair)
                    self.unanswered += 1
                threading.Thread(target=self._swallow, args=(pair,), daemon=True).start()
                continue
            try:
                server = socket.create_connection(self._target, CONNECT_S)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            pair = _Pair(client, server)
            with self._lock:
                self._pairs.add(pair)
                self.carried += 1
            threading.Thread(target=self._carry_up, args=(pair, server), daemon=True).start()
            threading.Thread(target=self._carry_down, args=(pair, server), daemon=True).start()

    def _carry_up(self, pair: "_Pair", server: socket.socket) -> None:
        with suppress(OSError):  # broken off
            while chunk := pair.client.recv(CHUNK_BYTES):
                if not self._flowing.is_set():
                    self.held_bytes += len(chunk)
                    self._flowing.wait()
                server.sendall(chunk)
        self._forget(pair)

    def _carry_down(self, pair: "_Pair", server: socket.socket) -> None:
        with suppress(OSError):  # broken off
            while chunk := server.recv(CHUNK_BYTES):
                if not self._answering.is_set():
                    self.held_answer_bytes += len(chunk)
                    self._answering.wait()
                pair.client.sendall(chunk)
        self._forget(pair)

    def _swallow(self, pair: "_Pair") -> None:
        with suppress(OSError):  # broken off
            while pair.client.recv(CHUNK_BYTES):
                pass
        self._forget(pair)

    def _forget(self, pair: "_Pair") -> None:
        pair.close()
        with self._lock:
            self._pairs.discard(pair)


class _Pair:
    """The two ends of one connection; server: None while nobody answers."""

    def __init__(self, client: socket.socket, server: socket.socket | None) -> None:
        self.client, self.server = client, server

    def close(self) -> None:
        for end in (self.client, self.server):
            if end is None:
                continue
            with suppress(OSError):  # closed before
                end.shutdown(socket.SHUT_RDWR)
            end.close()
