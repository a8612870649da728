"""Plays the parts around the stream service: a writer that registers and publishes, and the service's own process."""

import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from types import TracebackType

import pika
import redis
import requests
from harness.waiting import wait_for
from logstream_contract.wire import live_window, topology
from logstream_contract.wire.pb.transport_pb2 import LiveBatches, LiveCount
from logstream_stream.arriving.stored import StoredBatch

from ..batches import live_batch, messages_of, name_of, raw_batch

READY_S = 30
DAY_NS = 86_400 * 10**9


class Writer:
    """Does after a commit what the writer does. Not thread-safe."""

    def __init__(self, rabbitmq_url: str, redis_url: str) -> None:
        self._connection = pika.BlockingConnection(pika.URLParameters(rabbitmq_url))
        self._channel = self._connection.channel()
        self._channel.exchange_declare(topology.LIVE_EXCHANGE, topology.LIVE_EXCHANGE_TYPE, durable=True)
        self._redis = redis.Redis.from_url(redis_url)
        self._append = self._redis.register_script(live_window.APPEND)
        self._missed = False
        self._count = LiveCount(writer=uuid.uuid4().bytes)
        self.number = 0
        self.window_records = 100_000

    def batch(self, records: int = 1, node: str = "orders", padding: int = 0) -> StoredBatch:
        """A committed batch; its messages are `<number>/<index>`."""
        self.number += 1
        now_ns = time.time_ns()
        messages = [f"{self.number}/{index}" + "." * padding for index in range(records)]
        raw = raw_batch(messages, node=node, time_ns=now_ns)
        return StoredBatch(
            number=self.number, name=name_of(self.number), received_ns=now_ns, floor_ns=now_ns - DAY_NS, data=raw
        )

    def register(self, batches: Sequence[StoredBatch]) -> tuple[str, list[int]]:
        """Appends to the window; answers epoch and positions."""
        arguments: list[str | int | bytes] = []
        for batch in batches:
            arguments += (batch.name, len(messages_of(batch)), live_batch(batch).SerializeToString())
        return self._run(arguments)

    def register_bytes(self, number: int, entry: bytes) -> None:
        """Appends an entry with these bytes."""
        self._run([name_of(number), 1, entry])

    def _run(self, batches: Sequence[str | int | bytes]) -> tuple[str, list[int]]:
        limits = (self.window_records, 64 * 1024 * 1024, live_window.REMEMBERED_NUMBERS)
        keys = (live_window.HEAD, live_window.WINDOW, live_window.SIZES, live_window.NUMBERS)
        epoch, *positions = self._append(keys, [uuid.uuid4().hex, int(self._missed), *limits, *batches])
        self._missed = False
        return epoch.decode(), positions

    def publish(self, epoch: str, positions: Sequence[int], batches: Sequence[StoredBatch], *, lost: bool = False) -> None:
        """lost: the message is counted and goes nowhere."""
        found = [live_batch(batch, position) for position, batch in zip(positions, batches, strict=True)]
        self._count.messages += 1
        self._count.unnumbered += not epoch
        if not lost:
            self._publish(LiveBatches(epoch=epoch, batches=found, count=self._count))

    def tell_count(self) -> None:
        """What a writer says when it had nothing to publish for a second."""
        self._publish(LiveBatches(count=self._count))

    def _publish(self, message: LiveBatches) -> None:
        self._channel.basic_publish(topology.LIVE_EXCHANGE, "", message.SerializeToString())

    def store(self, records: int = 1, *, published: bool = True, node: str = "orders", padding: int = 0) -> StoredBatch:
        """One batch all the way; published False: its fanout message is lost."""
        batch = self.batch(records, node, padding)
        epoch, positions = self.register([batch])
        self.publish(epoch, positions, [batch], lost=not published)
        return batch

    def store_unnumbered(self, records: int = 1, *, published: bool = True) -> StoredBatch:
        """One batch while the writer can't reach Redis."""
        batch = self.batch(records)
        self._missed = True
        self.publish("", [0], [batch], lost=not published)
        return batch

    def lose_memory(self) -> None:
        self._redis.flushdb()

    def close(self) -> None:
        self._connection.close()
        self._redis.close()


class Replica:
    """The service as a process, ready from construction to close()."""

    def __init__(self, rabbitmq_url: str, redis_url: str, **settings: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        environment = {
            "LOGSTREAM_RABBITMQ_URL": rabbitmq_url,
            "LOGSTREAM_REDIS_URL": redis_url,
            "LOGSTREAM_STREAM_LISTEN": f"127.0.0.1:{port}",
        }
        self.process = subprocess.Popen((sys.executable, "-m", "logstream_stream"), env=os.environ | environment | settings)
        try:
            self.wait("to be ready", lambda: self.get("/readyz").status_code == 200)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Replica":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url + path, timeout=10)

    def metric(self, name: str) -> float:
        """The sum of a metric's samples."""
        lines = self.get("/metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == name)

    def wait(self, what: str, probe: object) -> None:
        assert callable(probe)
        wait_for(f"the stream service {what}", probe, timeout_s=READY_S, tolerate=(OSError, requests.RequestException))

    def close(self) -> int:
        """Ends the process in order; its exit status."""
        self.process.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def messages(batch: StoredBatch, records: int) -> list[str]:
    return [f"{batch.number}/{index}" for index in range(records)]
