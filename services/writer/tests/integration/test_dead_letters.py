"""Replaying dead letters against a real TimescaleDB: a letter or its rows, never both or neither, whatever happens."""

import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import ModuleType
from typing import Any, get_args

import psycopg
import pytest
from harness.waiting import wait_for
from logstream_contract.filters.filters import Filter, read_terms
from logstream_contract.wire.packing import Packer
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord, Severity
from logstream_query.store.connections import adapt
from logstream_query.store.sketches import candidates
from logstream_writer.dead_letters.dead_letter import Selection
from logstream_writer.dead_letters.plan import Choices, NotReplayable, Times, UnknownDeadLetter, derived_id
from logstream_writer.delivery import Delivery
from logstream_writer.inbound import MAX_CHUNKS, Inbound, decode, park
from logstream_writer.maintenance.compaction import Compaction
from logstream_writer.store import dead_letter_statements, statements
from logstream_writer.store.dead_letters import APPLICATION, DeadLetters
from logstream_writer.store.errors import StoreUnavailable
from logstream_writer.store.replay import Replayed
from logstream_writer.store.search_index import SearchIndexer
from logstream_writer.store.store import Store

RECEIVED = 1_700_000_000_000_000_000
RECEIVED_US = RECEIVED // 1_000
DAY = 86_400 * 1_000_000_000
# What was received in 2023 is younger than this.
RETENTION = 36_500 * DAY
PLAIN = Choices(RETENTION)
ALWAYS = (0, 4 * 10**15)
COMMAND = (sys.executable, "-m", "logstream_writer", "dead-letters")
WAIT_S = 60
ZSTANDARD = b"\x28\xb5\x2f\xfd"

# Replays that wait for a lock.
WAITING = f"""
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = '{APPLICATION}' AND wait_event_type = 'Lock'
"""
DISAGREEING = """
SELECT count(*) FROM (
    SELECT date_bin(width_s * interval '1 second', time, 'epoch') AS bucket, node, level, severity, count(*) AS count
    FROM logs, unnest(ARRAY[60, 600, 3600]) AS width_s GROUP BY width_s, 1, 2, 3, 4
) AS found FULL JOIN (
    SELECT bucket, node, level, severity, sum(count) AS count FROM (
        SELECT width_s, date_bin(width_s * interval '1 second', bucket, 'epoch') AS bucket, node, level, severity, count
        FROM log_counts, unnest(ARRAY[60, 600, 3600]) AS width_s
        UNION ALL SELECT width_s, bucket, node, level, severity, count FROM log_rollups
    ) AS parts GROUP BY width_s, 1, 2, 3, 4
) AS counted USING (bucket, node, level, severity, count) WHERE found.count IS NULL OR counted.count IS NULL
"""


def raw(batch_id: uuid.UUID, *messages: str, times_us: Sequence[int] = ()) -> bytes:
    records = [
        LogRecord(
            message=message,
            level="info",
            attributes={"k": message},
            time_unix_nano=(times_us[index] if times_us else RECEIVED_US - index) * 1_000,
        )
        for index, message in enumerate(messages)
    ]
    return LogBatch(batch_id=batch_id.bytes, node="orders", records=records).SerializeToString()


def delivery(*raws: bytes, again: bool = False) -> Delivery:
    return Delivery(
        tag=1,
        channel_number=1,
        body=b"".join(map(Packer(1).frame, raws)),
        received_unix_nano=RECEIVED,
        records=1,
        project="default",
        redelivered=again,
    )


def inbound(*raws: bytes) -> Inbound:
    return decode([delivery(*raws)], RETENTION)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store(database_url)
    yield opened
    opened.close()


@pytest.fixture
def letters(database_url: str) -> Iterator[DeadLetters]:
    opened = DeadLetters(database_url)
    yield opened
    opened.close()


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("TRUNCATE logs, batches, dead_letters, log_counts, log_rollups, search_segments CASCADE")
        adapt(connection)
        yield connection


