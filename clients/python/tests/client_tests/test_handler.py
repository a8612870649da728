"""logging's records as the gateway gets them."""

import datetime
import logging
import logging.config
import zoneinfo
from collections.abc import Iterator
from typing import Any

import pytest
from logstream_client import LogstreamHandler
from logstream_client.pb.logs_pb2 import LogRecord

from .fake_gateway import FakeGateway


class Sender:
    """A logger with a handler, and what arrived."""

    def __init__(self, gateway: FakeGateway) -> None:
        self._gateway = gateway
        self.handler = LogstreamHandler(gateway.target, "orders")
        self.logger = logging.Logger("shop.orders")
        self.logger.addHandler(self.handler)

    def arrived(self) -> list[LogRecord]:
        """The records at the gateway once everything is delivered."""
        self.handler.flush()
        return self._gateway.records


@pytest.fixture
def sender(gateway: FakeGateway) -> Iterator[Sender]:
    made = Sender(gateway)
    yield made
    made.handler.close()


def test_levels_become_names_and_severities(sender: Sender) -> None:
    for level in (5, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
        sender.logger.log(level, "message")
    assert [(record.level, record.severity) for record in sender.arrived()] == [
        ("level 5", 1),
        ("debug", 5),
        ("info", 9),
        ("warn", 13),
        ("error", 17),
        ("critical", 21),
    ]


def test_message_time_and_logger(sender: Sender) -> None:
    made = logging.LogRecord("shop.orders", logging.INFO, __file__, 1, "order %d for %s", (7, "Ann"), None)
    made.created = 1722970292.5132
    sender.logger.handle(made)
    [record] = sender.arrived()
    assert record.message == "order 7 for Ann"
    assert record.time_unix_nano == 1722970292513200000
    assert dict(record.attributes) == {"otel.scope.name": "shop.orders"}


def test_extra_fields_become_attributes(sender: Sender) -> None:
    extra: dict[str, Any] = {
        "text": "plain",
        "number": 12,
        "yes": True,
        "nothing": None,
        "nested": {"a": [1, "ü"]},
        "day": datetime.date(2026, 1, 2),
        "odd": {(1, 2): 3},
    }
    sender.logger.info("with extra", extra=extra)
    [record] = sender.arrived()
    assert dict(record.attributes) == {
        "otel.scope.name": "shop.orders",
        "text": "plain",
        "number": "12",
        "yes": "true",
        "nothing": "null",
        "nested": '{"a": [1, "ü"]}',
        "day": '"2026-01-02"',
        "odd": "{(1, 2): 3}",
    }


def test_exception_follows_opentelemetry(sender: Sender) -> None:
    try:
        raise LookupError("no such order")
    except LookupError:
        sender.logger.exception("failed")
    [record] = sender.arrived()
    assert record.message == "failed"
    assert record.attributes["exception.type"] == "LookupError"
    assert record.attributes["exception.message"] == "no such order"
    assert record.attributes["exception.stacktrace"].startswith("Traceback (most recent call last):")
    assert "in test_exception_follows_opentelemetry" in record.attributes["exception.stacktrace"]


def test_exception_type_is_qualified_by_its_module(sender: Sender) -> None:
    sender.logger.error("failed", exc_info=zoneinfo.ZoneInfoNotFoundError("Mars"))
    [record] = sender.arrived()
    assert record.attributes["exception.type"] == "zoneinfo._common.ZoneInfoNotFoundError"


def test_formatter_makes_the_message(sender: Sender) -> None:
    sender.handler.setFormatter(logging.Formatter("<%(message)s>"))
    sender.logger.info("framed")
    assert [record.message for record in sender.arrived()] == ["<framed>"]


def test_stack_is_an_attribute(sender: Sender) -> None:
    sender.logger.info("where", stack_info=True)
    [record] = sender.arrived()
    assert "test_stack_is_an_attribute" in record.attributes["code.stacktrace"]


def test_own_words_do_not_come_back(sender: Sender) -> None:
    for name in ("grpc", "grpc._channel", "logstream_client.delivery"):
        sender.handler.handle(logging.LogRecord(name, logging.ERROR, __file__, 1, "loop", None, None))
    sender.handler.handle(logging.LogRecord("grpcish", logging.ERROR, __file__, 1, "no loop", None, None))
    assert [record.message for record in sender.arrived()] == ["no loop"]


def test_what_the_sending_thread_logs_does_not_come_back(gateway: FakeGateway) -> None:
    logger = logging.Logger("listener")
    heard = []

    def log_event(event: object) -> None:
        heard.append(event)
        logger.error("heard of %s", event)

    with LogstreamHandler(gateway.target, "orders", on_event=log_event, close_timeout_s=0.5) as handler:
        logger.addHandler(handler)
        gateway.stop()
        logger.info("cause")
        handler._client.flush(1)
        assert len(heard) == 1
        assert handler.stats().records_buffered == 1
        handler.close()


def test_bad_arguments_are_reported_not_raised(sender: Sender, capsys: pytest.CaptureFixture[str]) -> None:
    sender.logger.info("%d", "not a number")
    assert sender.arrived() == []
    assert "--- Logging error ---" in capsys.readouterr().err


def test_handler_is_declared_in_a_dictionary(gateway: FakeGateway) -> None:
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {
                "logstream": {
                    "class": "logstream_client.LogstreamHandler",
                    "target": gateway.target,
                    "node": "orders",
                    "level": "INFO",
                    "flush_age_s": 0.01,
                }
            },
            "loggers": {"declared": {"handlers": ["logstream"], "level": "DEBUG", "propagate": False}},
        }
    )
    logger = logging.getLogger("declared")
    [handler] = logger.handlers
    logger.debug("below the handler's level")
    logger.info("declared")
    handler.close()
    logger.removeHandler(handler)
    assert [record.message for record in gateway.records] == ["declared"]


def test_unknown_setting_is_refused() -> None:
    with pytest.raises(TypeError, match="flush_after"):
        LogstreamHandler("127.0.0.1:4317", "orders", flush_after=1)
