"""Starts the writer: `python -m logstream_writer`; with the argument `migrate` it only brings the schema up to date."""

import logging
import sys
import threading

from logstream_runtime.admin import AdminServer
from logstream_runtime.config import load_or_exit, masked
from logstream_runtime.lifecycle import on_stop_signals
from logstream_runtime.logs import set_up_logging
from logstream_runtime.retry import until_stopped
from prometheus_client import REGISTRY

from logstream_writer.broker.announcer import Announcer
from logstream_writer.broker.connection import read_whole_frames
from logstream_writer.broker.consumer import Consumer
from logstream_writer.config import Config
from logstream_writer.flusher import Flusher
from logstream_writer.live import LiveWindow
from logstream_writer.metrics import Metrics
from logstream_writer.store.errors import StoreUnavailable
from logstream_writer.store.migrate import migrate
from logstream_writer.store.store import Store

log = logging.getLogger("logstream_writer")

MIGRATE = "migrate"


def main() -> int:
    config = load_or_exit(Config)
    set_up_logging("writer", config.log_level)
    log.info("configuration", extra={"settings": masked(config)})
    arguments = sys.argv[1:]
    if arguments == [MIGRATE]:
        stopping = threading.Event()
        on_stop_signals(stopping.set)
        return _migrate(config, stopping)
    if arguments:
        log.error("unknown arguments %s: expected none, or %s", arguments, MIGRATE)
        return 2
    return _write(config)


def _migrate(config: Config, stopping: threading.Event) -> int:
    try:
        until_stopped("the database", StoreUnavailable, stopping)(migrate, config.database_url)
    except StoreUnavailable as error:
        log.error("stopped before the database answered", extra={"error": str(error)})
        return 1
    return 0


def _write(config: Config) -> int:
    metrics = Metrics(REGISTRY)
    read_whole_frames()
    consumer = Consumer(config.rabbitmq_url, config.prefetch_messages, metrics)
    announcer = Announcer(config.rabbitmq_url, config.live_buffer_bytes, metrics)
    try:
        admin = AdminServer(
            config.admin_listen, REGISTRY, lambda: _not_ready(consumer), lambda: _not_alive(consumer, announcer)
        )
    except OSError as error:
        log.error("can't start", extra={"error": str(error)})
        return 1
    stopping = threading.Event()
    abandon = threading.Event()  # nobody waits for a database any longer
    deadline = threading.Timer(config.shutdown_s, abandon.set)
    deadline.daemon = True

    def stop() -> None:
        if not stopping.is_set():
            stopping.set()
            consumer.stop()
            deadline.start()

    consumer.on_crash = announcer.on_crash = stop
    on_stop_signals(stop)
    admin.start()
    # Nothing is taken from the broker before the tables are there: an outage must not use up deliveries.
    status = _migrate(config, stopping)
    if status or stopping.is_set():
        return status

    store = Store(config.database_url)
    window = LiveWindow(config.redis_url, config.window_records, config.window_bytes, metrics)
    announcer.start()
    consumer.start()
    flusher = Flusher(
        consumer,
        store,
        window,
        announcer,
        config.retention_nanos,
        config.flush_records,
        config.flush_ms / 1000,
        abandon,
        metrics,
    )
    try:
        flusher.run()
    except StoreUnavailable as error:
        log.error("stopped with messages unstored; the broker delivers them again", extra={"error": str(error)})
        status = 1

    # The last acknowledgements leave before the connection is closed; viewers get what was stored last.
    consumer.end(within_s=5)
    announcer.end(within_s=5)
    window.close()
    store.close()
    admin.close()
    log.info("stopped")
    return 1 if consumer.crash or announcer.crash else status


def _not_ready(consumer: Consumer) -> str | None:
    return None if consumer.consuming else "not consuming: no broker, no database yet, or stopping"


def _not_alive(consumer: Consumer, announcer: Announcer) -> str | None:
    for thread in (consumer, announcer):
        if thread.crash:
            return f"{thread.name}: {thread.crash!r}"
    return None


if __name__ == "__main__":
    sys.exit(main())
