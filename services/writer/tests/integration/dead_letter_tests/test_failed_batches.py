"""Dead letters whose bytes an error keeps from being stored: each can be seen and deleted, none keeps others from being
replayed, and all can be replayed once the error is mended."""

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import Any

import orjson
import psycopg
import pytest
from logstream_contract.wire.packing import Packer
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord
from logstream_writer import inbound as inbound_module
from logstream_writer.dead_letters import command, plan
from logstream_writer.dead_letters import dead_letter as dead_letter_module
from logstream_writer.dead_letters.arguments import read_arguments
from logstream_writer.dead_letters.dead_letter import DeadLetter, Selection
from logstream_writer.dead_letters.plan import Choices, NotReplayable
from logstream_writer.delivery import Delivery
from logstream_writer.inbound import Inbound, decode, park
from logstream_writer.store import store as store_module
from logstream_writer.store.dead_letters import DeadLetters
from logstream_writer.store.store import Store

RECEIVED = 1_700_000_000_000_000_000
# What was received in 2023 is younger than this.
RETENTION = 36_500 * 86_400 * 1_000_000_000
PLAIN = Choices(RETENTION)
TEXT = "Unforeseen: \N{REPLACEMENT CHARACTER} ?"


def raw(*messages: str) -> bytes:
    records = [LogRecord(message=message, level="info") for message in messages]
    return LogBatch(batch_id=uuid.uuid4().bytes, node="orders", records=records).SerializeToString()


def delivery(*raws: bytes) -> Delivery:
    return Delivery(
        tag=1,
        channel_number=1,
        body=b"".join(map(Packer(0).frame, raws)),
        received_unix_nano=RECEIVED,
        records=1,
        project="default",
    )


def inbound(*raws: bytes) -> Inbound:
    return decode([delivery(*raws)], RETENTION)


def messages(database: psycopg.Connection[Any]) -> list[str]:
    return sorted(message for (message,) in database.execute("SELECT message FROM logs"))


def scalar(database: psycopg.Connection[Any], query: str) -> Any:
    row = database.execute(query).fetchone()
    return row[0] if row else None


class Unforeseen(Exception):
    """Its text is none that a database takes."""

    def __str__(self) -> str:
        return "\0 \ud800"


@contextmanager
def failing(*modules: ModuleType) -> Iterator[None]:
    """These make no rows of a batch with `poison` in it."""

    def picky(real: Callable[..., Any], given: Any, *rest: Any) -> Any:
        if b"poison" in (given if isinstance(given, bytes) else given.SerializeToString()):
            raise Unforeseen
        return real(given, *rest)

    with pytest.MonkeyPatch.context() as patch:
        for module in modules:
            for name in ("rows_of", "rows_of_batch"):
                if hasattr(module, name):
                    patch.setattr(module, name, partial(picky, getattr(module, name)))
        yield


def put_aside(store: Store, *raws: bytes) -> None:
    """As failed letters, those with `poison` in them."""
    with failing(inbound_module):
        store.flush(inbound(*raws))


def test_a_batch_that_failed_is_stored_by_a_replay_once_it_does_not(
    store: Store, dead_letters: DeadLetters, database: psycopg.Connection[Any]
) -> None:
    whole = raw("poison\0", "b")
    put_aside(store, whole, raw("c"))
    (letter_id,) = dead_letters.ids(Selection(None, "failed"))
    left = dead_letters.get(letter_id)
    with failing(inbound_module), pytest.raises(NotReplayable, match=re.escape(TEXT)):
        dead_letters.replay(letter_id, PLAIN, False)
    # In what a flush does, instead of before it.
    with failing_copy(), pytest.raises(NotReplayable, match=re.escape(TEXT)):
        dead_letters.replay(letter_id, PLAIN, False)
    assert dead_letters.get(letter_id) == left, "it stays as it is"
    assert dead_letters.replay(letter_id, PLAIN, False).records == 2
    assert dead_letters.ids(Selection()) == []
    assert messages(database) == ["b", "c", "poison\N{REPLACEMENT CHARACTER}"]
    assert scalar(database, "SELECT sum(count) FROM log_counts") == 3
    (again,) = store.flush(inbound(whole)).batches
    assert again.known


@contextmanager
def failing_copy() -> Iterator[None]:
    def starved(*_: object) -> None:
        raise Unforeseen

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_module, "encode_rows", starved)
        yield


def test_the_command_goes_past_a_letter_that_fails(
    store: Store,
    database: psycopg.Connection[Any],
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """Whatever its bytes are it is listed, shown and deleted; and that it can't be replayed is told, with a status of 1."""

    def command_of(line: str) -> tuple[int, bytes]:
        status = command.run(read_arguments(line.split()), DeadLetters(database_url), RETENTION)
        return status, capfdbinary.readouterr().out

    monkeypatch.setattr(command, "on_stop_signals", lambda _: None)
    raws = [raw(message) for message in ("poison one\0", "two\0", "poison three\0")]
    put_aside(store, raws[0], raws[2])
    store.flush(Inbound(dead_letters=[park(delivery(raws[1]), 3)]))
    first, third, second = (letter.id for letter in reversed([*DeadLetters(database_url).newest(Selection(), 9)]))
    with failing(inbound_module, dead_letter_module, plan):
        status, out = command_of("list --json")
        assert (status, out.count(b'"id"')) == (0, 3)
        status, out = command_of(f"show {first} --json")
        assert (status, orjson.loads(out)["problem"]) == (0, TEXT)
        assert command_of(f"show {first}")[0] == 0
        assert command_of(f"show {first} --raw -") == (0, Packer(0).frame(raws[0]))
        # Not only where decoding is looked after.
        for broken in (plan, None):
            with monkeypatch.context() as patch:
                if broken:
                    patch.setattr(broken, "read", lambda letter, *_: explode_on(letter))
                status, out = command_of(f"replay {first} {second} {third} --dry-run --json")
            assert status == 1
            outcomes = [orjson.loads(line) for line in out.splitlines()]
            assert [one["outcome"] for one in outcomes] == ["stays", "would be replayed", "stays"], outcomes
            assert "Unforeseen" in outcomes[0]["why"]
        status, out = command_of("replay --all --json")
        assert (status, out.count(b"stays"), out.count(b'"replayed"')) == (1, 2, 1)
        assert messages(database) == ["two\N{REPLACEMENT CHARACTER}"]
        assert command_of(f"delete {first}")[0] == 0
    assert command_of("replay --all")[0] == 0
    assert scalar(database, "SELECT count(*) FROM dead_letters") == 0
    assert scalar(database, "SELECT count(*) FROM logs") == 2


def explode_on(letter: DeadLetter) -> Inbound:
    if b"poison" in letter.body:
        raise Unforeseen
    return dead_letter_module.read(letter, RETENTION)
