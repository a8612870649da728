"""Retention and compaction while flushes come in."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from logstream_writer.maintenance import dropping
from logstream_writer.maintenance.chunks import read_chunks
from logstream_writer.maintenance.compaction import Compaction
from logstream_writer.maintenance.retention import AgeRetention
from logstream_writer.store.errors import StoreUnavailable
from logstream_writer.store.store import Store

from .storage import (
    DAY_S,
    HOUR_S,
    MINUTE_S,
    assert_counts_agree,
    at_edges,
    batch,
    scalar,
    set_interval,
)


def test_an_old_chunk_that_appears_meanwhile_keeps_its_counts(
    store: Store, database: psycopg.Connection[Any], hour_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_interval(database, 60)
    store.flush(batch(at_edges(hour_s - 2 * DAY_S, 1)))
    late = [batch(at_edges(hour_s - 2 * DAY_S - hours * HOUR_S, 1)) for hours in (2, 1)]

    def flush_before(call: Callable[..., Any]) -> Callable[..., Any]:
        def flushing(connection: psycopg.Connection[Any]) -> Any:
            if late:
                store.flush(late.pop())
            return call(connection)

        return flushing

    # Once before the transaction knows the chunks, once after.
    for name in ("read_chunks", "read_bytes"):
        with monkeypatch.context() as patch:
            patch.setattr(dropping, name, flush_before(getattr(dropping, name)))
            chunks = read_chunks(database)
            dropping.drop(database, chunks[0].to_us, chunks[:1])
        assert len(read_chunks(database)) == 2
        assert_counts_agree(database)
    AgeRetention(1).run(database)
    assert scalar(database, "SELECT count(*) FROM logs") == 0
    assert_counts_agree(database)


def test_a_chunk_that_is_written_to_is_left_for_the_next_time(
    store: Store, database: psycopg.Connection[Any], database_url: str, hour_s: float
) -> None:
    set_interval(database, 60)
    old = datetime.fromtimestamp(hour_s - 2 * DAY_S, UTC)
    store.flush(batch(at_edges(hour_s - 2 * DAY_S, 1)))
    with psycopg.connect(database_url) as writing:
        writing.execute("INSERT INTO logs VALUES (%s, 1, 9, 'info', 'orders', 'm')", [old])
        with pytest.raises(psycopg.errors.LockNotAvailable):
            AgeRetention(1).run(database)
        assert_counts_agree(database)
    with psycopg.connect(database_url) as correcting:
        correcting.execute("DELETE FROM logs WHERE sequence = 1")
    assert AgeRetention(1).run(database).done["records"] == 24


def test_flushes_lose_nothing_to_retention_and_compaction(
    database: psycopg.Connection[Any], database_url: str, hour_s: float
) -> None:
    set_interval(database, 10)
    stopping = threading.Event()
    kept: list[float] = []
    old_s = hour_s - 2 * DAY_S

    def write(node: int) -> None:
        own = Store(database_url)
        number = 0
        while not stopping.wait(0.01):
            number += 1
            # A record to keep in each batch, and in some one beside it that retention is after.
            times = [hour_s - HOUR_S + number % 60 * MINUTE_S]
            if number % 5 == 0:
                times.append(old_s + number % 3 * HOUR_S + node)
            inbound = batch(times, f"node-{node}", received_s=hour_s)
            while True:
                try:
                    own.flush(inbound)
                    break
                except StoreUnavailable:
                    continue  # the flusher does so too
            kept.append(times[0])
        own.close()

    threads = [threading.Thread(target=write, args=(node,)) for node in range(3)]
    for thread in threads:
        thread.start()
    dropped = compacted = 0
    with psycopg.connect(database_url, autocommit=True) as maintaining:
        maintaining.execute("SET lock_timeout = '2s'")
        while dropped < 8 or compacted < 8:
            try:
                compacted += bool(Compaction(most_rows=7).run(maintaining).done["count_rows"])
                dropped += AgeRetention(1).run(maintaining).done["chunks"]
            except psycopg.errors.LockNotAvailable:
                continue
    stopping.set()
    for thread in threads:
        thread.join()
    assert_counts_agree(database)
    assert scalar(database, "SELECT count(*) FROM logs WHERE time > now() - interval '1 day'") == len(kept)
