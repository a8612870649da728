"""Runs the WSGI application on gunicorn with gevent workers. It reads no environment and no command line."""

import logging
import math
import os
from typing import Any, Final

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from logstream_query.app import create_app
from logstream_query.config import Config
from logstream_query.metrics import Metrics
from logstream_query.store import Store

log = logging.getLogger(__name__)

# The longest request line that gunicorn accepts; it responds to a longer one with 414.
_MAX_REQUEST_LINE_BYTES: Final = 8_190
# An idle connection can delay the end of the process for this long.
_KEEP_ALIVE_S: Final = 2
_SHARED_MEMORY: Final = "/dev/shm"


class _ProcessLog(Logger):  # type: ignore[misc]
    """Sends gunicorn's own lines to the process's log instead of gunicorn's handlers."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self.loglevel = logging.getLogger().level
        self._access_log_enabled = False
        self.error_log.propagate = True


class Server(BaseApplication):  # type: ignore[misc]
    """run() blocks until a signal ends the process, then exits it: 0 after a drain, else with gunicorn's status.

    Each step of a stop is one line of the log. gunicorn's "Handling signal": no new connections, running requests get
    shutdown_s. Its "Worker exiting", after "Worker graceful timeout" if requests were cut off. Ours when the worker has
    closed its database connections. gunicorn's "Shutting down: Master" when all workers have ended, then our "stopped".
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._store: Store | None = None
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": str(self._config.listen),
            "workers": self._config.processes,
            "worker_class": "gevent",
            "graceful_timeout": math.ceil(self._config.shutdown_s),
            "keepalive": _KEEP_ALIVE_S,
            "limit_request_line": _MAX_REQUEST_LINE_BYTES,
            "logger_class": _ProcessLog,
            "control_socket_disable": True,
            "child_exit": _forget_gauges,
            "worker_exit": self._close_store,
            "on_exit": _log_end,
        }
        if os.access(_SHARED_MEMORY, os.W_OK):
            # Workers show that they are alive by touching a file. On a busy disk that could be late.
            options["worker_tmp_dir"] = _SHARED_MEMORY
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Called in each worker, after the fork."""
        metrics = Metrics(CollectorRegistry())
        self._store = Store(
            self._config.database_url,
            metrics,
            pool_connections=self._config.pool_connections,
            pool_wait_s=self._config.pool_wait_s,
            statement_timeout_s=self._config.statement_timeout_s,
        )
        self._store.open()
        return create_app(self._store, metrics, _summed_registry, self._config)

    def _close_store(self, _server: Any, worker: Any) -> None:
        if self._store:
            self._store.close()
            log.info("database connections closed", extra={"worker": worker.pid})


def _log_end(_server: Any) -> None:
    log.info("stopped")


def _forget_gauges(_server: Any, worker: Any) -> None:
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def _summed_registry() -> CollectorRegistry:
    """The metrics of all workers, added up."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
