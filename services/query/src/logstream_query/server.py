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

# gunicorn takes no longer request line; past it the answer is 414.
_MAX_REQUEST_LINE_BYTES: Final = 8_190
# An idle connection also holds up the end of the process for this long.
_KEEP_ALIVE_S: Final = 2
_SHARED_MEMORY: Final = "/dev/shm"


class _ProcessLog(Logger):  # type: ignore[misc]
    """Sends gunicorn's own lines through the process's log instead of handlers of gunicorn's."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self.loglevel = logging.getLogger().level
        self._access_log_enabled = False
        self.error_log.propagate = True


class Server(BaseApplication):  # type: ignore[misc]
    """run() blocks until a signal ends the process, then exits it: 0 after a drain, else with gunicorn's status."""

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
        }
        if os.access(_SHARED_MEMORY, os.W_OK):
            # Workers show that they live by touching a file, which a busy disk would hold up.
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

    def _close_store(self, _server: Any, _worker: Any) -> None:
        if self._store:
            self._store.close()


def _forget_gauges(_server: Any, worker: Any) -> None:
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def _summed_registry() -> CollectorRegistry:
    """The metrics of all workers, added up."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