@contextmanager
def refusing(database: psycopg.Connection[Any], rule: str = "refuse_poison") -> Iterator[None]:
    """The database takes no record whose message begins with `poison`, by a constraint of this name."""
    database.execute(f"ALTER TABLE logs ADD CONSTRAINT {rule} CHECK (message NOT LIKE 'poison%') NOT VALID")
    try:
        yield
    finally:
        database.execute(f"ALTER TABLE logs DROP CONSTRAINT {rule}")


def refuse(store: Store, database: psycopg.Connection[Any], *messages: str) -> tuple[bytes, int]:
    """Stores a batch of which the database refuses what begins with `poison`; its bytes and its number."""
    whole = raw(uuid.uuid4(), *messages)
    with refusing(database):
        (stored,) = store.flush(inbound(whole)).batches
    return whole, stored.number


def ids(letters: DeadLetters, **selected: Any) -> list[int]:
    return list(letters.ids(Selection(**selected)))


def stored(database: psycopg.Connection[Any]) -> list[tuple[str, int]]:
    return database.execute("SELECT message, sequence FROM logs ORDER BY sequence").fetchall()


def one(database: psycopg.Connection[Any], query: str) -> Any:
    row = database.execute(query).fetchone()
    return row[0] if row else None


def agree(database: psycopg.Connection[Any]) -> bool:
    """Whether records are what is counted, in every width."""
    return bool(one(database, DISAGREEING) == 0)


def compact(database: psycopg.Connection[Any]) -> None:
    Compaction().run(database)


def index(database: psycopg.Connection[Any]) -> None:
    SearchIndexer(database, lambda _: None).run(everything=True)


def looked_at(database: psycopg.Connection[Any], wanted: Filter, time_us: int) -> bool:
    """Whether a search for this looks at this time."""
    found = candidates(database, wanted, *ALWAYS)
    return found is None or any(begin <= time_us <= end for begin, end in found)


def command(database_url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"LOGSTREAM_DATABASE_URL": database_url, "LOGSTREAM_RETENTION_DAYS": "36500"}
    return subprocess.run(
        [*COMMAND, *arguments], env=environment, capture_output=True, text=True, timeout=WAIT_S, check=False
    )


def test_a_refused_record_takes_its_own_place(store: Store, letters: DeadLetters, database: psycopg.Connection[Any]) -> None:
    messages = ["a", "poison 1", "c", "poison 3"]
    whole, number = refuse(store, database, *messages)
    compact(database)
    first, second = ids(letters)
    done = letters.replay(first, PLAIN, dry_run=False)
    assert (done.letter.reason, done.records, done.known, done.letters) == ("refused", 1, 0, ())
    assert one(database, f"SELECT refused FROM batches WHERE number = {number}") == [3]
    letters.replay(second, PLAIN, dry_run=False)
    assert stored(database) == [(message, number << 16 | index) for index, message in enumerate(messages)]
    assert one(database, f"SELECT refused FROM batches WHERE number = {number}") is None
    assert ids(letters) == []
    # In a minute that was added up before as in any other.
    assert agree(database)
    compact(database)
    assert agree(database)
    # Delivered or sent again, the batch is known and whole.
    (again,) = store.flush(inbound(whole)).batches
    assert (again.known, list(again.refused)) == (True, [])
    assert len(stored(database)) == 4
    with pytest.raises(UnknownDeadLetter):
        letters.replay(first, PLAIN, dry_run=False)


