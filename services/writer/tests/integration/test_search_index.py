"""The search index against a real TimescaleDB: what the query service makes of it never leaves a matching record out,
whatever was indexed, merged, late or not indexed yet."""

import random
import threading
import uuid
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
from harness.waiting import wait_for
from logstream_contract.filters.filters import Filter, read_terms
from logstream_contract.wire.packing import Packer
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord
from logstream_query.questions.ranges import Range
from logstream_query.store import sketches
from logstream_query.store.connections import adapt
from logstream_query.store.sketches import candidates
from logstream_writer.delivery import Delivery
from logstream_writer.inbound import decode
from logstream_writer.store import locks, search_index, search_statements
from logstream_writer.store.search_index import SearchIndexer
from logstream_writer.store.store import Store

RECEIVED_US = 1_700_000_000_000_000
DAY_NANOS = 86_400 * 1_000_000_000
MINUTE_US = 60_000_000
ALWAYS = (0, 4 * 10**15)


@pytest.fixture
def database(database: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """With times as query reads them: microseconds since the Unix epoch."""
    adapt(database)
    return database


def keep(store: Store, records: Sequence[tuple[int, str, dict[str, str]]]) -> int:
    """Stores (time in µs, message, attributes) as one batch; its number."""
    batch = LogBatch(
        batch_id=uuid.uuid4().bytes,
        node="orders",
        records=[
            LogRecord(time_unix_nano=time_us * 1_000, level="info", message=message, attributes=attributes)
            for time_us, message, attributes in records
        ],
    )
    frame = Packer(1).frame(batch.SerializeToString())
    flushed = store.flush(
        decode(
            [
                Delivery(
                    tag=1,
                    channel_number=1,
                    body=frame,
                    received_unix_nano=RECEIVED_US * 1_000,
                    records=1,
                    project="default",
                    redelivered=False,
                    unpacked_bytes=0,
                )
            ],
            DAY_NANOS,
        )
    )
    return flushed.batches[0].number


def fillers(count: int, begin_us: int = RECEIVED_US) -> list[tuple[int, str, dict[str, str]]]:
    return [(begin_us + index * 1_000, f"GET /api/orders/{index} took {index % 997} ms", {}) for index in range(count)]


def index(database: psycopg.Connection[Any], *, everything: bool = True) -> search_index.Indexed:
    return SearchIndexer(database, lambda _: None).run(everything=everything)


def holds(ranges: list[Range] | None, time_us: int) -> bool:
    return ranges is None or any(begin <= time_us <= end for begin, end in ranges)


def waiting_for_a_lock(database: psycopg.Connection[Any]) -> bool:
    row = database.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ).fetchone()
    return row is not None and row[0] > 0


def looked_at(ranges: list[Range] | None, database: psycopg.Connection[Any]) -> int:
    """How many rows lie in the ranges."""
    assert ranges is not None
    return sum(1 for (time_us,) in database.execute("SELECT time FROM logs", binary=True) if holds(ranges, time_us))


def test_a_rare_word_is_looked_for_in_few_rows(store: Store, database: psycopg.Connection[Any]) -> None:
    records = fillers(4_000)
    records[1_234] = (records[1_234][0], "the Quetzalcoatl has landed", {})
    keep(store, records)
    assert index(database).rows == 4_000
    ranges = candidates(database, Filter(text=read_terms("quetzalcoatl")), *ALWAYS)
    assert holds(ranges, records[1_234][0])
    assert 0 < looked_at(ranges, database) <= 2_100
    assert candidates(database, Filter(text=read_terms("never-written")), *ALWAYS) == []


def test_an_attribute_is_looked_for_in_few_rows(store: Store, database: psycopg.Connection[Any]) -> None:
    records = fillers(4_000)
    records[50] = (records[50][0], "x", {"trace_id": "한글-7", "other": "1"})
    keep(store, records)
    index(database)
    ranges = candidates(database, Filter(attributes=(("trace_id", "한글-7"),)), *ALWAYS)
    assert holds(ranges, records[50][0])
    assert 0 < looked_at(ranges, database) <= 2_100
    assert candidates(database, Filter(attributes=(("trace_id", "한글-8"),)), *ALWAYS) == []


