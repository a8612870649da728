"""The order of a flush's steps when one of them fails, with a real database and Redis and the broker's side stood in for."""

import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import cast

import pytest
from logstream_contract.packing import Packer
from logstream_contract.pb.logs_pb2 import LogBatch, LogRecord
from logstream_contract.pb.transport_pb2 import LiveBatches
from logstream_writer.broker.announcer import Announcer
from logstream_writer.broker.consumer import Consumer
from logstream_writer.delivery import Delivery
from logstream_writer.flusher import Flusher
from logstream_writer.inbound import Inbound
from logstream_writer.live import LiveWindow
from logstream_writer.metrics import Metrics
from logstream_writer.store.errors import StoreUnavailable
from logstream_writer.store.store import Flushed, Store
from prometheus_client import CollectorRegistry

DAY = 86_400 * 1_000_000_000


class Broker:
    """Gives out deliveries and notes what happens, in order."""

    def __init__(self, *rounds: list[Delivery]) -> None:
        self._rounds = list(rounds)
        self.events: list[str] = []
        self.live: list[LiveBatches] = []

    def take(self, max_records: int, max_age_s: float) -> list[Delivery]:
        return self._rounds.pop(0) if self._rounds else []

    def ack(self, last: Delivery) -> None:
        self.events.append(f"ack {last.tag}")

    def announce(self, parts: Sequence[bytes], records: int, *, numbered: bool) -> None:
        live = LiveBatches.FromString(b"".join(parts))
        assert all(bool(batch.position) == numbered for batch in live.batches)
        self.live.append(live)
        self.events.append(f"announce {records}")


class Unanswering(Store):
    """A database whose first commit is done but not answered."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.tries = 0

    def flush(self, inbound: Inbound) -> Flushed:
        self.tries += 1
        flushed = super().flush(inbound)
        if self.tries == 1:
            raise StoreUnavailable("connection lost after COMMIT", None)
        return flushed


def delivery(tag: int, batch_id: uuid.UUID, *messages: str, before: int = 0) -> Delivery:
    records = [LogRecord(message=message) for message in messages]
    raw = LogBatch(batch_id=batch_id.bytes, node="orders", records=records).SerializeToString()
    return Delivery(tag, 1, Packer(1).frame(raw), time.time_ns(), len(records), "default", before > 0, before)


@pytest.fixture
def window(redis_url: str) -> Iterator[LiveWindow]:
    opened = LiveWindow(redis_url, 1000, 1_000_000, Metrics(CollectorRegistry()))
    yield opened
    opened.close()


def run(broker: Broker, store: Store, window: LiveWindow) -> Metrics:
    metrics = Metrics(CollectorRegistry())
    consumer, announcer = cast(Consumer, broker), cast(Announcer, broker)
    Flusher(consumer, store, window, announcer, DAY, 100, 0.01, threading.Event(), metrics).run()
    store.close()
    return metrics


def test_a_commit_without_an_answer_is_announced_and_acknowledged_once_known(database_url: str, window: LiveWindow) -> None:
    broker, store = Broker([delivery(1, uuid.uuid4(), "a", "b")]), Unanswering(database_url)
    run(broker, store, window)
    assert store.tries == 2
    assert broker.events == ["announce 2", "ack 1"]
    assert broker.live[0].batches[0].position > 0


def test_a_known_batch_is_announced_only_when_it_was_redelivered(database_url: str, window: LiveWindow) -> None:
    one = uuid.uuid4()
    broker = Broker([delivery(1, one, "a")], [delivery(2, one, "a")], [delivery(3, one, "a", before=1)])
    metrics = run(broker, Store(database_url), window)
    assert broker.events == ["announce 1", "ack 1", "ack 2", "announce 1", "ack 3"]
    assert broker.live[0].batches[0].position == broker.live[1].batches[0].position
    assert metrics.duplicate_batches._value.get() == 2


def test_a_suspected_message_is_flushed_alone(database_url: str, window: LiveWindow) -> None:
    deliveries = [delivery(1, uuid.uuid4(), "a"), delivery(2, uuid.uuid4(), "b", before=2), delivery(3, uuid.uuid4(), "c")]
    broker = Broker(deliveries)
    run(broker, Store(database_url), window)
    assert broker.events == ["announce 1", "ack 1", "announce 1", "ack 2", "announce 1", "ack 3"]
