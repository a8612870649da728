"""One transaction a flush, against a real TimescaleDB: each batch once, no record lost to another's fault."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import psycopg
import pytest
from logstream_contract.counted_names import MOST_NAMES_OF_NODE, OTHER
from logstream_contract.wire.packing import Packer
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord
from logstream_writer.delivery import Delivery
from logstream_writer.inbound import Inbound, decode, park
from logstream_writer.store import store as store_module
from logstream_writer.store.copy_format import encode_rows
from logstream_writer.store.errors import StoreUnavailable
from logstream_writer.store.migrate import migrate
from logstream_writer.store.store import Store

RECEIVED = 1_700_000_000_000_000_000
DAY = 86_400 * 1_000_000_000


def raw(batch_id: uuid.UUID, *messages: str) -> bytes:
    records = [LogRecord(message=message, level="info", attributes={"k": message}) for message in messages]
    return LogBatch(batch_id=batch_id.bytes, node="orders", records=records).SerializeToString()


def inbound(*raws: bytes, again: bool = False) -> Inbound:
    return decode(
        [
            Delivery(
                tag=1,
                channel_number=1,
                body=b"".join(map(Packer(1).frame, raws)),
                received_unix_nano=RECEIVED,
                records=1,
                project="default",
                redelivered=again,
            )
        ],
        DAY,
    )


def stored(database: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return database.execute(
        "SELECT message, sequence, severity, level, node, attributes FROM logs ORDER BY sequence"
    ).fetchall()


def counted(database: psycopg.Connection[Any]) -> int:
    row = database.execute("SELECT coalesce(sum(count), 0)::bigint FROM log_counts").fetchone()
    assert row
    return int(row[0])


def test_a_batch_is_stored_once_however_often_it_comes(store: Store, database: psycopg.Connection[Any]) -> None:
    one = uuid.uuid4()
    (first,) = store.flush(inbound(raw(one, "a", "b"))).batches
    assert not first.known
    rows = stored(database)
    assert rows == [
        ("a", first.number << 16, 9, "info", "orders", {"k": "a"}),
        ("b", first.number << 16 | 1, 9, "info", "orders", {"k": "b"}),
    ]
    other = uuid.uuid4()
    again = store.flush(inbound(raw(one, "a", "b"), raw(other, "c"), again=True)).batches
    assert {(one.batch.batch_id, one.known) for one in again} == {(one, True), (other, False)}
    assert [stored_batch.number for stored_batch in again if stored_batch.known] == [first.number]
    assert [row[0] for row in stored(database)] == ["a", "b", "c"]
    assert counted(database) == 3


def test_other_bytes_under_a_known_id_are_a_dead_letter(store: Store, database: psycopg.Connection[Any]) -> None:
    one = uuid.uuid4()
    store.flush(inbound(raw(one, "a")))
    for _ in range(2):
        flushed = store.flush(inbound(raw(one, "forged")))
        assert flushed.batches == []
    assert [row[0] for row in stored(database)] == ["a"]
    letters = database.execute("SELECT reason, batch_id, body FROM dead_letters").fetchall()
    assert letters == [("conflict", one, raw(one, "forged"))]


def test_a_flush_of_many_names_has_a_bounded_number_of_counts(store: Store, database: psycopg.Connection[Any]) -> None:
    def batch(node: str, *levels: str) -> bytes:
        records = [LogRecord(message="m", level=level) for level in levels]
        return LogBatch(batch_id=uuid.uuid4().bytes, node=node, records=records).SerializeToString()

    flushed = store.flush(
        inbound(
            batch("careless", *(f"made-up-level-{number}" for number in range(5_000))),
            batch("orders", "error", "error", "odd"),
            *(batch(f"node-{number}", "info") for number in range(100)),
        )
    )
    rows = database.execute("SELECT node, level, severity, count FROM log_counts").fetchall()
    assert len(rows) == MOST_NAMES_OF_NODE + 1 + 2 + 100
    assert flushed.folded_names == 5_000 - MOST_NAMES_OF_NODE - 1
    assert counted(database) == 5_103
    assert {("careless", OTHER, 0, 5_000 - MOST_NAMES_OF_NODE), ("orders", "error", 17, 2), ("orders", "odd", 0, 1)} < set(
        rows
    )
    assert database.execute("SELECT count(DISTINCT level) FROM logs").fetchone() == (5_003,)


def test_writers_with_the_same_batches_store_each_once(database_url: str, database: psycopg.Connection[Any]) -> None:
    raws = [raw(uuid.uuid4(), f"{batch}") for batch in range(40)]

    def write(order: int) -> int:
        own = Store(database_url)
        try:
            mine = raws if order % 2 else raws[::-1]
            flushes = [own.flush(inbound(*mine[start : start + 10])) for start in range(0, 40, 10)]
            return sum(not found.known for flushed in flushes for found in flushed.batches)
        finally:
            own.close()

    with ThreadPoolExecutor(4) as pool:
        fresh = list(pool.map(write, range(4)))
    assert sum(fresh) == 40
    assert sorted(row[0] for row in stored(database)) == sorted(map(str, range(40)))


def test_a_refused_record_is_found_and_the_rest_is_stored(store: Store, database: psycopg.Connection[Any]) -> None:
    database.execute("ALTER TABLE logs ADD CONSTRAINT refuse_poison CHECK (message NOT LIKE 'poison%')")
    try:
        good, bad = uuid.uuid4(), uuid.uuid4()
        messages = [f"m{index}" for index in range(30)]
        messages[7], messages[29] = "poison 7", "poison 29"
        flushed = store.flush(inbound(raw(good, "fine"), raw(bad, *messages)))
        assert flushed.bisected
        assert flushed.dead_letters == ["refused", "refused"]
        assert {found.batch.batch_id: list(found.refused) for found in flushed.batches} == {good: [], bad: [7, 29]}
        expected = {"fine", *messages} - {"poison 7", "poison 29"}
        assert {row[0] for row in stored(database)} == expected
        assert counted(database) == len(expected) == 29

        number = next(found.number for found in flushed.batches if found.batch.batch_id == bad)
        letters = database.execute("SELECT sequence, detail, body FROM dead_letters ORDER BY sequence").fetchall()
        assert [letter[0] for letter in letters] == [number << 16 | 7, number << 16 | 29]
        assert "23514" in letters[0][1]
        assert LogBatch.FromString(letters[0][2]).records[0].message == "poison 7"

        (again,) = store.flush(inbound(raw(bad, *messages), again=True)).batches
        assert (again.known, list(again.refused)) == (True, [7, 29])
    finally:
        database.execute("ALTER TABLE logs DROP CONSTRAINT refuse_poison")


def test_parked_and_undecodable_messages_are_kept_once(store: Store, database: psycopg.Connection[Any]) -> None:
    message = Delivery(
        tag=1,
        channel_number=1,
        body=b"junk",
        received_unix_nano=RECEIVED,
        records=1,
        project="default",
        redelivered=True,
        unpacked_bytes=9,
    )
    for _ in range(2):
        store.flush(Inbound(dead_letters=[park(message, 3)]))
        store.flush(decode([message], DAY))
    assert database.execute("SELECT reason, body FROM dead_letters ORDER BY reason").fetchall() == [
        ("parked", b"junk"),
        ("undecodable", b"junk"),
    ]


def test_a_missing_table_blames_no_record(store: Store, database: psycopg.Connection[Any]) -> None:
    database.execute("ALTER TABLE log_counts RENAME TO log_counts_away")
    batch = inbound(raw(uuid.uuid4(), "a"))
    try:
        with pytest.raises(StoreUnavailable) as caught:
            store.flush(batch)
        assert caught.value.sqlstate_class == "42"
    finally:
        database.execute("ALTER TABLE log_counts_away RENAME TO log_counts")
    assert stored(database) == []
    assert not store.flush(batch).batches[0].known
    assert [row[0] for row in stored(database)] == ["a"]


def test_a_cut_connection_is_opened_again(store: Store, database: psycopg.Connection[Any]) -> None:
    store.flush(inbound(raw(uuid.uuid4(), "a")))
    ended = database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'logstream-writer' AND datname = current_database()"
    ).fetchall()
    assert ended
    batch = inbound(raw(uuid.uuid4(), "b"))
    with pytest.raises(StoreUnavailable):
        store.flush(batch)
    store.flush(batch)
    assert [row[0] for row in stored(database)] == ["a", "b"]


def test_migrating_again_and_from_several_processes_changes_nothing(database_url: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(migrate, [database_url] * 3))
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0007",)]


def test_the_schema_of_a_later_release_is_left_alone(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        try:
            migrate(database_url)
            assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]
        finally:
            connection.execute("UPDATE alembic_version SET version_num = '0001'")


def test_no_database_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable):
        migrate("postgresql://u:p@127.0.0.1:1/none")
    with pytest.raises(StoreUnavailable):
        Store("postgresql://u:p@127.0.0.1:1/none").suspected([b"name"])


@pytest.mark.parametrize("step", ["encode_block", "encode_rows", "add_block_counts", "add_counts"])
def test_an_error_while_a_batch_is_stored_ends_with_that_batch(
    store: Store, database: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """As columns or one by one, with COPY under way or not: the same flush stores its neighbours."""

    class Unforeseen(Exception):
        def __str__(self) -> str:
            return "\0 \ud800"

    def picky(*arguments: Any, **named: Any) -> Any:
        if any("poison" in str(stored_batch) for stored_batch in arguments):
            raise Unforeseen
        return real(*arguments, **named)

    real = getattr(store_module, step)
    # Of blocks and counts of blocks only the whole is seen, and the search for the culprit goes by rows.
    monkeypatch.setattr(store_module, step, picky)
    if "block" in step:
        monkeypatch.setattr(store_module, "encode_rows", partial(picky_rows, encode_rows, Unforeseen))
    good, bad, last = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    raws = [raw(good, "a", "b\0"), raw(bad, "c", "poison" + "\0" * ("block" not in step)), raw(last, "d")]
    flushed = store.flush(inbound(*raws))
    assert [stored_batch.batch.batch_id for stored_batch in flushed.batches] == [good, last]
    assert sorted(message for message, *_ in stored(database)) == ["a", "b\N{REPLACEMENT CHARACTER}", "d"]
    assert database.execute("SELECT sum(count) FROM log_counts").fetchone() == (3,)
    letters = "SELECT reason, detail, batch_id, body FROM dead_letters"
    expected = [("failed", "Unforeseen: \N{REPLACEMENT CHARACTER} ?", bad, Packer(0).frame(raws[1]))]
    assert database.execute(letters).fetchall() == expected
    assert store.flush(inbound(*raws, again=True)).dead_letters == []
    assert database.execute(letters).fetchall() == expected, "a redelivery adds no other letter"
    monkeypatch.undo()
    again = store.flush(inbound(*raws, again=True)).batches
    assert [stored_batch.known for stored_batch in again if stored_batch.batch.batch_id == bad] == [False], (
        "its id is not taken"
    )


def picky_rows(real: Any, error: type[Exception], rows: Any, *rest: Any) -> Any:
    if any("poison" in message for message in rows.messages):
        raise error
    return real(rows, *rest)


def test_no_memory_is_no_batch_s_fault(
    store: Store, database: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def starved(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(store_module, "encode_block", starved)
    with pytest.raises(MemoryError):
        store.flush(inbound(raw(uuid.uuid4(), "a")))
    assert database.execute("SELECT count(*) FROM dead_letters").fetchone() == (0,)


def test_a_failing_batch_among_thousands_is_found_by_halving(
    store: Store, database: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One COPY for each would hold up everybody behind it for as long as hundreds of flushes."""
    copies = 0

    def counted(self: store_module.Flush, parts: Any) -> None:
        nonlocal copies
        copies += 1
        copy(self, parts)

    copy = store_module.Flush._copy_rows
    monkeypatch.setattr(store_module.Flush, "_copy_rows", counted)
    monkeypatch.setattr(store_module, "encode_rows", partial(picky_rows, encode_rows, ZeroDivisionError))
    raws = [raw(uuid.uuid4(), f"{number}\0" if number != 700 else "poison\0") for number in range(1_000)]
    assert len(store.flush(inbound(*raws)).batches) == 999
    assert database.execute("SELECT count(*) FROM logs").fetchone() == (999,)
    assert database.execute("SELECT sum(count) FROM log_counts").fetchone() == (999,)
    assert database.execute("SELECT reason FROM dead_letters").fetchall() == [("failed",)]
    assert copies < 30
