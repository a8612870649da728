"""Retention by age and by size, and the limits of dead letters and inbox."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from logstream_writer.maintenance.chunks import first_cut, read_chunks
from logstream_writer.maintenance.compaction import Compaction
from logstream_writer.maintenance.inbox import InboxTask
from logstream_writer.maintenance.retention import AgeRetention, SizeRetention, total_bytes
from logstream_writer.store.errors import StoreUnavailable
from logstream_writer.store.store import Store

from .storage import DAY_S, HOUR_S, MINUTE_S, assert_counts_agree, at_edges, batch, nothing_done, scalar, set_interval


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
    before = scalar(database, "SELECT count(*) FROM logs")
    size = total_bytes(database)

    report = AgeRetention(1).run(database)

    assert_counts_agree(database)
    gone = before - scalar(database, "SELECT count(*) FROM logs")
    assert report.done["records"] == gone > 0
    assert report.freed_bytes > 0
    assert total_bytes(database) < size
    limit = scalar(database, "SELECT now() - interval '1 day'")
    oldest = scalar(database, "SELECT min(range_start) FROM timescaledb_information.chunks WHERE hypertable_name = 'logs'")
    assert str(report.facts["cutoff"]) <= limit.isoformat()
    assert (limit - oldest).total_seconds() <= (minutes + 1) * MINUTE_S
    young = [time_s for time_s in at_edges(hour_s - DAY_S, 3) if time_s >= limit.timestamp()]
    assert scalar(database, "SELECT count(*) FROM logs WHERE time >= %s", limit) == 2 * len(young)
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
    assert scalar(database, "SELECT min(time) FROM logs") == datetime.fromtimestamp(hour_s - 5 * HOUR_S, UTC)
    assert_counts_agree(database)
    assert nothing_done(SizeRetention(whole - 1).run(database))

    SizeRetention(1).run(database)
    assert scalar(database, "SELECT count(*) FROM logs WHERE time < %s", datetime.fromtimestamp(hour_s, UTC)) == 0
    assert len(read_chunks(database)) == 1
    assert_counts_agree(database)
    assert nothing_done(SizeRetention(1).run(database))


def test_within_an_hour_records_go_by_the_minute_with_their_part_of_its_sums(
    store: Store, database: psycopg.Connection[Any], hour_s: float
) -> None:
    """As in a flood, which no disk holds an hour of. Old minutes of the present hour go, too, but not the newest chunk."""
    set_interval(database, 1)
    now_s = float(scalar(database, "SELECT extract(epoch FROM now())"))
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
    assert scalar(database, "SELECT count(*) FROM logs") > 0


def test_dead_letters_keep_to_their_share(database: psycopg.Connection[Any]) -> None:
    database.execute("""
        INSERT INTO dead_letters (digest, project, reason, detail, body)
        SELECT int4send(number), 'default', 'spread', '', (SELECT string_agg(gen_random_uuid()::text::bytea, '')
            FROM generate_series(1, 600 + number % 2)) FROM generate_series(1, 500) AS number
    """)
    newest = scalar(database, "SELECT max(id) FROM dead_letters")
    whole = scalar(database, "SELECT sum(octet_length(body)) FROM dead_letters")
    assert SizeRetention(whole * 16).run(database).done["dead_letters"] == 0
    limit = whole // 2 * 8

    report = SizeRetention(limit).run(database)
    kept = scalar(database, "SELECT sum(octet_length(body) + 200) FROM dead_letters")
    assert limit // 8 * 0.95 < kept <= limit // 8
    assert report.done["dead_letters"] == 500 - scalar(database, "SELECT count(*) FROM dead_letters") > 200
    assert scalar(database, "SELECT max(id) - min(id) + 1 = count(*) FROM dead_letters")
    assert scalar(database, "SELECT max(id) FROM dead_letters") == newest
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
    inbox = scalar(database, "SELECT pg_total_relation_size('batches')")
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
        assert scalar(database, "SELECT count(*) FROM dead_letters") == 0
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
