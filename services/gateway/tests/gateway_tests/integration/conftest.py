"""Fixtures of the gateway's tests with a real broker."""

from collections.abc import Iterator

import pika
import pytest
from logstream_contract.wire import topology
from pika.adapters.blocking_connection import BlockingChannel

from .gateway_process import Gateway, gateway


@pytest.fixture(scope="module")
def running(rabbitmq_url: str) -> Iterator[Gateway]:
    with gateway(rabbitmq_url) as opened:
        yield opened


@pytest.fixture
def broker(rabbitmq_url: str) -> Iterator[BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq_url))
    channel = connection.channel()
    channel.queue_declare(topology.WRITE_QUEUE, durable=True, arguments=topology.WRITE_QUEUE_ARGUMENTS)
    channel.queue_purge(topology.WRITE_QUEUE)
    yield channel
    connection.close()
