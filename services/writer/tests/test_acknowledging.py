"""What the broker is told of messages that are stored in another order than they came."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from logstream_writer.broker.consumer import Consumer
from logstream_writer.delivery import Delivery
from logstream_writer.metrics import Metrics
from pika.adapters.blocking_connection import BlockingChannel
from prometheus_client import CollectorRegistry


class Channel:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.acks: list[tuple[int, bool]] = []

    def basic_ack(self, tag: int, multiple: bool = False) -> None:
        self.acks.append((tag, multiple))


def delivery(tag: int, channel_number: int = 1) -> Delivery:
    return Delivery(tag=tag, channel_number=channel_number, body=b"", received_unix_nano=1, records=1, project="default")


@pytest.fixture
def channel() -> Channel:
    return Channel()


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch, channel: Channel) -> Consumer:
    """With messages 1 to 6 of its first channel not acknowledged."""

    def at_once(function: Callable[[], Any]) -> bool:
        function()
        return True

    under_test = Consumer("amqp://localhost", 10, Metrics(CollectorRegistry()))
    monkeypatch.setattr(under_test, "call", at_once)
    under_test._channel, under_test._channel_number = cast(BlockingChannel, channel), 1
    under_test._unacknowledged.extend(range(1, 7))
    return under_test


def test_messages_in_order_are_acknowledged_at_once(consumer: Consumer, channel: Channel) -> None:
    consumer.ack([delivery(1), delivery(2), delivery(3)])
    consumer.ack([delivery(4)])
    assert channel.acks == [(3, True), (4, True)]
    assert list(consumer._unacknowledged) == [5, 6]


def test_those_taken_before_and_stored_later_are_left_out(consumer: Consumer, channel: Channel) -> None:
    consumer.ack([delivery(1), delivery(3), delivery(6)])
    assert channel.acks == [(1, True), (3, False), (6, False)]
    consumer.ack([delivery(5)])
    consumer.ack([delivery(2)])
    consumer.ack([delivery(4)])
    assert channel.acks[3:] == [(5, False), (2, True), (4, True)]
    assert not consumer._unacknowledged


def test_tags_of_another_channel_are_void(consumer: Consumer, channel: Channel) -> None:
    consumer.ack([delivery(1, channel_number=0), delivery(2, channel_number=0)])
    assert channel.acks == []
    assert len(consumer._unacknowledged) == 6
