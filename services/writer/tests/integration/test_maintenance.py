"""The tasks of maintenance on a real TimescaleDB: records and counts agree before and after, and nothing else is lost."""

import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from logstream_contract.counted_names import OTHER
from logstream_contract.wire.packing import Packer
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord
from logstream_writer.delivery import Delivery
from logstream_writer.inbound import Inbound, decode
from logstream_writer.maintenance import dropping
from logstream_writer.maintenance.chunks import first_cut, read_chunks
from logstream_writer.maintenance.compaction import Compaction
from logstream_writer.maintenance.inbox import InboxTask
from logstream_writer.maintenance.retention import AgeRetention, SizeRetention, total_bytes
from logstream_writer.maintenance.task import Report
from logstream_writer.store.errors import StoreUnavailable
from logstream_writer.store.store import Store

WIDTHS_S = (60, 600, 3600)
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
CENTURY_NANOS = 100 * 365 * DAY_S * 1_000_000_000
LEVELS = ("error", "warn", "info")


def batch(times_s: list[float], node: str = "orders", received_s: float | None = None) -> Inbound:
    """A batch with a record at each time, received when the last one was made."""
    records = [
        LogRecord(time_unix_nano=round(time_s * 1e6) * 1000, level=LEVELS[index % 3], message=f"{index}")
        for index, time_s in enumerate(times_s)
    ]
    raw = LogBatch(batch_id=uuid.uuid4().bytes, node=node, records=records).SerializeToString()
    received = round((received_s or max(times_s)) * 1e9)
    return decode(
        [
            Delivery(
                tag=1,
                channel_number=1,
                body=Packer(1).frame(raw),
                received_unix_nano=received,
                records=1,
                project="default",
                redelivered=False,
                unpacked_bytes=0,
            )
        ],
        CENTURY_NANOS,
    )


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store(database_url)
    yield opened
    opened.close()


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute("TRUNCATE logs, batches, dead_letters, log_counts, log_rollups, search_segments CASCADE")
        yield connection


@pytest.fixture
def hour_s(database: psycopg.Connection[Any]) -> float:
    """The beginning of this hour, by the database's clock."""
    return float(one(database, "SELECT extract(epoch FROM date_trunc('hour', now()))"))


def one(database: psycopg.Connection[Any], query: str, *parameters: object) -> Any:
    row = database.execute(query, parameters).fetchone()
    return row[0] if row else None


def set_interval(database: psycopg.Connection[Any], minutes: int) -> None:
    database.execute("SELECT set_chunk_time_interval('logs', make_interval(mins => %s))", [minutes])


def assert_counts_agree(database: psycopg.Connection[Any]) -> None:
    """Of each width alone, with what is not moved yet: the records of each bucket, node, level and severity."""
    for width_s in WIDTHS_S:
        differences = database.execute(
            """
            WITH counted AS (
                SELECT date_bin(%(width)s * interval '1 second', bucket, 'epoch') AS bucket, node, level, severity,
                       sum(count) AS count
                FROM (SELECT bucket, node, level, severity, count FROM log_counts UNION ALL
                      SELECT bucket, node, level, severity, count FROM log_rollups WHERE width_s = %(width)s) AS every
                GROUP BY 1, 2, 3, 4
            ), real AS (
                SELECT date_bin(%(width)s * interval '1 second', time, 'epoch') AS bucket, node, level, severity,
                       count(*) AS count
                FROM logs GROUP BY 1, 2, 3, 4
            )
            SELECT *, counted.count, real.count FROM counted FULL JOIN real USING (bucket, node, level, severity)
            WHERE counted.count IS DISTINCT FROM real.count
            """,
            {"width": width_s},
        ).fetchall()
        assert not differences, f"width {width_s} s"


