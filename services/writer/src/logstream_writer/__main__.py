"""Starts the writer: `python -m logstream_writer`. With the argument `migrate` it only updates the schema, with
`maintain --once` it runs each task of maintenance once, with `dead-letters` it handles what could not be stored."""

import logging
import sys
import threading
from collections.abc import Sequence
from typing import TypeVar

from logstream_runtime.admin import AdminServer
from logstream_runtime.config import load_or_exit, masked
from logstream_runtime.lifecycle import on_stop_signals
from logstream_runtime.logs import set_up_logging
from logstream_runtime.retry import retry_until_stopped
from prometheus_client import REGISTRY

from logstream_writer.broker.announcer import Announcer
from logstream_writer.broker.connection import read_whole_frames
from logstream_writer.broker.consumer import Consumer
from logstream_writer.config import Config, DatabaseConfig, MaintenanceConfig, RetentionConfig
from logstream_writer.dead_letters import command
from logstream_writer.dead_letters.arguments import read_arguments
from logstream_writer.flusher import Flusher
from logstream_writer.live import LiveWindow
from logstream_writer.maintenance.maintainer import Maintainer
from logstream_writer.maintenance.tasks import disk_tasks_of, tasks_of
from logstream_writer.metrics import Metrics
from logstream_writer.store.dead_letters import DeadLetters
from logstream_writer.store.errors import StoreUnavailable
from logstream_writer.store.migrate import migrate
from logstream_writer.store.session import DISK_LOCK, Session
from logstream_writer.store.store import Store

log = logging.getLogger("logstream_writer")

C = TypeVar("C", bound=DatabaseConfig)

MIGRATE = ["migrate"]
MAINTAIN = ["maintain", "--once"]
DEAD_LETTERS = ["dead-letters"]
_DISK_BACKOFF_S = 20.0


def main() -> int:
    arguments = sys.argv[1:]
    if arguments == MIGRATE:
        database = _configured(DatabaseConfig)
        stopping = threading.Event()
        on_stop_signals(stopping.set)
        return _migrate(database, stopping)
    if arguments == MAINTAIN:
        return _maintain(_configured(MaintenanceConfig))
    if arguments[:1] == DEAD_LETTERS:
        command_arguments = read_arguments(arguments[1:])
        config = _configured(RetentionConfig, logging.DEBUG)
        return command.run(command_arguments, DeadLetters(config.database_url), config.retention_nanos)
    if arguments:
        expected = " or ".join(f"`{' '.join(known)}`" for known in (MIGRATE, MAINTAIN, DEAD_LETTERS))
        print(f"unknown arguments {arguments}: expected none, {expected}", file=sys.stderr)
        return 2
    return _write(_configured(Config))


def _configured(kind: type[C], level: int = logging.INFO) -> C:
    """level: of the log line with the settings, which only gets in the way of a command's output."""
    config = load_or_exit(kind)
    set_up_logging("writer", config.log_level)
    log.log(level, "configuration", extra={"settings": masked(config)})
    return config


def _maintain(config: MaintenanceConfig) -> int:
    return Maintainer(Session(config.database_url), tasks_of(config, once=True), Metrics(REGISTRY)).once()


def _migrate(config: DatabaseConfig, stopping: threading.Event) -> int:
    try:
        retry_until_stopped("the database", StoreUnavailable, stopping)(migrate, config.database_url)
    except StoreUnavailable as error:
        log.error("stopped before the database was available", extra={"error": str(error)})
        return 1
    return 0


def _write(config: Config) -> int:
    metrics = Metrics(REGISTRY)
    read_whole_frames()
    consumer = Consumer(config.rabbitmq_url, config.prefetch_messages, metrics)
    announcer = Announcer(config.rabbitmq_url, config.live_buffer_bytes, metrics)
    try:
        admin = AdminServer(
            config.admin_listen,
            REGISTRY,
            ready=lambda: _not_ready(consumer),
            live=lambda: _not_alive(consumer, announcer),
        )
    except OSError as error:
        log.error("can't start", extra={"error": str(error)})
        return 1
    stopping = threading.Event()
    abandon = threading.Event()  # set when a stop has waited long enough for the database
    deadline = threading.Timer(config.shutdown_s, abandon.set)
    deadline.daemon = True

    def stop() -> None:
        if not stopping.is_set():
            stopping.set()
            consumer.stop()
            log.info("stopping: no more messages are received")
            deadline.start()

    consumer.on_crash = announcer.on_crash = stop
    on_stop_signals(stop)
    admin.start()
    # Nothing is taken from the broker before the tables exist: an outage must not use up deliveries.
    status = _migrate(config, stopping)
    if status or stopping.is_set():
        return status

    maintainers = [
        Maintainer(Session(config.database_url), tasks_of(config), metrics),
        Maintainer(
            Session(config.database_url, DISK_LOCK),
            disk_tasks_of(config),
            metrics,
            leading=metrics.retention_leading,
            # Neither a lock held elsewhere nor a database that restarts is a reason to let the disk fill.
            longest_backoff_s=_DISK_BACKOFF_S,
        ),
    ]
    if config.maintenance:
        for maintainer in maintainers:
            maintainer.start()
    store = Store(config.database_url)
    window = LiveWindow(
        url=config.redis_url, window_records=config.window_records, window_bytes=config.window_bytes, metrics=metrics
    )
    announcer.start()
    consumer.start()
    flusher = Flusher(
        consumer=consumer,
        store=store,
        window=window,
        announcer=announcer,
        retention_nanos=config.retention_nanos,
        flush_records=config.flush_records,
        flush_bytes=config.flush_bytes,
        flush_age_s=config.flush_ms / 1000,
        abandon=abandon,
        metrics=metrics,
    )
    try:
        flusher.run()
        log.info("stopping: all received messages have been stored")
    except StoreUnavailable as error:
        log.error("stopped with messages not stored; the broker will deliver them again", extra={"error": str(error)})
        status = 1
    _close(maintainers, consumer, announcer, window, store)
    admin.close()
    log.info("stopped")
    return 1 if consumer.crash or announcer.crash else status


def _close(
    maintainers: Sequence[Maintainer], consumer: Consumer, announcer: Announcer, window: LiveWindow, store: Store
) -> None:
    """The end of a stop, after the last flush. Each step is a line of the log."""
    for maintainer in maintainers:
        maintainer.close(within_s=2.5)
    log.info("stopping: maintenance has ended")
    # The last acknowledgements are sent before the connection is closed, and viewers get what was stored last.
    consumer.end(within_s=5)
    log.info("stopping: the consumer has ended", extra={"in_time": not consumer.is_alive()})
    announcer.end(within_s=5)
    log.info("stopping: the announcer has ended", extra={"in_time": not announcer.is_alive()})
    window.close()
    store.close()
    log.info("stopping: the connections to Redis and the database are closed")


def _not_ready(consumer: Consumer) -> str | None:
    return None if consumer.consuming else "not consuming: no broker, no database yet, or stopping"


def _not_alive(consumer: Consumer, announcer: Announcer) -> str | None:
    for thread in (consumer, announcer):
        if thread.crash:
            return f"{thread.name}: {thread.crash!r}"
    return None


if __name__ == "__main__":
    sys.exit(main())
