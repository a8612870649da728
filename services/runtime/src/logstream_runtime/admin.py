"""The HTTP port for operators: /livez, /readyz and /metrics. It must never serve records."""

import logging
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from logstream_runtime.address import Address

log = logging.getLogger(__name__)

# Returns what is wrong, or None.
Check = Callable[[], str | None]


def healthy() -> str | None:
    """A check that always passes."""
    return None


class AdminServer:
    """Serves the checks and the registry from a daemon thread between start() and close().

    /livez and /readyz return 200 `ok`, or 503 and what is wrong. The checks are called from several threads and must not
    block. Raises OSError naming the address when it is taken.
    """

    def __init__(self, listen: Address, registry: CollectorRegistry, *, ready: Check, live: Check = healthy) -> None:
        handler = type("Handler", (_Handler,), {"checks": {"/livez": live, "/readyz": ready}, "registry": registry})
        try:
            self._server = _Server((listen.host, listen.port), handler)
        except OSError as error:
            raise OSError(error.errno, f"LOGSTREAM_ADMIN_LISTEN={listen}: {error.strerror}") from error
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="admin", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    checks: ClassVar[dict[str, Check]]
    registry: ClassVar[CollectorRegistry]
    timeout = 10

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            encode, kind = choose_encoder(self.headers.get("Accept", ""))
            self._respond(200, encode(self.registry), kind)
        elif path in self.checks:
            wrong = self.checks[path]()
            self._respond(503 if wrong else 200, f"{wrong or 'ok'}\n".encode(), "text/plain; charset=utf-8")
        else:
            self._respond(404, b"not found: try /livez, /readyz or /metrics\n", "text/plain; charset=utf-8")

    def _respond(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        log.debug(format, *args)
