"""What must hold for every gateway, the fake one and the one named by LOGSTREAM_TEST_GATEWAY alike."""

import logging
import time
import uuid

import pytest
from logstream_client import Client, LogstreamHandler, Settings
from logstream_client.delivery import Delivery, RejectedError
from logstream_client.encoding import encode_batch, encode_record


def ignore(status: str, message: str) -> None:
    """Hears of failed attempts; a gateway that is just coming up may need some."""


@pytest.fixture
def node() -> str:
    """A node name of this test alone."""
    return f"client-contract-{uuid.uuid4()}"


def test_records_are_accepted(any_target: str, node: str) -> None:
    with Client(any_target, node) as client:
        for level in ("error", "warn", "info", "http", "debug", "nonsense"):
            client.log(f"a record of level {level}", level=level, attributes={"level": level})
        client.log("", severity=17, time_unix_nano=1)
        assert client.flush(30)
        assert client.stats().records_delivered == 7
        assert client.stats().records_rejected == 0


def test_largest_batches_are_accepted(any_target: str, node: str) -> None:
    settings = Settings(flush_records=5_000, flush_bytes=4_000_000, flush_age_s=60)
    with Client(any_target, node, settings) as client:
        for index in range(12_000):
            client.log(f"record {index} {'x' * 900}")
        assert client.flush(60)
        assert client.stats().records_delivered == 12_000


def test_records_past_the_gateways_limits_are_made_to_fit(any_target: str, node: str) -> None:
    with Client(any_target, node) as client:
        client.log("x" * 1_000_000, attributes={f"attribute {index}": "\0" for index in range(100)})
        client.log("caf\udce9")
        assert client.flush(30)
        assert client.stats().records_delivered == 2


def test_batch_sent_again_is_accepted_again(any_target: str, node: str) -> None:
    batch = encode_batch(node, [encode_record(time.time_ns(), 9, "info", "sent twice")])
    delivery = Delivery(any_target, Settings(), ignore)
    delivery.deliver(batch)
    delivery.deliver(batch)
    delivery.close()


def test_handler_delivers_with_exceptions_and_extra(any_target: str, node: str) -> None:
    logger = logging.Logger(node)
    with LogstreamHandler(any_target, node) as handler:
        logger.addHandler(handler)
        try:
            raise ValueError("no stock")
        except ValueError:
            logger.exception("order %d failed", 7, extra={"order": 7, "items": ["a", "b"]})
        handler.flush()
        assert handler.stats().records_delivered == 1


def test_gateway_that_refuses_names_field_and_limit(node: str, real_target: str) -> None:
    record = encode_record(time.time_ns(), 9, "info", "refused")
    delivery = Delivery(real_target, Settings(), ignore)
    with pytest.raises(RejectedError, match=r"INVALID_ARGUMENT: .*node.*256.*255"):
        delivery.deliver(encode_batch("n" * 256, [record]))
    with pytest.raises(RejectedError, match=r"INVALID_ARGUMENT: .*records.*5001.*5000"):
        delivery.deliver(encode_batch(node, [record] * 5_001))
    with pytest.raises(RejectedError, match=r"INVALID_ARGUMENT: .*records.*0"):
        delivery.deliver(encode_batch(node, []))
    delivery.close()