def at_edges(start_s: float, hours: int) -> list[float]:
    """Times at, just before and within the ten minutes of some hours."""
    edges = [start_s + ten * 600 for ten in range(hours * 6)]
    return [edge + offset for edge in edges for offset in (0, 0.000001, 137.5, 599.999999)]


def nothing_done(report: Report) -> bool:
    return not report.changed


def test_counts_are_added_up_once(store: Store, database: psycopg.Connection[Any], hour_s: float) -> None:
    now_s = float(one(database, "SELECT extract(epoch FROM now())"))
    for node in ("orders", "payments"):
        store.flush(batch(at_edges(hour_s - 5 * HOUR_S, 3), node))
        store.flush(batch(at_edges(hour_s - 4 * HOUR_S, 1), node))
    store.flush(batch([now_s]))
    report = Compaction(most_rows=100).run(database)
    assert_counts_agree(database)
    assert one(database, "SELECT count(*) FROM log_counts") == 0
    assert report.done["count_rows"] > 100
    assert report.state["uncompacted_count_rows"] == 0
    sums = database.execute("SELECT width_s, sum(count) FROM log_rollups GROUP BY 1 ORDER BY 1").fetchall()
    assert sums == [(width_s, 2 * 4 * 24 + 1) for width_s in WIDTHS_S]
    assert nothing_done(Compaction().run(database))

    store.flush(batch(at_edges(hour_s - 5 * HOUR_S, 1)))
    store.flush(batch([now_s]))
    Compaction().run(database)
    assert_counts_agree(database)
    assert one(database, "SELECT count(*) FROM log_counts") == 0


def named(time_s: float, *batches: tuple[str, list[tuple[str, int]]]) -> Inbound:
    """For each node and its levels, a batch with so many records of each."""
    deliveries = []
    for node, levels in batches:
        records = [
            LogRecord(time_unix_nano=round(time_s * 1e6) * 1000, level=level, message="m")
            for level, count in levels
            for _ in range(count)
        ]
        raw = LogBatch(batch_id=uuid.uuid4().bytes, node=node, records=records).SerializeToString()
        deliveries.append(
            Delivery(
                tag=1,
                channel_number=1,
                body=Packer(1).frame(raw),
                received_unix_nano=round(time_s * 1e9),
                records=1,
                project="default",
                redelivered=False,
                unpacked_bytes=0,
            )
        )
    return decode(deliveries, CENTURY_NANOS)


def test_sums_have_a_bounded_number_of_names(store: Store, database: psycopg.Connection[Any], hour_s: float) -> None:
    """Many writers' flushes and many compactions of a minute, of ten minutes, of an hour."""
    compaction = Compaction(most_rows=50, most_names=20, most_of_node=5)
    start_s = hour_s - 2 * HOUR_S
    for minute in range(3):
        for flush in range(3):
            time_s = start_s + minute * MINUTE_S + flush
            one_of_each = [(f"level-{minute}-{flush}-{number}", 1) for number in range(40)]
            made_up = [(f"node-{minute}-{flush}-{number}", [("info", 1)]) for number in range(40)]
            store.flush(named(time_s, ("api", [("error", 1), ("odd", 2)]), ("evil", one_of_each), *made_up))
            compaction.run(database)
    records = one(database, "SELECT count(*) FROM logs")
    rows = database.execute("SELECT width_s, bucket, node, level, severity, count FROM log_rollups").fetchall()
    for width_s in WIDTHS_S:
        mine = [row for row in rows if row[0] == width_s]
        assert sum(row[-1] for row in mine) == records
        for bucket in {row[1] for row in mine}:
            names = [row[2:5] for row in mine if row[1] == bucket]
            assert sum(node != OTHER for node, _, _ in names) <= 20
            assert sum(node == "evil" for node, _, _ in names) <= 6
            assert ("api", "error", 17) in names
            assert ("api", "odd", 0) in names
        for level, severity, count in (("error", 17, 9), ("odd", 0, 18)):
            assert sum(row[-1] for row in mine if row[2:5] == ("api", level, severity)) == count
        assert sum(row[-1] for row in mine if row[4] == 17) == 9
        assert sum(row[-1] for row in mine if row[4] == 9) == sum(row[-1] for row in mine if row[3] == "info") == 360
    assert nothing_done(compaction.run(database))