def test_a_record_is_stored_as_the_flush_would_have_stored_it(
    store: Store, letters: DeadLetters, database: psycopg.Connection[Any]
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
        for letter_id in ids(letters):
            letters.replay(letter_id, PLAIN, dry_run=False)
    assert database.execute(columns).fetchall() == expected
    assert len(expected) == 3


def test_a_record_is_within_its_batchs_times_whatever_retention_it_is_replayed_with(
    store: Store, letters: DeadLetters, database: psycopg.Connection[Any]
) -> None:
    """They are where a record is looked for by its sequence."""
    three_days_ago = RECEIVED_US - 3 * DAY // 1_000
    with refusing(database):
        message = delivery(raw(uuid.uuid4(), "a", "poison", times_us=[RECEIVED_US, three_days_ago]))
        store.flush(decode([message], DAY))
    (letter_id,) = ids(letters)
    letters.replay(letter_id, PLAIN, dry_run=False)
    found = "SELECT message FROM logs JOIN batches ON number = sequence >> 16 AND time BETWEEN time_from AND time_to"
    assert sorted(database.execute(found).fetchall()) == [("a",), ("poison",)]
    assert one(database, "SELECT min(time) FROM logs") == one(database, "SELECT min(time_from) FROM batches")


def test_what_is_refused_again_stays_with_the_new_reason(
    store: Store, letters: DeadLetters, database: psycopg.Connection[Any]
) -> None:
    refuse(store, database, "a", "poison")
    (letter_id,) = ids(letters)
    with refusing(database, "another_rule"), pytest.raises(NotReplayable, match="another_rule"):
        letters.replay(letter_id, PLAIN, dry_run=False)
    assert "another_rule" in one(database, "SELECT detail FROM dead_letters")
    assert one(database, "SELECT refused FROM batches") == [1]
    assert len(stored(database)) == 1
    assert agree(database)
    letters.replay(letter_id, PLAIN, dry_run=False)
    assert len(stored(database)) == 2


def test_a_dry_run_changes_nothing(store: Store, letters: DeadLetters, database: psycopg.Connection[Any]) -> None:
    refuse(store, database, "a", "poison")
    (letter_id,) = ids(letters)
    tables = ("logs", "batches", "dead_letters", "log_counts", "log_rollups")
    before = [database.execute(f"SELECT * FROM {table}").fetchall() for table in tables]
    assert letters.replay(letter_id, PLAIN, dry_run=True).records == 1
    with refusing(database, "another_rule"), pytest.raises(NotReplayable, match=r"still refused.*another_rule"):
        letters.replay(letter_id, PLAIN, dry_run=True)
    assert [database.execute(f"SELECT * FROM {table}").fetchall() for table in tables] == before


@pytest.mark.parametrize("indexed", ["before", "not yet"])
def test_a_replayed_record_is_found_by_its_text(
    store: Store, letters: DeadLetters, database: psycopg.Connection[Any], indexed: str
) -> None:
    """Though the index has been through its batch, and goes on after others."""
    batch_id = uuid.uuid4()
    late_us = RECEIVED_US - 3_600_000_000
    with refusing(database):
        store.flush(inbound(raw(batch_id, "poison needle", times_us=[late_us])))
        store.flush(inbound(raw(uuid.uuid4(), *(f"hay {number}" for number in range(50)))))
    wanted = (Filter(text=read_terms("needle")), Filter(attributes=(("k", "poison needle"),)))
    if indexed == "before":
        index(database)
        assert not any(looked_at(database, one, late_us) for one in wanted)
    (letter_id,) = ids(letters)
    letters.replay(letter_id, PLAIN, dry_run=False)
    assert all(looked_at(database, one, late_us) for one in wanted)
    for number in range(9):  # so many that segments are merged
        index(database)
        assert all(looked_at(database, one, late_us) for one in wanted)
        # By the index now, not for want of one.
        assert not looked_at(database, Filter(text=read_terms("never-written")), late_us)
        store.flush(inbound(raw(uuid.uuid4(), f"more hay {number}")))
    assert one(database, "SELECT count(*) FROM search_segments") < 9


def test_a_replay_is_waited_for_by_the_index(
    store: Store, letters: DeadLetters, database: psycopg.Connection[Any], database_url: str
) -> None:
    """Otherwise it could pass over the number that the replay is given."""
    refuse(store, database, "poison")
    (letter_id,) = ids(letters)
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE log_counts")
        replaying = threading.Thread(target=letters.replay, args=(letter_id, PLAIN, False))
        replaying.start()
        wait_for("the replay to wait", lambda: one(database, WAITING), lambda count: count == 1)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            index(database)
    replaying.join()
    index(database)
    assert looked_at(database, Filter(text=read_terms("poison")), RECEIVED_US)
    assert not looked_at(database, Filter(text=read_terms("never-written")), RECEIVED_US)


def test_letters_replayed_while_others_are_indexed_are_all_found(
    store: Store, letters: DeadLetters, database: psycopg.Connection[Any], database_url: str
) -> None:
    messages = [f"poison needle{number:03d}" for number in range(40)]
    refuse(store, database, *messages)
    index(database)
    ended = threading.Event()

    def replay() -> None:
        for letter_id in ids(letters):
            letters.replay(letter_id, PLAIN, dry_run=False)
        ended.set()

    replaying = threading.Thread(target=replay)
    replaying.start()
    while not ended.is_set():
        try:
            index(database)
        except psycopg.errors.LockNotAvailable:
            continue
    replaying.join()
    index(database)
    for number, message in enumerate(messages):
        found = Filter(text=read_terms(message.removeprefix("poison ")))
        assert looked_at(database, found, RECEIVED_US - number), message


def test_a_spread_batch_is_stored_as_the_operator_decides(
    store: Store, letters: DeadLetters, database: psycopg.Connection[Any]
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
        (letter_id,) = ids(letters)
        with pytest.raises(NotReplayable, match="--times own"):
            letters.replay(letter_id, PLAIN, dry_run=False)
        done = letters.replay(letter_id, Choices(RETENTION, times=times), dry_run=False)
        assert (done.records, done.letters) == (len(times_us), ())
        found = database.execute("SELECT message, time FROM logs", binary=True).fetchall()
        expected = times_us if times == "own" else [RECEIVED_US] * len(times_us)
        assert sorted(found) == sorted((f"m{number}", time_us) for number, time_us in enumerate(expected))
        assert agree(database)
        assert one(database, "SELECT max(time_to - time_from) < interval '1 day' FROM batches")
        # It comes again: as a letter, since decoding knows no inbox. It is known, whatever is decided this time.
        for again in get_args(Times):
            store.flush(inbound(whole))
            (letter_id,) = ids(letters)
            done = letters.replay(letter_id, Choices(RETENTION, times=again), dry_run=False)
            assert (done.records, done.letters) == (0, ())
            assert done.known > 0
        assert one(database, "SELECT count(*) FROM logs") == len(times_us)


def test_a_conflict_becomes_a_batch_of_its_own_once(
    store: Store, letters: DeadLetters, database: psycopg.Connection[Any]
) -> None:
    batch_id = uuid.uuid4()
    store.flush(inbound(raw(batch_id, "first")))
    for known in (0, 2):
        store.flush(inbound(raw(batch_id, "other", "one")))
        (letter_id,) = ids(letters)
        with pytest.raises(NotReplayable, match="--as-new"):
            letters.replay(letter_id, PLAIN, dry_run=False)
        done = letters.replay(letter_id, Choices(RETENTION, as_new=True), dry_run=False)
        assert (done.records, done.known) == (2 - known, known)
    assert [message for message, _ in stored(database)] == ["first", "other", "one"]
    assert agree(database)


def test_a_parked_message_is_stored_as_if_it_came_now(
    store: Store, letters: DeadLetters, database: psycopg.Connection[Any]
) -> None:
    known, fresh = raw(uuid.uuid4(), "known"), raw(uuid.uuid4(), "fresh", "poison")
    store.flush(inbound(known))
    for records in (1, 0):
        store.flush(Inbound(dead_letters=[park(delivery(known, fresh, again=True), 3)]))
        (letter_id,) = ids(letters, reason="parked")
        with refusing(database):
            done = letters.replay(letter_id, PLAIN, dry_run=False)
        assert (done.records, done.letters) == (records, ("refused",) if records else ())
    assert sorted(message for message, _ in stored(database)) == ["fresh", "known"]
    (letter_id,) = ids(letters)
    letters.replay(letter_id, PLAIN, dry_run=False)
    assert sorted(message for message, _ in stored(database)) == ["fresh", "known", "poison"]
    assert agree(database)


def test_undecodable_bytes_stay_until_a_release_can_read_them(
    store: Store, letters: DeadLetters, database: psycopg.Connection[Any]
) -> None:
    store.flush(
        decode(
            [Delivery(tag=1, channel_number=1, body=b"junk", received_unix_nano=RECEIVED, records=1, project="default")],
            RETENTION,
        )
    )
    (junk,) = ids(letters)
    with pytest.raises(NotReplayable, match="decoded"):
        letters.replay(junk, PLAIN, dry_run=False)
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
    for letter_id in ids(letters)[1:]:
        assert letters.replay(letter_id, PLAIN, dry_run=False).records == 1
    assert sorted(message for message, _ in stored(database)) == ["batch", "message", "packed" * 1_000]
    assert ids(letters) == [junk]


def test_what_the_retention_would_delete_at_once_is_told(
    store: Store, letters: DeadLetters, database: psycopg.Connection[Any]
) -> None:
    refuse(store, database, "poison")
    now_us = one(database, "SELECT (extract(epoch FROM now()) * 1000000)::bigint")
    old_us = now_us - 40 * DAY // 1_000
    body = raw(uuid.uuid4(), "old", "old", "young", times_us=[old_us, old_us, now_us])
    database.execute("UPDATE dead_letters SET received_at = now() - interval '31 days'")
    (letter_id,) = ids(letters)
    with pytest.raises(NotReplayable, match="LOGSTREAM_RETENTION_DAYS"):
        letters.replay(letter_id, Choices(30 * DAY), dry_run=False)
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
    (letter_id,) = ids(letters, reason="parked")
    done = letters.replay(letter_id, Choices(30 * DAY), dry_run=False)
    # The young one lies ahead of its time of receipt, which it got instead.
    assert (done.records, done.older) == (3, 2)


def test_a_refused_record_whose_batch_is_forgotten_is_stored_as_new(
    store: Store, letters: DeadLetters, database: psycopg.Connection[Any]
) -> None:
    _, number = refuse(store, database, "a", "poison")
    database.execute("DELETE FROM batches")
    (letter_id,) = ids(letters)
    with pytest.raises(NotReplayable, match="--as-new"):
        letters.replay(letter_id, PLAIN, dry_run=False)
    assert letters.replay(letter_id, Choices(RETENTION, as_new=True), dry_run=False).records == 1
    assert [message for message, _ in stored(database)] == ["a", "poison"]
    assert stored(database)[1][1] >> 16 > number


def test_a_record_that_the_inbox_has_as_stored_is_not_stored_again(
    store: Store, letters: DeadLetters, database: psycopg.Connection[Any]
) -> None:
    refuse(store, database, "a", "poison")
    database.execute("UPDATE batches SET refused = NULL")
    (letter_id,) = ids(letters)
    for choices in (PLAIN, Choices(RETENTION, as_new=True)):
        with pytest.raises(NotReplayable, match="as stored"):
            letters.replay(letter_id, choices, dry_run=False)
    assert len(stored(database)) == 1
    database.execute("UPDATE batches SET refused = ARRAY[1]")
    letter = letters.get(letter_id)
    assert letter
    database.execute(
        "INSERT INTO batches (project, batch_id, digest, records, time_from, time_to, received_at)"
        " VALUES ('default', %s, '', 1, now(), now(), now())",
        [derived_id(letter)],
    )
    with pytest.raises(NotReplayable, match="replayed before"):
        letters.replay(letter_id, PLAIN, dry_run=False)
    assert len(stored(database)) == 1
    assert agree(database)


def test_of_several_replays_at_a_time_one_stores(store: Store, database: psycopg.Connection[Any], database_url: str) -> None:
    refuse(store, database, *(f"poison {number}" for number in range(20)))

    def replay(_: int) -> int:
        own = DeadLetters(database_url)
        stored = 0
        try:
            for letter_id in own.ids(Selection()):
                try:
                    stored += own.replay(letter_id, PLAIN, dry_run=False).records
                except UnknownDeadLetter:
                    continue
            return stored
        finally:
            own.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(replay, range(4))) == 20
    assert len(stored(database)) == 20
    assert agree(database)


def cutting(statement: str) -> str:
    """The statement, with which the server ends its own session, before another one can be sent."""
    return f"{statement}{',' if 'RETURNING' in statement else ' RETURNING'} pg_terminate_backend(pg_backend_pid())"


@pytest.mark.parametrize(
    ("reason", "module", "statement"),
    [
        ("refused", dead_letter_statements, "TAKE"),
        ("refused", dead_letter_statements, "ACCEPT"),
        ("refused", statements, "INSERT_COUNTS"),
        ("refused", dead_letter_statements, "INSERT_REPLAYED"),
        ("parked", dead_letter_statements, "TAKE"),
        ("parked", statements, "INSERT_BATCHES"),
        ("parked", statements, "INSERT_COUNTS"),
    ],
)
def test_a_connection_cut_after_a_statement_leaves_the_letter(
    store: Store,
    letters: DeadLetters,
    database: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
    reason: str,
    module: ModuleType,
    statement: str,
) -> None:
    if reason == "refused":
        refuse(store, database, "a", "poison")
    else:
        store.flush(Inbound(dead_letters=[park(delivery(raw(uuid.uuid4(), "a"), again=True), 3)]))
    tables = ("logs", "batches", "dead_letters", "log_counts")
    before = [database.execute(f"SELECT * FROM {table}").fetchall() for table in tables]
    (letter_id,) = ids(letters)
    with monkeypatch.context() as patched:
        patched.setattr(module, statement, cutting(getattr(module, statement)))
        with pytest.raises(StoreUnavailable):
            letters.replay(letter_id, PLAIN, dry_run=False)
    assert [database.execute(f"SELECT * FROM {table}").fetchall() for table in tables] == before
    assert letters.replay(letter_id, PLAIN, dry_run=False).records == 1
    assert agree(database)
    assert len(stored(database)) == len(before[0]) + 1


@pytest.mark.parametrize("locked", ["search_segments", "logs", "log_counts"])
def test_a_killed_process_leaves_the_letter(
    store: Store, letters: DeadLetters, database: psycopg.Connection[Any], database_url: str, locked: str
) -> None:
    refuse(store, database, "a", "poison")
    (letter_id,) = ids(letters)
    environment = os.environ | {"LOGSTREAM_DATABASE_URL": database_url, "LOGSTREAM_RETENTION_DAYS": "36500"}
    with psycopg.connect(database_url) as other:
        # Between two statements of the replay: the second one waits.
        other.execute(f"LOCK TABLE {locked} IN ACCESS EXCLUSIVE MODE")
        process = subprocess.Popen([*COMMAND, "replay", str(letter_id)], env=environment)
        try:
            wait_for("the replay to wait", lambda: one(database, WAITING), lambda count: count == 1)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    wait_for("its session to end", lambda: one(database, WAITING), lambda count: count == 0)
    assert len(stored(database)) == 1
    assert ids(letters) == [letter_id]
    assert agree(database)
    assert letters.replay(letter_id, PLAIN, dry_run=False).records == 1
    assert len(stored(database)) == 2


def test_a_stopped_command_finishes_its_letter(
    store: Store, letters: DeadLetters, database: psycopg.Connection[Any], database_url: str
) -> None:
    refuse(store, database, "poison 1", "poison 2")
    first, second = ids(letters)
    environment = os.environ | {"LOGSTREAM_DATABASE_URL": database_url, "LOGSTREAM_RETENTION_DAYS": "36500"}
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE log_counts")
        process = subprocess.Popen(
            [*COMMAND, "replay", "--all"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        wait_for("the replay to wait", lambda: one(database, WAITING), lambda count: count == 1)
        process.send_signal(signal.SIGTERM)
        assert process.stderr
        for line in process.stderr:
            if '"stopping"' in line:
                break
    output, errors = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert output == f"{first}  replayed  refused; 1 record stored\n"
    assert "stopped after 1 of 2 letters" in errors
    assert ids(letters) == [second]


def test_replays_and_flushes_of_the_same_batches_go_along(
    store: Store, letters: DeadLetters, database: psycopg.Connection[Any], database_url: str
) -> None:
    """A parked message that is delivered once more while it is replayed."""
    raws = [raw(uuid.uuid4(), f"{number}", "x") for number in range(60)]
    store.flush(Inbound(dead_letters=[park(delivery(*raws[start : start + 3], again=True), 3) for start in range(0, 60, 3)]))

    def flush() -> int:
        own = Store(database_url)
        try:
            flushed = [own.flush(inbound(*raws[start : start + 10])) for start in range(50, -1, -10)]
            return sum(not found.known for one in flushed for found in one.batches)
        finally:
            own.close()

    def replay() -> list[Replayed]:
        return [letters.replay(letter_id, PLAIN, dry_run=False) for letter_id in ids(letters)]

    with ThreadPoolExecutor(2) as pool:
        flushing, replaying = pool.submit(flush), pool.submit(replay)
        assert 2 * flushing.result() + sum(one.records for one in replaying.result()) == 120
    assert len(stored(database)) == 120
    assert agree(database)


def test_the_command_lists_shows_replays_and_deletes(
    store: Store, letters: DeadLetters, database: psycopg.Connection[Any], database_url: str
) -> None:
    refuse(store, database, "a", "poison \x1b[31m red")
    store.flush(
        decode(
            [Delivery(tag=1, channel_number=1, body=b"junk", received_unix_nano=RECEIVED, records=1, project="default")],
            RETENTION,
        )
    )
    refused, junk = ids(letters)

    listed = command(database_url, "list")
    assert listed.returncode == 0
    lines = listed.stdout.splitlines()
    assert lines[0].split() == ["ID", "WHEN", "REASON", "NODE", "RECORDS", "BYTES", "SEQUENCE", "DETAIL"]
    assert [line.split()[2] for line in lines[1:3]] == ["undecodable", "refused"]
    assert lines[-1] == "2 in all: refused 1, undecodable 1"
    narrow = command(database_url, "list", "--reason", "refused", "--since", "1d", "--json").stdout.splitlines()
    assert len(narrow) == 1
    assert f'"id":{refused},' in narrow[0]
    assert '"nodes":["orders"],"records":1' in narrow[0]

    shown = command(database_url, "show", str(refused))
    assert shown.returncode == 0
    assert "poison \\x1b[31m red" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert "refused: 1" in shown.stdout
    bytes_of = subprocess.run(
        [*COMMAND, "show", str(junk), "--raw", "-"],
        env=os.environ | {"LOGSTREAM_DATABASE_URL": database_url},
        capture_output=True,
        timeout=WAIT_S,
        check=True,
    )
    assert bytes_of.stdout == b"junk"

    tried = command(database_url, "replay", "--all", "--dry-run")
    assert tried.returncode == 1
    assert f"{refused}  would be replayed" in tried.stdout
    assert f"{junk}  stays: it can't be decoded" in tried.stdout
    assert ids(letters) == [refused, junk]
    done = command(database_url, "replay", str(refused))
    assert (done.returncode, done.stdout) == (0, f"{refused}  replayed  refused; 1 record stored\n")
    assert '"message": "dead letter"' in done.stderr
    assert '"records": 1' in done.stderr
    again = command(database_url, "replay", str(refused), str(junk))
    assert again.returncode == 1
    assert f"{refused}  unknown: " in again.stdout
    gone = command(database_url, "delete", "--reason", "undecodable")
    assert (gone.returncode, gone.stdout) == (0, f"{junk}  deleted  undecodable\n")
    assert command(database_url, "list").stdout == "no dead letters\n"
    assert command(database_url, "show", str(junk)).returncode == 1


def test_the_command_says_when_the_database_is_away() -> None:
    done = command("postgresql://u:p@127.0.0.1:1/none", "list")
    assert done.returncode == 1
    assert "Connection refused" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_says_when_the_schema_is_of_another_release(
    store: Store, letters: DeadLetters, database: psycopg.Connection[Any], database_url: str
) -> None:
    refuse(store, database, "a", "poison 1", "poison 2")
    before = ids(letters)
    database.execute("ALTER TABLE batches RENAME replayed TO not_yet")
    try:
        done = command(database_url, "replay", "--all")
    finally:
        database.execute("ALTER TABLE batches RENAME not_yet TO replayed")
    assert (done.returncode, done.stdout) == (1, "")
    assert "`migrate` brings the schema up to date" in done.stderr
    assert ids(letters) == before
    assert len(stored(database)) == 1
