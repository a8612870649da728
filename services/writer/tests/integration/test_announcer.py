"""The announcer says on the fanout how much it was given to publish, whatever became of it."""

import time
from collections.abc import Iterator

import pika
import pytest
from logstream_contract.wire import topology
from logstream_contract.wire.pb.transport_pb2 import LiveBatch, LiveBatches
from logstream_writer.broker.announcer import Announcer
from logstream_writer.metrics import Metrics
from pika.adapters.blocking_connection import BlockingChannel
from prometheus_client import CollectorRegistry

WAIT_S = 30


@pytest.fixture
def channel(rabbitmq_url: str) -> Iterator[BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq_url))
    channel = connection.channel()
    channel.exchange_declare(topology.LIVE_EXCHANGE, topology.LIVE_EXCHANGE_TYPE, durable=True)
    yield channel
    connection.close()


@pytest.fixture
def announcer(rabbitmq_url: str) -> Iterator[Announcer]:
    made = Announcer(rabbitmq_url, 2_500, Metrics(CollectorRegistry()))
    yield made
    made.end(within_s=WAIT_S)


@pytest.fixture
def heard(channel: BlockingChannel) -> str:
    queue = str(channel.queue_declare("", exclusive=True).method.queue)
    channel.queue_bind(queue, topology.LIVE_EXCHANGE)
    return queue


def take(channel: BlockingChannel, queue: str) -> LiveBatches:
    until = time.monotonic() + WAIT_S
    while True:
        _, _, body = channel.basic_get(queue, auto_ack=True)
        if body is not None:
            return LiveBatches.FromString(body)
        assert time.monotonic() < until, "nothing on the fanout"
        time.sleep(0.02)


def announce(announcer: Announcer, number: int, position: int = 0) -> None:
    """A message of about 1,000 bytes."""
    batch = LiveBatch(number=number, position=position, batch=b"x" * 1_000)
    parts = [
        LiveBatches(epoch="e" if position else "").SerializeToString(),
        LiveBatches(batches=[batch]).SerializeToString(),
    ]
    announcer.announce(parts, 1, numbered=position > 0)


def said(message: LiveBatches) -> tuple[list[int], int, int]:
    return [batch.number for batch in message.batches], message.count.messages, message.count.unnumbered


def test_every_message_counts_and_a_count_comes_by_itself(
    channel: BlockingChannel, heard: str, announcer: Announcer
) -> None:
    announcer.start()
    first = take(channel, heard)
    assert said(first) == ([], 0, 0)
    announce(announcer, 7, position=1)
    announce(announcer, 8)
    heard_messages = [take(channel, heard) for _ in range(4)]
    assert [said(message) for message in heard_messages if message.batches] == [([7], 1, 0), ([8], 2, 1)]
    assert said(heard_messages[-1]) == ([], 2, 1)
    assert [message.epoch for message in heard_messages if message.batches] == ["e", ""]
    assert {message.count.writer for message in [first, *heard_messages]} == {first.count.writer}
    assert len(first.count.writer) == 8


def test_what_the_buffer_drops_is_counted(channel: BlockingChannel, heard: str, announcer: Announcer) -> None:
    for number in (1, 2, 3):
        announce(announcer, number)
    announcer.start()
    assert [said(take(channel, heard)) for _ in range(2)] == [([2], 2, 2), ([3], 3, 3)]


def test_each_announcer_has_a_name_of_its_own(rabbitmq_url: str, channel: BlockingChannel, heard: str) -> None:
    names = set()
    for _ in range(2):
        announcer = Announcer(rabbitmq_url, 1_000, Metrics(CollectorRegistry()))
        announcer.start()
        names.add(take(channel, heard).count.writer)
        announcer.end(within_s=WAIT_S)
        while channel.basic_get(heard, auto_ack=True)[0]:
            pass
    assert len(names) == 2