def test_a_name_that_becomes_frequent_takes_the_place_of_another(
    store: Store, database: psycopg.Connection[Any], hour_s: float
) -> None:
    compaction = Compaction(most_names=5, most_of_node=3)
    store.flush(named(hour_s, *((f"early-{number}", [("info", 2)]) for number in range(20))))
    compaction.run(database)
    store.flush(named(hour_s, ("late", [("info", 10)])))
    report = compaction.run(database)
    kept = dict(database.execute("SELECT node, count FROM log_rollups WHERE width_s = 60").fetchall())
    assert kept == {"late": 10, OTHER: 32, **{f"early-{number}": 2 for number in (0, 1, 10, 11)}}
    assert report.done == {"count_rows": 1, "sums": 6, "folded_sums": 3}


@pytest.mark.parametrize("minutes", [10, 30, 60, 120, 1440])
def test_retention_deletes_whole_chunks_with_their_counts(
    store: Store, database: psycopg.Connection[Any], hour_s: float, minutes: int
) -> None:
    set_interval(database, minutes)
    store.flush(batch(at_edges(hour_s - 2 * DAY_S, 5)))
    store.flush(batch(at_edges(hour_s - DAY_S - 5 * HOUR_S, 8), "payments"))
    Compaction().run(database)
    store.flush(batch(at_edges(hour_s - DAY_S - 5 * HOUR_S, 8)))
    assert_counts_agree(database)
    before = one(database, "SELECT count(*) FROM logs")
    size = total_bytes(database)

    report = AgeRetention(1).run(database)

    assert_counts_agree(database)
    gone = before - one(database, "SELECT count(*) FROM logs")
    assert report.done["records"] == gone > 0
    assert report.freed_bytes > 0
    assert total_bytes(database) < size
    limit = one(database, "SELECT now() - interval '1 day'")
    oldest = one(database, "SELECT min(range_start) FROM timescaledb_information.chunks WHERE hypertable_name = 'logs'")
    assert str(report.facts["cutoff"]) <= limit.isoformat()
    assert (limit - oldest).total_seconds() <= (minutes + 1) * MINUTE_S
    young = [time_s for time_s in at_edges(hour_s - DAY_S, 3) if time_s >= limit.timestamp()]
    assert one(database, "SELECT count(*) FROM logs WHERE time >= %s", limit) == 2 * len(young)
    assert nothing_done(AgeRetention(1).run(database))


def test_cuts_stay_exact_after_the_chunk_interval_changed(
    store: Store, database: psycopg.Connection[Any], hour_s: float
) -> None:
    start_s = hour_s - 2 * DAY_S
    for part, minutes in enumerate((30, 10, 120, 60, 10, 180)):
        set_interval(database, minutes)
        # Not to the end of the hour: the next interval's chunk is cut where this one's chunks are.
        store.flush(batch(at_edges(start_s + part * 2 * HOUR_S + 1800, 1)))
    Compaction().run(database)
    cuts = 0
    while SizeRetention(1, most_cuts=1).run(database).changed:
        assert_counts_agree(database)
        cuts += 1
    assert cuts > 3
    chunks = read_chunks(database)
    assert first_cut(chunks)[1] == chunks


