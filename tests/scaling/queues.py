"""Measures one quorum queue against several behind a consistent-hash exchange: the same publishers with confirms, the same
consumers with acks, messages of the size of a batch. The broker needs the plugin rabbitmq_consistent_hash_exchange.
Everything is in the virtual host of the address, which the caller makes and drops.

    .venv/bin/python tests/scaling/queues.py amqp://user:password@127.0.0.1:17002/trial
"""

import argparse
import multiprocessing
import os
import time
from typing import Any, Final

import pika

EXCHANGE: Final = "shards"
QUEUE: Final = {"x-queue-type": "quorum", "x-delivery-limit": -1, "x-overflow": "reject-publish"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--queues", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--bytes", type=int, default=112_000)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--publishers", type=int, default=2)
    parser.add_argument("--unconfirmed", type=int, default=50)
    options = parser.parse_args()
    print(f"{'queues':>6} {'confirmed/s':>12} {'taken/s':>10} {'most in one queue':>18}")
    for queues in options.queues:
        _prepare(options.url, queues)
        with multiprocessing.get_context("spawn").Pool(options.publishers + queues) as pool:
            taking = [pool.apply_async(_take, (options.url, f"shard.{n}", options.seconds)) for n in range(queues)]
            sending = [
                pool.apply_async(_send, (options.url, options.bytes, options.seconds, options.unconfirmed))
                for _ in range(options.publishers)
            ]
            sent = sum(result.get() for result in sending)
            taken = [result.get() for result in taking]
        print(
            f"{queues:6} {sent / options.seconds:12,.0f} {sum(taken) / options.seconds:10,.0f} "
            f"{max(taken) / max(1, sum(taken)):18.2f}",
            flush=True,
        )


def _prepare(url: str, queues: int) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.exchange_delete(EXCHANGE)
        for number in range(16):
            channel.queue_delete(f"shard.{number}")
        channel.exchange_declare(EXCHANGE, "x-consistent-hash", durable=True)
        for number in range(queues):
            channel.queue_declare(f"shard.{number}", durable=True, arguments=QUEUE)
            # The routing key of a binding is its weight.
            channel.queue_bind(f"shard.{number}", EXCHANGE, "100")


def _send(url: str, size: int, seconds: float, unconfirmed: int) -> int:
    """Messages that were confirmed; so many are under way at a time."""
    body = os.urandom(size)
    properties = pika.BasicProperties(delivery_mode=2)
    pending: set[int] = set()
    published = 0
    until_s = time.monotonic() + seconds

    def opened(connection: pika.SelectConnection) -> None:
        connection.channel(on_open_callback=begin)

    def begin(channel: Any) -> None:
        def confirmed(frame: Any) -> None:
            tag = frame.method.delivery_tag
            pending.difference_update([one for one in pending if one <= tag] if frame.method.multiple else [tag])
            more(channel)

        channel.confirm_delivery(confirmed)
        more(channel)

    def more(channel: Any) -> None:
        nonlocal published
        while len(pending) < unconfirmed and time.monotonic() < until_s:
            channel.basic_publish(EXCHANGE, os.urandom(16).hex(), body, properties, mandatory=True)
            published += 1
            pending.add(published)
        if not pending:
            connection.ioloop.stop()

    connection = pika.SelectConnection(pika.URLParameters(url), on_open_callback=opened)
    connection.ioloop.start()
    return published


def _take(url: str, queue: str, seconds: float) -> int:
    taken = 0
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=64)
        until_s = time.monotonic() + seconds
        for method, _, _ in channel.consume(queue, inactivity_timeout=0.2):
            if method is not None:
                taken += 1
                if taken % 16 == 0:
                    channel.basic_ack(method.delivery_tag, multiple=True)
            if time.monotonic() > until_s:
                break
    return taken


if __name__ == "__main__":
    main()