def test_what_is_not_indexed_is_looked_at(store: Store, database: psycopg.Connection[Any]) -> None:
    assert candidates(database, Filter(text=read_terms("needle")), *ALWAYS) is None
    keep(store, fillers(10))
    index(database)
    late_us = RECEIVED_US - 600 * MINUTE_US
    keep(store, [(late_us, "a needle", {})])
    assert candidates(database, Filter(text=read_terms("needle")), *ALWAYS) == [(late_us, late_us)]
    index(database)
    assert candidates(database, Filter(text=read_terms("needle")), *ALWAYS) == [(late_us, late_us)]
    assert candidates(database, Filter(text=read_terms("noodle")), *ALWAYS) == []


def test_an_index_that_is_far_behind_is_no_help(
    store: Store, database: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(store, fillers(10))
    index(database)
    wanted = Filter(text=read_terms("needle"))
    monkeypatch.setattr(sketches, "_MOST_WAITING", 3)
    for number in range(3):
        keep(store, [(RECEIVED_US - number * MINUTE_US, "hay", {})])
        assert (candidates(database, wanted, *ALWAYS) is None) == (number == 2)


def test_a_filter_without_a_text_of_four_bytes_is_not_helped(store: Store, database: psycopg.Connection[Any]) -> None:
    keep(store, fillers(10))
    index(database)
    assert candidates(database, Filter(text=read_terms("ms -orders")), *ALWAYS) is None
    assert candidates(database, Filter(nodes=("orders",)), *ALWAYS) is None


def test_ranges_stay_within_what_was_asked_for(store: Store, database: psycopg.Connection[Any]) -> None:
    keep(store, fillers(100))
    index(database)
    wanted = Filter(text=read_terms("orders"))
    begin, end = RECEIVED_US + 5_000, RECEIVED_US + 7_000
    assert candidates(database, wanted, begin, end) == [(begin, end)]
    assert candidates(database, wanted, 0, RECEIVED_US - 1) == []


def test_too_little_waits_for_more(store: Store, database: psycopg.Connection[Any]) -> None:
    keep(store, fillers(100))
    # Received in 2023, so it has waited for long enough.
    assert index(database, everything=False).segments == 1
    keep(store, fillers(100))
    database.execute("UPDATE batches SET received_at = now()")
    assert index(database, everything=False).segments == 0
    assert index(database).segments == 1
    assert index(database).segments == 0


@pytest.mark.parametrize("seed", range(3))
def test_no_matching_record_is_ever_left_out(
    seed: int, store: Store, database: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random batches, some late, indexed in segments and pieces of all sizes, merged, some not indexed."""
    monkeypatch.setattr(search_index, "_MOST_RECORDS", 600)
    monkeypatch.setattr(search_index, "_PIECE_RECORDS", 150)
    choose = random.Random(seed)
    words = ["Straße", "ΣΊΓΜΑ", "İstanbul", "100%", "timeout", "deadbeef", "한국어 로그", "e\u0301t\u00e9", "a_b\\c"]
    stored: list[tuple[int, str, dict[str, str]]] = []
    for _ in range(40):
        begin_us = RECEIVED_US - choose.choice([0, 0, 0, MINUTE_US, 500 * MINUTE_US]) - choose.randrange(MINUTE_US)
        batch = [
            (
                begin_us + choose.randrange(5_000_000),
                " ".join(choose.choices(words, k=2)) + "x" * choose.choice([0, 0, 20, 3_000]),
                {"k": choose.choice(words)} if choose.random() < 0.3 else {},
            )
            for _ in range(choose.randrange(1, 120))
        ]
        keep(store, batch)
        stored += batch
        if choose.random() < 0.7:
            index(database)
    row = database.execute("SELECT count(*), count(*) FILTER (WHERE blocks >= 8) FROM search_segments").fetchone()
    assert row is not None
    assert 0 < row[0] < 20
    for text in ["straße", "σίγμα", "istanbul", "100%", "deadbeef ", "한국어", "e\u0301t", "b\\\\c", "timeout xxx", "xxxx"]:
        wanted = Filter(text=read_terms(f'"{text}"'))
        ranges = candidates(database, wanted, *ALWAYS)
        matching = database.execute(
            'SELECT time FROM logs WHERE strpos(lower(message COLLATE "pg_c_utf8"), %s) > 0',
            (wanted.text.included[0],),
            binary=True,
        ).fetchall()
        assert all(holds(ranges, time_us) for (time_us,) in matching), text
    for word in words:
        ranges = candidates(database, Filter(attributes=(("k", word),)), *ALWAYS)
        assert all(holds(ranges, time_us) for time_us, _, attributes in stored if attributes.get("k") == word), word


def test_small_segments_become_one(store: Store, database: psycopg.Connection[Any]) -> None:
    times = []
    for number in range(8):
        begin_us = RECEIVED_US - number * MINUTE_US
        keep(store, [*fillers(20, begin_us), (begin_us, f"needle{number}", {"n": str(number)})])
        times.append(begin_us)
        done = index(database)
    assert done.merged == 8
    assert database.execute("SELECT count(*), sum(rows), min(from_number) FROM search_segments").fetchall() == [(1, 168, 0)]
    bounds = database.execute("SELECT time_from, time_to FROM search_segments", binary=True).fetchone()
    assert bounds == (min(times), max(times) + 19_000)
    for number, time_us in enumerate(times):
        for wanted in (Filter(text=read_terms(f"needle{number}")), Filter(attributes=(("n", str(number)),))):
            ranges = candidates(database, wanted, *ALWAYS)
            assert holds(ranges, time_us)
            assert looked_at(ranges, database) == 21


def test_batches_of_flushes_under_way_are_not_passed_over(
    store: Store, database: psycopg.Connection[Any], database_url: str
) -> None:
    with psycopg.connect(database_url) as slow:
        slow.execute(locks.SHARE_FLUSHING)
        slow.execute(
            "INSERT INTO batches (project, batch_id, digest, records, time_from, time_to, received_at)"
            " VALUES ('default', gen_random_uuid(), '', 1, now(), now(), now())"
        )
        keep(store, fillers(3))
        # The number of the slow flush is lower, and its row may yet come.
        with pytest.raises(psycopg.errors.LockNotAvailable):
            index(database)
        assert database.execute("SELECT count(*) FROM search_segments").fetchone() == (0,)
    assert index(database).rows == 3


def test_a_flush_is_waited_for_from_before_its_numbers_to_its_commit(
    store: Store, database: psycopg.Connection[Any], database_url: str
) -> None:
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE log_counts")
        flushing = threading.Thread(target=keep, args=(store, fillers(3)))
        flushing.start()
        wait_for("the flush to wait for a lock", lambda: waiting_for_a_lock(database))
        with pytest.raises(psycopg.errors.LockNotAvailable):
            index(database)
    flushing.join()
    assert index(database).rows == 3


def test_batches_that_lie_within_each_others_times_are_read_whole(store: Store, database: psycopg.Connection[Any]) -> None:
    keep(store, [(RECEIVED_US - MINUTE_US, "first", {}), (RECEIVED_US, "last", {})])
    keep(store, [(RECEIVED_US - MINUTE_US // 2, "between", {})])
    keep(store, [(RECEIVED_US - 90 * MINUTE_US, "long ago", {})])
    assert index(database).rows == 4
    assert holds(candidates(database, Filter(text=read_terms("last")), *ALWAYS), RECEIVED_US)


def test_every_record_is_indexed_once_while_flushes_come_in(
    store: Store, database: psycopg.Connection[Any], database_url: str
) -> None:
    ended = threading.Event()

    def flush() -> None:
        own = Store(database_url)
        for _ in range(30):
            keep(own, fillers(20))
        own.close()

    flushing = [threading.Thread(target=flush) for _ in range(3)]
    for thread in flushing:
        thread.start()
    while not ended.is_set():
        if not any(thread.is_alive() for thread in flushing):
            ended.set()
        try:
            index(database)
        except psycopg.errors.LockNotAvailable:
            continue
    for thread in flushing:
        thread.join()
    assert database.execute("SELECT sum(rows) FROM search_segments").fetchone() == (1_800,)


def test_segments_whose_rows_are_gone_say_only_how_far_it_is_indexed(
    store: Store, database: psycopg.Connection[Any]
) -> None:
    keep(store, fillers(3))
    database.execute("DELETE FROM logs")
    assert index(database) == search_index.Indexed(segments=1, rows=0)
    assert candidates(database, Filter(text=read_terms("orders")), *ALWAYS) == []
    assert index(database).segments == 0


def test_a_page_that_is_broken_off_leaves_nothing(
    store: Store, database: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(store, fillers(3))
    monkeypatch.setattr(search_statements, "INSERT_PAGES", "SELECT 1 / 0, %s, %s, %s")
    with pytest.raises(psycopg.Error):
        index(database)
    assert database.execute("SELECT count(*) FROM search_segments").fetchone() == (0,)
    monkeypatch.undo()
    assert index(database).rows == 3