def test_retention_by_size_deletes_the_oldest_first_and_spares_the_newest(
    store: Store, database: psycopg.Connection[Any], hour_s: float
) -> None:
    set_interval(database, 60)
    for hours in range(6, -1, -1):
        store.flush(batch(at_edges(hour_s - hours * HOUR_S, 1)))
    Compaction().run(database)
    whole = total_bytes(database)
    assert nothing_done(SizeRetention(0).run(database))
    assert nothing_done(SizeRetention(whole).run(database))

    report = SizeRetention(whole - 1).run(database)
    assert report.done["chunks"] == 1
    assert one(database, "SELECT min(time) FROM logs") == datetime.fromtimestamp(hour_s - 5 * HOUR_S, UTC)
    assert_counts_agree(database)
    assert nothing_done(SizeRetention(whole - 1).run(database))

    SizeRetention(1).run(database)
    assert one(database, "SELECT count(*) FROM logs WHERE time < %s", datetime.fromtimestamp(hour_s, UTC)) == 0
    assert len(read_chunks(database)) == 1
    assert_counts_agree(database)
    assert nothing_done(SizeRetention(1).run(database))


def test_within_an_hour_records_go_by_the_minute_with_their_part_of_its_sums(
    store: Store, database: psycopg.Connection[Any], hour_s: float
) -> None:
    """As in a flood, which no disk holds an hour of. Old minutes of the present hour go, too, but not the newest chunk."""
    set_interval(database, 1)
    now_s = float(one(database, "SELECT extract(epoch FROM now())"))
    for node in ("orders", "payments"):
        store.flush(batch([now_s - 95 * MINUTE_S + 20.000001 * index for index in range(95 * 3)], node))
        Compaction().run(database)
    store.flush(batch([now_s - 15 * MINUTE_S + 30 * index for index in range(30)]))
    cuts = 0
    while SizeRetention(1, most_cuts=1).run(database).changed:
        cuts += 1
        if cuts % 9 == 0:
            assert_counts_agree(database)
        if cuts == 80:
            Compaction().run(database)
    assert cuts >= 94
    assert_counts_agree(database)
    assert len(read_chunks(database)) == 1
    assert one(database, "SELECT count(*) FROM logs") > 0


def test_dead_letters_keep_to_their_share(database: psycopg.Connection[Any]) -> None:
    database.execute("""
        INSERT INTO dead_letters (digest, project, reason, detail, body)
        SELECT int4send(number), 'default', 'spread', '', (SELECT string_agg(gen_random_uuid()::text::bytea, '')
            FROM generate_series(1, 600 + number % 2)) FROM generate_series(1, 500) AS number
    """)
    newest = one(database, "SELECT max(id) FROM dead_letters")
    whole = one(database, "SELECT sum(octet_length(body)) FROM dead_letters")
    assert SizeRetention(whole * 16).run(database).done["dead_letters"] == 0
    limit = whole // 2 * 8

    report = SizeRetention(limit).run(database)
    kept = one(database, "SELECT sum(octet_length(body) + 200) FROM dead_letters")
    assert limit // 8 * 0.95 < kept <= limit // 8
    assert report.done["dead_letters"] == 500 - one(database, "SELECT count(*) FROM dead_letters") > 200
    assert one(database, "SELECT max(id) - min(id) + 1 = count(*) FROM dead_letters")
    assert one(database, "SELECT max(id) FROM dead_letters") == newest
    assert nothing_done(SizeRetention(limit).run(database))


def test_a_large_inbox_forgets_batches_without_records(
    store: Store, database: psycopg.Connection[Any], hour_s: float
) -> None:
    set_interval(database, 60)
    gone, fresh, kept = batch(at_edges(hour_s - DAY_S, 1)), batch(at_edges(hour_s - DAY_S, 1)), batch([hour_s])
    for inbound in (gone, fresh, kept):
        store.flush(inbound)
    database.execute(
        "UPDATE batches SET received_at = now() - interval '59 minutes' WHERE batch_id = %s", [fresh.batches[0].batch_id]
    )
    database.execute("DELETE FROM logs WHERE time < %s", [datetime.fromtimestamp(hour_s, UTC)])
    AgeRetention(1).run(database)
    limit = total_bytes(database) + 1
    inbox = one(database, "SELECT pg_total_relation_size('batches')")
    assert limit > inbox * 4
    assert nothing_done(SizeRetention(limit).run(database))

    assert SizeRetention(inbox * 4 - 1).run(database).done["batches"] == 1
    assert store.flush(fresh).batches[0].known
    assert store.flush(kept).batches[0].known
    assert not store.flush(gone).batches[0].known


