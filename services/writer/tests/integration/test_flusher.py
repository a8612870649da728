"""The order of a flush's steps when one of them fails, with a real database and Redis and the broker's side stood in for."""

import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, cast

import psycopg
import pytest
from logstream_contract.wire.packing import Packer
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord
from logstream_contract.wire.pb.transport_pb2 import LiveBatches
from logstream_writer import flusher
from logstream_writer.broker.announcer import Announcer
from logstream_writer.broker.consumer import Consumer
from logstream_writer.delivery import Delivery
from logstream_writer.flusher import Flusher
from logstream_writer.inbound import Inbound
from logstream_writer.live import LiveEntry, LiveWindow
from logstream_writer.metrics import Metrics
from logstream_writer.store.errors import StoreUnavailable
from logstream_writer.store.store import Flushed, Store, StoredBatch
from prometheus_client import CollectorRegistry

DAY = 86_400 * 1_000_000_000


class Broker:
    """Gives out deliveries and notes what happens, in order."""

    def __init__(self, *rounds: list[Delivery]) -> None:
        self._rounds = list(rounds)
        self.events: list[str] = []
        self.live: list[LiveBatches] = []

    def take(self, max_records: int, max_bytes: int, max_age_s: float) -> list[Delivery]:
        return self._rounds.pop(0) if self._rounds else []

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        self.events.append(f"ack {' '.join(str(delivery.tag) for delivery in deliveries)}")

    def announce(self, parts: Sequence[bytes], records: int, *, numbered: bool) -> None:
        live = LiveBatches.FromString(b"".join(parts))
        assert all(bool(batch.position) == numbered for batch in live.batches)
        self.live.append(live)
        self.events.append(f"announce {records}")

    def lose(self, records: int) -> None:
        self.events.append(f"lose {records}")


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


def delivery(tag: int, batch_id: uuid.UUID, *messages: str, again: bool = False) -> Delivery:
    records = [LogRecord(message=message) for message in messages]
    raw = LogBatch(batch_id=batch_id.bytes, node="orders", records=records).SerializeToString()
    return Delivery(
        tag=tag,
        channel_number=1,
        body=Packer(1).frame(raw),
        received_unix_nano=time.time_ns(),
        records=len(records),
        project="default",
        redelivered=again,
    )


def under_way(database: psycopg.Connection[Any]) -> int:
    row = database.execute("SELECT count(*) FROM flushes_under_way").fetchone()
    assert row
    return int(row[0])


@pytest.fixture
def window(redis_url: str) -> Iterator[LiveWindow]:
    opened = LiveWindow(url=redis_url, window_records=1000, window_bytes=1_000_000, metrics=Metrics(CollectorRegistry()))
    yield opened
    opened.close()


def run(broker: Broker, store: Store, window: LiveWindow) -> Metrics:
    metrics = Metrics(CollectorRegistry())
    consumer, announcer = cast(Consumer, broker), cast(Announcer, broker)
    Flusher(
        consumer=consumer,
        store=store,
        window=window,
        announcer=announcer,
        retention_nanos=DAY,
        flush_records=100,
        flush_bytes=1_000_000,
        flush_age_s=0.01,
        abandon=threading.Event(),
        metrics=metrics,
    ).run()
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
    broker = Broker([delivery(1, one, "a")], [delivery(2, one, "a")], [delivery(3, one, "a", again=True)])
    metrics = run(broker, Store(database_url), window)
    assert broker.events == ["announce 1", "ack 1", "ack 2", "announce 1", "ack 3"]
    assert broker.live[0].batches[0].position == broker.live[1].batches[0].position
    assert metrics.duplicate_batches._value.get() == 2


def test_what_a_dead_writer_was_flushing_is_flushed_alone_and_last(database_url: str, window: LiveWindow) -> None:
    deliveries = [delivery(tag, uuid.uuid4(), "a", again=True) for tag in (1, 2, 3, 4)]
    dead = Store(database_url)
    dead.begin([deliveries[0].name, deliveries[1].name])
    dead.close()
    broker = Broker(deliveries)
    run(broker, Store(database_url), window)
    assert broker.events == ["announce 2", "ack 3 4", "announce 1", "ack 1", "announce 1", "ack 2"]


