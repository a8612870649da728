"""What a replay stores, by the reason of the dead letter."""

import uuid
from typing import Any, get_args

import psycopg
import pytest
from logstream_contract.wire.packing import Packer
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord, Severity
from logstream_writer.dead_letters.plan import Choices, NotReplayable, Times, UnknownDeadLetter, derived_id
from logstream_writer.delivery import Delivery
from logstream_writer.inbound import MAX_CHUNKS, Inbound, decode, park
from logstream_writer.store.dead_letters import DeadLetters
from logstream_writer.store.store import Store

from .storage import (
    DAY,
    PLAIN,
    RECEIVED,
    RECEIVED_US,
    RETENTION,
    agree,
    compact,
    delivery,
    ids,
    inbound,
    raw,
    refuse,
    refusing,
    scalar,
    stored,
)

ZSTANDARD = b"\x28\xb5\x2f\xfd"


def test_a_refused_record_gets_its_own_sequence(
    store: Store, dead_letters: DeadLetters, database: psycopg.Connection[Any]
) -> None:
    messages = ["a", "poison 1", "c", "poison 3"]
    whole, number = refuse(store, database, *messages)
    compact(database)
    first, second = ids(dead_letters)
    done = dead_letters.replay(first, PLAIN, dry_run=False)
    assert (done.letter.reason, done.records, done.known, done.letters) == ("refused", 1, 0, ())
    assert scalar(database, f"SELECT refused FROM batches WHERE number = {number}") == [3]
    dead_letters.replay(second, PLAIN, dry_run=False)
    assert stored(database) == [(message, number << 16 | index) for index, message in enumerate(messages)]
    assert scalar(database, f"SELECT refused FROM batches WHERE number = {number}") is None
    assert ids(dead_letters) == []
    # In a minute that was added up before as in any other.
    assert agree(database)
    compact(database)
    assert agree(database)
    # Delivered or sent again, the batch is known and whole.
    (again,) = store.flush(inbound(whole)).batches
    assert (again.known, list(again.refused)) == (True, [])
    assert len(stored(database)) == 4
    with pytest.raises(UnknownDeadLetter):
        dead_letters.replay(first, PLAIN, dry_run=False)


def test_a_record_is_stored_as_the_flush_would_have_stored_it(
    store: Store, dead_letters: DeadLetters, database: psycopg.Connection[Any]
) -> None:
    records = [
        LogRecord(message="poison \0 nul", level="warn", attributes={"a": "1"}, time_unix_nano=RECEIVED + 3600 * 10**9),
        LogRecord(message="poison 한글", severity=Severity.SEVERITY_FATAL, time_unix_nano=RECEIVED - 3600 * 10**9),
        LogRecord(message="poison without a time"),
    ]
    columns = "SELECT time, severity, level, node, message, attributes, sequence & 65535 FROM logs ORDER BY 7"
    for refused in (False, True):
        batch = LogBatch(batch_id=uuid.uuid4().bytes, node="orders", records=records).SerializeToString()
        if not refused:
            store.flush(inbound(batch))
            expected = database.execute(columns).fetchall()
            database.execute("DELETE FROM logs")
            continue
        with refusing(database):
            store.flush(inbound(batch))
        for letter_id in ids(dead_letters):
            dead_letters.replay(letter_id, PLAIN, dry_run=False)
    assert database.execute(columns).fetchall() == expected
    assert len(expected) == 3


def test_a_record_is_within_its_batchs_times_whatever_retention_it_is_replayed_with(
    store: Store, dead_letters: DeadLetters, database: psycopg.Connection[Any]
) -> None:
    """They are where a record is looked for by its sequence."""
    three_days_ago = RECEIVED_US - 3 * DAY // 1_000
    with refusing(database):
        message = delivery(raw(uuid.uuid4(), "a", "poison", times_us=[RECEIVED_US, three_days_ago]))
        store.flush(decode([message], DAY))
    (letter_id,) = ids(dead_letters)
    dead_letters.replay(letter_id, PLAIN, dry_run=False)
    found = "SELECT message FROM logs JOIN batches ON number = sequence >> 16 AND time BETWEEN time_from AND time_to"
    assert sorted(database.execute(found).fetchall()) == [("a",), ("poison",)]
    assert scalar(database, "SELECT min(time) FROM logs") == scalar(database, "SELECT min(time_from) FROM batches")


def test_what_is_refused_again_stays_with_the_new_reason(
    store: Store, dead_letters: DeadLetters, database: psycopg.Connection[Any]
) -> None:
    refuse(store, database, "a", "poison")
    (letter_id,) = ids(dead_letters)
    with refusing(database, "another_rule"), pytest.raises(NotReplayable, match="another_rule"):
        dead_letters.replay(letter_id, PLAIN, dry_run=False)
    assert "another_rule" in scalar(database, "SELECT detail FROM dead_letters")
    assert scalar(database, "SELECT refused FROM batches") == [1]
    assert len(stored(database)) == 1
    assert agree(database)
    dead_letters.replay(letter_id, PLAIN, dry_run=False)
    assert len(stored(database)) == 2