def test_a_full_disk_blames_no_record_and_can_be_emptied(
    store: Store, database: psycopg.Connection[Any], hour_s: float
) -> None:
    set_interval(database, 60)
    for hours in range(3, -1, -1):
        store.flush(batch(at_edges(hour_s - hours * HOUR_S, 1)))
    database.execute("""
        CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RAISE EXCEPTION 'could not extend file "base/1/1": No space left on device' USING ERRCODE = '53100'; END $$
    """)
    database.execute("CREATE TRIGGER full_disk BEFORE INSERT ON logs FOR EACH ROW EXECUTE FUNCTION full_disk()")
    waiting = batch([hour_s])
    try:
        with pytest.raises(StoreUnavailable) as refused:
            store.flush(waiting)
        assert refused.value.sqlstate_class == "53"
        assert one(database, "SELECT count(*) FROM dead_letters") == 0
        assert SizeRetention(1).run(database).done["chunks"] == 3
    finally:
        database.execute("DROP TRIGGER full_disk ON logs")
        database.execute("DROP FUNCTION full_disk")
    assert not store.flush(waiting).batches[0].known
    assert_counts_agree(database)


def test_a_batch_is_known_as_long_as_its_records_and_for_seven_days(
    store: Store, database: psycopg.Connection[Any], hour_s: float
) -> None:
    set_interval(database, 60)
    long_ago, week_ago = hour_s - 9 * DAY_S, hour_s - 6.9 * DAY_S
    gone, kept_for_its_age, kept_for_its_record = (
        batch(at_edges(long_ago, 1), received_s=long_ago),
        batch(at_edges(long_ago, 1), received_s=week_ago),
        batch([long_ago, hour_s - HOUR_S]),
    )
    for inbound in (gone, kept_for_its_age, kept_for_its_record):
        store.flush(inbound)
    old = datetime.fromtimestamp(long_ago, UTC)
    database.execute("UPDATE batches SET received_at = %s WHERE time_from < time_to - interval '1 day'", [old])
    report = AgeRetention(8).run(database)
    assert report.done["batches"] == 1
    assert store.flush(kept_for_its_age).batches[0].known
    assert store.flush(kept_for_its_record).batches[0].known
    assert nothing_done(InboxTask().run(database))

    database.execute("UPDATE batches SET received_at = received_at - interval '1 day'")
    assert InboxTask().run(database).done == {"batches": 1}
    assert nothing_done(InboxTask().run(database))
    assert not store.flush(gone).batches[0].known
    assert store.flush(kept_for_its_record).batches[0].known


def test_the_search_index_of_deleted_records_goes_too(
    store: Store, database: psycopg.Connection[Any], hour_s: float
) -> None:
    set_interval(database, 60)
    store.flush(batch(at_edges(hour_s - 2 * DAY_S, 1)))
    for number, age_s in enumerate((2 * DAY_S - 1800, 2 * DAY_S - HOUR_S)):
        database.execute(
            """
            INSERT INTO search_segments (from_number, to_number, rows, blocks, time_to, block_from, block_to)
            VALUES (%s, %s, 1, 1, %s, '{}', '{}')
            """,
            [number, number + 1, datetime.fromtimestamp(hour_s - age_s, UTC)],
        )
    AgeRetention(1).run(database)
    assert database.execute("SELECT from_number FROM search_segments").fetchall() == [(1,)]


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
    assert one(database, "SELECT count(*) FROM logs") == 0
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
    assert one(database, "SELECT count(*) FROM logs WHERE time > now() - interval '1 day'") == len(kept)