def test_a_message_is_parked_after_three_writers_died_of_it_alone(
    database_url: str, database: psycopg.Connection[Any], window: LiveWindow
) -> None:
    one, other = delivery(1, uuid.uuid4(), "a", again=True), delivery(2, uuid.uuid4(), "b", again=True)
    for names in ([one.name, other.name], [one.name], [one.name], [other.name], [other.name], [one.name]):
        dead = Store(database_url)
        dead.begin(names)
        dead.close()
    broker = Broker([one, other])
    metrics = run(broker, Store(database_url), window)
    assert broker.events == ["ack 1", "announce 1", "ack 2"]
    assert database.execute("SELECT reason, body FROM dead_letters").fetchall() == [("parked", one.body)]
    assert metrics.dead_letters.labels("parked")._value.get() == 1


def test_a_writer_that_ends_in_order_or_waits_for_the_database_suspects_nothing(
    database_url: str, database: psycopg.Connection[Any], window: LiveWindow
) -> None:
    store = Unanswering(database_url)
    run(Broker([delivery(1, uuid.uuid4(), "a")]), store, window)
    assert under_way(database) == 0

    class Ended(Exception):
        pass

    def end_it(*_: object) -> None:
        raise Ended

    database.execute("ALTER TABLE logs RENAME TO logs_away")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("logstream_runtime.retry.backoff_s", end_it)
            with pytest.raises(Ended):
                run(Broker([delivery(1, uuid.uuid4(), "a")]), Store(database_url), window)
    finally:
        database.execute("ALTER TABLE logs_away RENAME TO logs")
    assert under_way(database) == 0, "it failed because of the database"


def test_a_database_that_is_away_is_asked_once_a_try(
    database_url: str, database: psycopg.Connection[Any], window: LiveWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its host may answer nothing at all: then each question takes the whole time-out of a connection."""
    connected, asked, tries = psycopg.connect, 0, 3

    class Leaves(Store):
        def begin(self, messages: Sequence[bytes]) -> None:
            super().begin(messages)
            self.close()
            monkeypatch.setattr(psycopg, "connect", connect)

    def connect(*arguments: Any, **options: Any) -> psycopg.Connection[Any]:
        nonlocal asked
        asked += 1
        if asked <= tries:
            raise psycopg.OperationalError("connection timeout expired")
        return connected(*arguments, **options)

    broker = Broker([delivery(1, uuid.uuid4(), "a")])
    metrics = run(broker, Leaves(database_url), window)
    assert broker.events == ["announce 1", "ack 1"]
    assert metrics.database_failures.labels("none")._value.get() == tries
    assert under_way(database) == 0


class Broken:
    """Fails at what comes after the commit."""

    def __init__(self, window: LiveWindow) -> None:
        self.missed = 0
        self._window = window

    def append(self, batches: Sequence[LiveEntry]) -> None:
        raise ZeroDivisionError

    def miss(self) -> None:
        self.missed += 1


def test_an_error_after_the_commit_costs_the_announcement_and_not_the_ack(database_url: str, window: LiveWindow) -> None:
    broker, broken = Broker([delivery(1, uuid.uuid4(), "a", "b")], [delivery(2, uuid.uuid4(), "c")]), Broken(window)
    metrics = run(broker, Store(database_url), cast(LiveWindow, broken))
    assert broker.events == ["lose 2", "ack 1", "lose 1", "ack 2"]
    assert broken.missed == 2
    assert metrics.unnumbered_batches._value.get() == 2


def test_a_batch_that_can_not_be_announced_takes_no_other_along(
    database_url: str, window: LiveWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = uuid.uuid4()

    def picky(stored: StoredBatch) -> LiveEntry:
        if stored.batch.batch_id == poison:
            raise ValueError("\0 of \ud800")
        return entry_of(stored)

    entry_of = flusher._live_entry
    monkeypatch.setattr(flusher, "_live_entry", picky)
    broker = Broker([delivery(1, uuid.uuid4(), "a"), delivery(2, poison, "b"), delivery(3, uuid.uuid4(), "c")])
    run(broker, Store(database_url), window)
    assert broker.events == ["lose 1", "announce 2", "ack 1 2 3"]