def test_a_dry_run_changes_nothing(store: Store, dead_letters: DeadLetters, database: psycopg.Connection[Any]) -> None:
    refuse(store, database, "a", "poison")
    (letter_id,) = ids(dead_letters)
    tables = ("logs", "batches", "dead_letters", "log_counts", "log_rollups")
    before = [database.execute(f"SELECT * FROM {table}").fetchall() for table in tables]
    assert dead_letters.replay(letter_id, PLAIN, dry_run=True).records == 1
    with refusing(database, "another_rule"), pytest.raises(NotReplayable, match=r"still refused.*another_rule"):
        dead_letters.replay(letter_id, PLAIN, dry_run=True)
    assert [database.execute(f"SELECT * FROM {table}").fetchall() for table in tables] == before


def test_a_spread_batch_is_stored_as_the_operator_decides(
    store: Store, dead_letters: DeadLetters, database: psycopg.Connection[Any]
) -> None:
    times_us = [RECEIVED_US - day * DAY // 1_000 for day in range(MAX_CHUNKS + 1)]
    times_us[5] = times_us[4] - 1_000
    times_us[6] = times_us[4] - 2_000
    times_us.append(times_us[-1] - 3 * DAY // 1_000)
    times_us.append(times_us[-1] - 3 * DAY // 1_000)
    for times in get_args(Times):
        database.execute("TRUNCATE logs, batches, dead_letters, log_counts, log_rollups, search_segments CASCADE")
        whole = raw(uuid.uuid4(), *(f"m{number}" for number in range(len(times_us))), times_us=times_us)
        assert store.flush(inbound(whole)).dead_letters == ["spread"]
        (letter_id,) = ids(dead_letters)
        with pytest.raises(NotReplayable, match="--times own"):
            dead_letters.replay(letter_id, PLAIN, dry_run=False)
        done = dead_letters.replay(letter_id, Choices(RETENTION, times=times), dry_run=False)
        assert (done.records, done.letters) == (len(times_us), ())
        found = database.execute("SELECT message, time FROM logs", binary=True).fetchall()
        expected = times_us if times == "own" else [RECEIVED_US] * len(times_us)
        assert sorted(found) == sorted((f"m{number}", time_us) for number, time_us in enumerate(expected))
        assert agree(database)
        assert scalar(database, "SELECT max(time_to - time_from) < interval '1 day' FROM batches")
        # It comes again: as a letter, since decoding knows no inbox. It is known, whatever is decided this time.
        for again in get_args(Times):
            store.flush(inbound(whole))
            (letter_id,) = ids(dead_letters)
            done = dead_letters.replay(letter_id, Choices(RETENTION, times=again), dry_run=False)
            assert (done.records, done.letters) == (0, ())
            assert done.known > 0
        assert scalar(database, "SELECT count(*) FROM logs") == len(times_us)


def test_a_conflict_becomes_a_batch_of_its_own_once(
    store: Store, dead_letters: DeadLetters, database: psycopg.Connection[Any]
) -> None:
    batch_id = uuid.uuid4()
    store.flush(inbound(raw(batch_id, "first")))
    for known in (0, 2):
        store.flush(inbound(raw(batch_id, "other", "one")))
        (letter_id,) = ids(dead_letters)
        with pytest.raises(NotReplayable, match="--as-new"):
            dead_letters.replay(letter_id, PLAIN, dry_run=False)
        done = dead_letters.replay(letter_id, Choices(RETENTION, as_new=True), dry_run=False)
        assert (done.records, done.known) == (2 - known, known)
    assert [message for message, _ in stored(database)] == ["first", "other", "one"]
    assert agree(database)


def test_a_parked_message_is_stored_as_if_it_came_now(
    store: Store, dead_letters: DeadLetters, database: psycopg.Connection[Any]
) -> None:
    known, fresh = raw(uuid.uuid4(), "known"), raw(uuid.uuid4(), "fresh", "poison")
    store.flush(inbound(known))
    for records in (1, 0):
        store.flush(Inbound(dead_letters=[park(delivery(known, fresh, again=True), 3)]))
        (letter_id,) = ids(dead_letters, reason="parked")
        with refusing(database):
            done = dead_letters.replay(letter_id, PLAIN, dry_run=False)
        assert (done.records, done.letters) == (records, ("refused",) if records else ())
    assert sorted(message for message, _ in stored(database)) == ["fresh", "known"]
    (letter_id,) = ids(dead_letters)
    dead_letters.replay(letter_id, PLAIN, dry_run=False)
    assert sorted(message for message, _ in stored(database)) == ["fresh", "known", "poison"]
    assert agree(database)


def test_undecodable_bytes_stay_until_a_release_can_read_them(
    store: Store, dead_letters: DeadLetters, database: psycopg.Connection[Any]
) -> None:
    store.flush(
        decode(
            [Delivery(tag=1, channel_number=1, body=b"junk", received_unix_nano=RECEIVED, records=1, project="default")],
            RETENTION,
        )
    )
    (junk,) = ids(dead_letters)
    with pytest.raises(NotReplayable, match="decoded"):
        dead_letters.replay(junk, PLAIN, dry_run=False)
    # Of a release that could not read them: a whole message, a batch, a packed batch.
    long = raw(uuid.uuid4(), "packed" * 1_000)
    packed = Packer(3).frame(long)
    bodies = [Packer(0).frame(raw(uuid.uuid4(), "message")), raw(uuid.uuid4(), "batch"), packed[packed.index(ZSTANDARD) :]]
    for number, body in enumerate(bodies):
        database.execute(
            "INSERT INTO dead_letters (digest, project, reason, detail, body, received_at)"
            " VALUES (%s, 'default', 'undecodable', 'not known yet', %s, '2023-11-14T22:13:20Z')",
            (bytes([number]) * 16, body),
        )
    for letter_id in ids(dead_letters)[1:]:
        assert dead_letters.replay(letter_id, PLAIN, dry_run=False).records == 1
    assert sorted(message for message, _ in stored(database)) == ["batch", "message", "packed" * 1_000]
    assert ids(dead_letters) == [junk]


def test_what_the_retention_would_delete_at_once_is_told(
    store: Store, dead_letters: DeadLetters, database: psycopg.Connection[Any]
) -> None:
    refuse(store, database, "poison")
    now_us = scalar(database, "SELECT (extract(epoch FROM now()) * 1000000)::bigint")
    old_us = now_us - 40 * DAY // 1_000
    body = raw(uuid.uuid4(), "old", "old", "young", times_us=[old_us, old_us, now_us])
    database.execute("UPDATE dead_letters SET received_at = now() - interval '31 days'")
    (letter_id,) = ids(dead_letters)
    with pytest.raises(NotReplayable, match="LOGSTREAM_RETENTION_DAYS"):
        dead_letters.replay(letter_id, Choices(30 * DAY), dry_run=False)
    message = Delivery(
        tag=1,
        channel_number=1,
        body=Packer(0).frame(body),
        received_unix_nano=(now_us - 20 * DAY // 1_000) * 1_000,
        records=1,
        project="default",
        redelivered=True,
        unpacked_bytes=9,
    )
    store.flush(Inbound(dead_letters=[park(message, 3)]))
    (letter_id,) = ids(dead_letters, reason="parked")
    done = dead_letters.replay(letter_id, Choices(30 * DAY), dry_run=False)
    # The young one lies ahead of its time of receipt, which it got instead.
    assert (done.records, done.older) == (3, 2)


def test_a_refused_record_whose_batch_is_forgotten_is_stored_as_new(
    store: Store, dead_letters: DeadLetters, database: psycopg.Connection[Any]
) -> None:
    _, number = refuse(store, database, "a", "poison")
    database.execute("DELETE FROM batches")
    (letter_id,) = ids(dead_letters)
    with pytest.raises(NotReplayable, match="--as-new"):
        dead_letters.replay(letter_id, PLAIN, dry_run=False)
    assert dead_letters.replay(letter_id, Choices(RETENTION, as_new=True), dry_run=False).records == 1
    assert [message for message, _ in stored(database)] == ["a", "poison"]
    assert stored(database)[1][1] >> 16 > number


def test_a_record_that_the_inbox_has_as_stored_is_not_stored_again(
    store: Store, dead_letters: DeadLetters, database: psycopg.Connection[Any]
) -> None:
    refuse(store, database, "a", "poison")
    database.execute("UPDATE batches SET refused = NULL")
    (letter_id,) = ids(dead_letters)
    for choices in (PLAIN, Choices(RETENTION, as_new=True)):
        with pytest.raises(NotReplayable, match="as stored"):
            dead_letters.replay(letter_id, choices, dry_run=False)
    assert len(stored(database)) == 1
    database.execute("UPDATE batches SET refused = ARRAY[1]")
    letter = dead_letters.get(letter_id)
    assert letter
    database.execute(
        "INSERT INTO batches (project, batch_id, digest, records, time_from, time_to, received_at)"
        " VALUES ('default', %s, '', 1, now(), now(), now())",
        [derived_id(letter)],
    )
    with pytest.raises(NotReplayable, match="replayed before"):
        dead_letters.replay(letter_id, PLAIN, dry_run=False)
    assert len(stored(database)) == 1
    assert agree(database)
