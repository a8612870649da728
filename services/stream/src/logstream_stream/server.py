"""Runs the routes on gunicorn with one gevent worker. It reads no environment and no command line.

All viewers of a replica share one process, so each batch is decoded and serialised once for all of them. To use more
processes, run more replicas.
"""

import logging
import os
import time
from typing import Any, Final

import gevent
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from logstream_runtime.files import allow_files
from prometheus_client import CollectorRegistry, ProcessCollector

from logstream_stream.arriving.consumer import Consumer
from logstream_stream.arriving.redis_window import RedisWindow
from logstream_stream.config import Config
from logstream_stream.feed import Feed
from logstream_stream.metrics import Metrics
from logstream_stream.order.sequencer import Sequencer
from logstream_stream.viewers.admission import Limits
from logstream_stream.viewers.catch_up import CatchUp
from logstream_stream.viewers.disconnect_watcher import DisconnectWatcher
from logstream_stream.viewers.filter_time import FilterTimeLimits
from logstream_stream.viewers.hub import Hub
from logstream_stream.viewers.viewer import QueueLimits
from logstream_stream.web.routes import RouteSettings, create_app

log = logging.getLogger(__name__)

# Connections besides the viewers': health checks, metrics, and requests that get a 503.
_MORE_CONNECTIONS: Final = 64
_MORE_FILES: Final = 64
# The longest line that gunicorn accepts: the address holds filters and an id.
_MAX_REQUEST_LINE_BYTES: Final = 8_190
_WATCH_S: Final = 0.1
_SHARED_MEMORY: Final = "/dev/shm"


class _ProcessLog(Logger):  # type: ignore[misc]
    """Sends gunicorn's own lines to the process's log instead of gunicorn's handlers."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self.loglevel = logging.getLogger().level
        self._access_log_enabled = False
        self.error_log.propagate = True


class Server(BaseApplication):  # type: ignore[misc]
    """run() blocks until a signal ends the process, then exits: with 0 after a drain, otherwise with gunicorn's status."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._hub: Hub | None = None
        self._feed: Feed | None = None
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": str(self._config.listen),
            "workers": 1,
            "worker_class": "gevent",
            "worker_connections": self._config.max_viewers + _MORE_CONNECTIONS,
            "graceful_timeout": self._config.drain_s,
            "limit_request_line": _MAX_REQUEST_LINE_BYTES,
            "logger_class": _ProcessLog,
            "control_socket_disable": True,
            "post_worker_init": self._watch_for_the_end,
            "worker_exit": self._close,
        }
        if os.access(_SHARED_MEMORY, os.W_OK):
            # The worker touches a file to show that it is alive. A busy disk would delay that.
            options["worker_tmp_dir"] = _SHARED_MEMORY
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Builds the service and starts its feed. Called in the worker, after the fork."""
        config = self._config
        allow_files(config.max_viewers + _MORE_CONNECTIONS + _MORE_FILES)
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        metrics = Metrics(registry)
        sequencer = Sequencer(time.monotonic, time.time_ns)
        hub = Hub(clock=time.monotonic, wall_ns=time.time_ns, observer=metrics, limits=_limits(config), sequencer=sequencer)
        window = RedisWindow(config.redis_url)
        feed = Feed(sequencer=sequencer, hub=hub, window=window, metrics=metrics)
        Consumer.read_whole_frames()
        feed.start(Consumer(config.rabbitmq_url, config.broker_queue_bytes, feed.take))
        disconnect_watcher = DisconnectWatcher()
        self._hub, self._feed = hub, feed
        gevent.spawn(disconnect_watcher.watch_forever, gevent.sleep)
        catch_up = CatchUp(hub=hub, window=window, wall_ns=time.time_ns, sleep=gevent.sleep)
        return create_app(
            hub=hub,
            catch_up=catch_up,
            metrics=metrics,
            registry=registry,
            problem=feed.problem,
            disconnect_watcher=disconnect_watcher,
            settings=_route_settings(config),
        )

    def _watch_for_the_end(self, worker: Any) -> None:
        def watch() -> None:
            while worker.alive:
                gevent.sleep(_WATCH_S)
            if self._hub:
                log.info("stopping: viewers are receiving their queued records", extra={"viewers": self._hub.viewer_count})
                self._hub.drain()

        gevent.spawn(watch)

    def _close(self, _server: Any, _worker: Any) -> None:
        """Called in the worker when its viewers have gone, or the time for that is over."""
        if self._hub and self._feed:
            log.info("stopping: the feed is being stopped", extra={"viewers_left": self._hub.viewer_count})
            self._feed.stop()
            log.info("stopped")


def _limits(config: Config) -> Limits:
    return Limits(
        viewers=config.max_viewers,
        viewers_per_client=config.viewers_per_client,
        filters=config.max_filters,
        max_rate=config.max_rate,
        viewer_timeout_s=config.viewer_timeout_s,
        queue=QueueLimits(records=config.queue_records, bytes=config.queue_bytes),
        held_bytes=config.held_bytes,
        filter_time=FilterTimeLimits(process_s=config.filter_time, client_s=config.filter_time_per_client),
    )


def _route_settings(config: Config) -> RouteSettings:
    return RouteSettings(
        recent_records=config.recent_records,
        max_rate=config.max_rate,
        trusted_proxies=config.trusted_proxies,
        allowed_hosts=config.allowed_hosts,
        allowed_origins=config.allowed_origins,
    )
