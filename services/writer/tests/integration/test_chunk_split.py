"""Cutting the chunk in two that new records go into, on a real TimescaleDB: no record is lost or doubled by it."""

import threading
import uuid
from typing import Any

import psycopg
import pytest
from logstream_contract.wire.packing import Packer
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord
from logstream_writer.delivery import Delivery
from logstream_writer.inbound import Inbound, decode
from logstream_writer.maintenance import chunk_split
from logstream_writer.maintenance.chunk_interval import read_interval_s
from logstream_writer.maintenance.chunk_split import ChunkSplit, split
from logstream_writer.maintenance.chunks import SECOND_US, Chunk, read_bytes, read_chunks
from logstream_writer.maintenance.retention import SizeRetention
from logstream_writer.store.errors import StoreUnavailable
from logstream_writer.store.store import Store

DAY_S = 86_400
CENTURY_NANOS = 100 * 365 * DAY_S * 1_000_000_000
WAIT_S = 60


def batch(time_s: float, records: int = 1) -> Inbound:
    made = [
        LogRecord(time_unix_nano=round(time_s * 1e6) * 1000 + index * 1000, level="info", message=str(index) * 50)
        for index in range(records)
    ]
    raw = LogBatch(batch_id=uuid.uuid4().bytes, node="orders", records=made).SerializeToString()
    delivery = Delivery(
        tag=1,
        channel_number=1,
        body=Packer(1).frame(raw),
        received_unix_nano=round(time_s * 1e9),
        records=records,
        project="default",
        redelivered=False,
        unpacked_bytes=0,
    )
    return decode([delivery], CENTURY_NANOS)


@pytest.fixture
def database(database: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    database.execute("SELECT set_chunk_time_interval('logs', interval '1 day')")
    return database


@pytest.fixture
def now_s(database: psycopg.Connection[Any]) -> float:
    """The beginning of a minute that is not the day's first one, by the database's clock or a little later than that."""
    row = database.execute(
        "SELECT extract(epoch FROM date_trunc('minute', now())), extract(epoch FROM now())::bigint % 86400"
    )
    minute_s, of_day_s = row.fetchone() or (0, 0)
    if of_day_s < 120 or of_day_s > DAY_S - 120:
        pytest.skip("the chunk of a day that begins or ends now can't be cut")
    return float(minute_s)


def rows(database: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return database.execute("SELECT time, sequence, severity, level, node, message FROM logs ORDER BY 1, 2").fetchall()


def chunk_of(database: psycopg.Connection[Any], time_s: float) -> Chunk:
    (chunk,) = [chunk for chunk in read_chunks(database) if chunk.from_us <= time_s * SECOND_US < chunk.to_us]
    return chunk


def test_the_chunk_ends_at_the_moment_and_keeps_its_records(
    store: Store, database: psycopg.Connection[Any], now_s: float
) -> None:
    for ago_s in (100_000, 90, 61, 60.000001, 60, 59, 1, 0):
        store.flush(batch(now_s - ago_s, 3))
    before = rows(database)
    day = chunk_of(database, now_s)
    moment_us = round(now_s - 60) * SECOND_US
    assert split(database, day, moment_us, 60)
    assert rows(database) == before
    earlier = chunk_of(database, now_s - 61)
    assert (earlier.from_us, earlier.to_us) == (day.from_us, moment_us)
    assert chunk_of(database, now_s - 60).to_us == round(now_s) * SECOND_US
    assert read_interval_s(database) == 60

    store.flush(batch(now_s + 60))
    assert chunk_of(database, now_s + 60).from_us == round(now_s + 60) * SECOND_US
    # What is late goes where it belongs.
    store.flush(batch(now_s - 90))
    assert chunk_of(database, now_s - 90) == earlier
    # Now it can be deleted.
    assert SizeRetention(1).run(database).done["chunks"] >= 2
    assert min(one[0].timestamp() for one in rows(database)) >= now_s - 60


def test_without_records_after_the_moment_nothing_changes(
    store: Store, database: psycopg.Connection[Any], now_s: float
) -> None:
    store.flush(batch(now_s - 61, 3))
    before, chunks = rows(database), read_chunks(database)
    assert not split(database, chunk_of(database, now_s - 61), round(now_s - 60) * SECOND_US, 60)
    assert (rows(database), read_chunks(database), read_interval_s(database)) == (before, chunks, DAY_S)


def test_flushes_under_way_are_stored_once(database: psycopg.Connection[Any], database_url: str, now_s: float) -> None:
    stopping, stored = threading.Event(), [0, 0]

    def write(thread: int) -> None:
        own = Store(database_url)
        while not stopping.is_set():
            inbound = batch(now_s - stored[thread] % 3, 200)
            while True:
                try:
                    own.flush(inbound)
                    break
                except StoreUnavailable:
                    continue  # the flusher does so too
            stored[thread] += 1
        own.close()

    threads = [threading.Thread(target=write, args=(thread,), daemon=True) for thread in range(2)]
    for thread in threads:
        thread.start()
    while min(stored) < 5 and all(thread.is_alive() for thread in threads):
        stopping.wait(0.01)
    done = 0
    with psycopg.connect(database_url, autocommit=True) as maintaining:
        maintaining.execute("SET lock_timeout = '2s'")
        while not done:
            try:
                done = split(maintaining, chunk_of(maintaining, now_s), round(now_s) * SECOND_US, 60)
            except psycopg.errors.LockNotAvailable:
                continue
    enough = [one + 5 for one in stored]
    while any(one < least and thread.is_alive() for one, least, thread in zip(stored, enough, threads, strict=True)):
        stopping.wait(0.01)
    stopping.set()
    for thread in threads:
        thread.join(WAIT_S)
    kept = rows(database)
    assert len(kept) == len({one[:2] for one in kept}) == sum(stored) * 200


def test_a_chunk_that_grows_too_fast_is_cut_while_it_is_small(
    store: Store, database: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch, now_s: float
) -> None:
    monkeypatch.setattr(chunk_split, "_LEAST_S", 0.0)
    store.flush(batch(now_s - 60, 10))
    clock_us = round(now_s * SECOND_US)

    def look(task: ChunkSplit) -> bool:
        nonlocal clock_us
        clock_us += 10 * SECOND_US
        monkeypatch.setattr(chunk_split, "read_now_us", lambda connection: clock_us)
        return task.run(database).changed

    target = 2**20
    unlimited, limited = ChunkSplit(target, 0), ChunkSplit(target, target * 16)
    assert not look(limited)
    assert not look(limited)
    for _ in range(3):
        store.flush(batch(now_s + 10, 2_000))
    assert target < read_bytes(database)[chunk_of(database, now_s).name] < 3 * target
    assert not look(unlimited)
    assert look(limited)
    assert chunk_of(database, now_s - 60).to_us == round(now_s) * SECOND_US
    assert len(rows(database)) == 6_010
    assert not look(limited)
