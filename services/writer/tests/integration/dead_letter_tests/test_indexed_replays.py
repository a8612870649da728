"""Replayed records and the search index."""

import threading
import uuid
from typing import Any

import psycopg
import pytest
from harness.waiting import wait_for
from logstream_contract.filters.filters import Filter, read_terms
from logstream_writer.store.dead_letters import DeadLetters
from logstream_writer.store.store import Store

from .storage import PLAIN, RECEIVED_US, WAITING, ids, inbound, index, looked_at, raw, refuse, refusing, scalar


@pytest.mark.parametrize("indexed", ["before", "not yet"])
def test_a_replayed_record_is_found_by_its_text(
    store: Store, dead_letters: DeadLetters, database: psycopg.Connection[Any], indexed: str
) -> None:
    """Though the index has been through its batch, and goes on after others."""
    batch_id = uuid.uuid4()
    late_us = RECEIVED_US - 3_600_000_000
    with refusing(database):
        store.flush(inbound(raw(batch_id, "poison needle", times_us=[late_us])))
        store.flush(inbound(raw(uuid.uuid4(), *(f"hay {number}" for number in range(50)))))
    filters = (Filter(text=read_terms("needle")), Filter(attributes=(("k", "poison needle"),)))
    if indexed == "before":
        index(database)
        assert not any(looked_at(database, filter_, late_us) for filter_ in filters)
    (letter_id,) = ids(dead_letters)
    dead_letters.replay(letter_id, PLAIN, dry_run=False)
    assert all(looked_at(database, filter_, late_us) for filter_ in filters)
    for number in range(9):  # so many that segments are merged
        index(database)
        assert all(looked_at(database, filter_, late_us) for filter_ in filters)
        # By the index now, not for want of one.
        assert not looked_at(database, Filter(text=read_terms("never-written")), late_us)
        store.flush(inbound(raw(uuid.uuid4(), f"more hay {number}")))
    assert scalar(database, "SELECT count(*) FROM search_segments") < 9


def test_a_replay_is_waited_for_by_the_index(
    store: Store, dead_letters: DeadLetters, database: psycopg.Connection[Any], database_url: str
) -> None:
    """Otherwise it could pass over the number that the replay is given."""
    refuse(store, database, "poison")
    (letter_id,) = ids(dead_letters)
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE log_counts")
        replaying = threading.Thread(target=dead_letters.replay, args=(letter_id, PLAIN, False))
        replaying.start()
        wait_for("the replay to wait", lambda: scalar(database, WAITING), lambda count: count == 1)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            index(database)
    replaying.join()
    index(database)
    assert looked_at(database, Filter(text=read_terms("poison")), RECEIVED_US)
    assert not looked_at(database, Filter(text=read_terms("never-written")), RECEIVED_US)


def test_letters_replayed_while_others_are_indexed_are_all_found(
    store: Store, dead_letters: DeadLetters, database: psycopg.Connection[Any], database_url: str
) -> None:
    messages = [f"poison needle{number:03d}" for number in range(40)]
    refuse(store, database, *messages)
    index(database)
    ended = threading.Event()

    def replay() -> None:
        for letter_id in ids(dead_letters):
            dead_letters.replay(letter_id, PLAIN, dry_run=False)
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
        filter_ = Filter(text=read_terms(message.removeprefix("poison ")))
        assert looked_at(database, filter_, RECEIVED_US - number), message
