"""A handler of the standard library's logging that sends to a logstream gateway. It must not raise into the application."""

import json
import logging
import traceback
from typing import Any, Final, Self

from logstream_client.client import Client
from logstream_client.settings import Settings, Stats

# Names of the attributes that every LogRecord has. All others come from `extra`.
_OWN_ATTRIBUTES: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Severity numbers of the OpenTelemetry log data model by level number, highest first.
_SEVERITIES: Final = ((50, 21), (40, 17), (30, 13), (20, 9), (10, 5), (1, 1))
# Loggers of the handler's own parts: their records would have to be sent, too.
_OWN_LOGGERS: Final = ("grpc", "logstream_client")


class LogstreamHandler(logging.Handler):
    """Sends log records to the gateway at target (such as `127.0.0.1:4317`); node is the name of the service.

    Further keywords are fields of Settings, so a handler can be declared in logging.config.dictConfig. The message is the
    logged text, or the output of the formatter if one is set. `extra` fields become attributes, as do the name of the logger
    and the type, message and stack trace of an exception, with OpenTelemetry's names. The level is its name in lower case,
    with `warn` for WARNING. Raises ValueError for settings that are out of range and TypeError for unknown ones.
    """

    def __init__(self, target: str, node: str, level: int | str = logging.NOTSET, **settings: Any) -> None:
        super().__init__(level)
        self._settings = Settings(**settings)
        # logging.shutdown closes handlers, after atexit functions that may still log.
        self._client = Client(target, node, self._settings, close_at_exit=False)
        self._flush_timed_out = False

    def handle(self, record: logging.LogRecord) -> bool:
        """Leaves out records that the handler itself causes. Checks this before it waits for the handler's lock, which may
        be held by a thread that waits for the sending thread."""
        if record.name.split(".", 1)[0] in _OWN_LOGGERS or self._client.is_sending_thread():
            return False
        return super().handle(record)

    def emit(self, record: logging.LogRecord) -> None:
        """Buffers a record. Does not block unless when_full="block". Errors go to handleError."""
        self._flush_timed_out = False
        try:
            message = record.getMessage() if self.formatter is None else self.formatter.format(record)
            self._client.log(
                message,
                level=_level(record),
                severity=_severity(record.levelno),
                # A float of this size holds microseconds, and microseconds are stored.
                time_unix_nano=round(record.created * 1_000_000) * 1000,
                attributes=_attributes(record),
            )
        except RecursionError:
            raise
        except Exception:  # noqa: BLE001 - logging's contract: a handler reports, it does not raise
            self.handleError(record)

    def flush(self) -> None:
        """Blocks until the buffered records are delivered, for at most close_timeout_s."""
        self._flush_timed_out = not self._client.flush(self._settings.close_timeout_s)

    def close(self) -> None:
        """Delivers the buffered records, for at most close_timeout_s, and closes the connection."""
        # logging.shutdown calls flush, then close: do not wait for an unavailable gateway twice.
        self._client.close(0 if self._flush_timed_out else None)
        super().close()

    def stats(self) -> Stats:
        """Counts of records buffered, delivered, rejected and dropped."""
        return self._client.stats()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _level(record: logging.LogRecord) -> str:
    name = record.levelname.lower()
    return "warn" if name == "warning" else name


def _severity(levelno: int) -> int:
    for lowest_levelno, severity in _SEVERITIES:
        if levelno >= lowest_levelno:
            return severity
    return 0


def _attributes(record: logging.LogRecord) -> dict[str, str]:
    """Names follow OpenTelemetry's semantic conventions (exceptions, code) and its mapping of scopes (otel.scope.name)."""
    attributes = {"otel.scope.name": record.name}
    if record.exc_info and record.exc_info[0] is not None:
        kind, error, trace = record.exc_info
        module = kind.__module__
        attributes["exception.type"] = kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"
        attributes["exception.message"] = str(error)
        attributes["exception.stacktrace"] = "".join(traceback.format_exception(kind, error, trace))
    if record.stack_info:
        attributes["code.stacktrace"] = record.stack_info
    for name, value in vars(record).items():
        if name not in _OWN_ATTRIBUTES:
            attributes[name] = value if isinstance(value, str) else _text(value)
    return attributes


def _text(value: object) -> str:
    """JSON for values that JSON can represent (true, null, 12, lists, dicts), str() for all others."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError):
        return str(value)
