"""Who comes back to another replica, or after a fault that it did not see itself, is shown what it missed or told where it
is."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from random import Random

import pytest
from harness.fault_proxy import FaultProxy
from harness.sse import Viewer
from logstream_stream.arriving.stored import StoredBatch
from logstream_stream.order.event_id import read_event_id

from .playing import Replica, Writer, messages
from .test_live import expect, proxied, proxy_to, reasons, shown, status

RECORDS = 3
VIEWERS = 200
VISITS = 5
FILTER = "/1"


@contextmanager
def load(writer: Writer, stored: list[StoredBatch]) -> Iterator[None]:
    """A batch every few milliseconds, until the end of the block. The writer belongs to it meanwhile."""
    stopping = threading.Event()

    def store() -> None:
        while not stopping.wait(0.005):
            stored.append(writer.store(RECORDS))

    thread = threading.Thread(target=store)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def all_of(batches: Sequence[StoredBatch]) -> list[str]:
    return [message for batch in batches for message in messages(batch, RECORDS)]


def saw_last(text: str, viewer: Viewer) -> bool:
    return text in shown(viewer)


def left_by(rabbitmq_url: str, redis_url: str, writer: Writer) -> tuple[str, list[str]]:
    """The last id of a viewer whose replica was killed, and what it was shown."""
    with Replica(rabbitmq_url, redis_url) as doomed, Viewer(f"{doomed.url}/stream") as viewer:
        viewer.wait("live", lambda seen: bool(seen.named("counts")))
        first = writer.store(RECORDS)
        expect(viewer, messages(first, RECORDS))
        doomed.process.kill()
        assert viewer.ended.wait(30)
        return viewer.last_id() or "", shown(viewer)


def test_hundreds_that_resume_at_once_get_no_gap(rabbitmq_url: str, redis_url: str, writer: Writer) -> None:
    everybody = partial(Replica, rabbitmq_url, redis_url, LOGSTREAM_STREAM_VIEWERS_PER_CLIENT="0")
    stored: list[StoredBatch] = []
    queries = [f"?q={FILTER}&recent=0" if n % 4 == 0 else "?recent=0" for n in range(VIEWERS)]
    with everybody() as replica, ExitStack() as viewers, load(writer, stored):
        with everybody() as doomed:
            before = [viewers.enter_context(Viewer(f"{doomed.url}/stream{query}")) for query in queries]
            for viewer in before:
                viewer.wait("an id", lambda seen: bool(shown(seen)))
            doomed.process.kill()
            assert all(viewer.ended.wait(30) for viewer in before)
        event_ids = [viewer.last_id() for viewer in before]
        after = [
            viewers.enter_context(Viewer(f"{replica.url}/stream{query}", last_event_id=event_id))
            for query, event_id in zip(queries, event_ids, strict=True)
        ]
        for viewer in after:
            viewer.wait("live", lambda seen: bool(seen.named("counts")))
        last = stored[-1]
        for viewer in after:
            viewer.wait("the latest", partial(saw_last, f"{last.number}/1"))
    for query, one, two in zip(queries, before, after, strict=True):
        assert not one.named("gap")
        assert not two.named("gap")
        owed = [message for message in all_of(stored) if FILTER not in query or FILTER in message]
        found = shown(one) + shown(two)
        first = owed.index(found[0])
        assert found == owed[first : first + len(found)]


@pytest.mark.parametrize("window_records", [100_000, 10])
def test_what_a_gap_names_is_all_that_is_missing(
    rabbitmq_url: str, redis_url: str, writer: Writer, replica: Replica, window_records: int
) -> None:
    event_id, seen_before = left_by(rabbitmq_url, redis_url, writer)
    writer.window_records = window_records
    missed = [writer.store(RECORDS) for _ in range(20)]
    replica.wait("to have all", lambda: replica.metric("logstream_stream_fanout_messages_total") == 21)
    with Viewer(f"{replica.url}/stream?recent=4", last_event_id=event_id) as again:
        last = writer.store(RECORDS)
        again.wait("the latest", partial(saw_last, f"{last.number}/2"))
        judge(again, [*missed, last], seen_before)
        assert reasons(again) == ([] if window_records > 10 else ["past the window"])


def test_redis_lost_its_memory_while_nobody_watched(
    rabbitmq_url: str, redis_url: str, writer: Writer, replica: Replica
) -> None:
    event_id, seen_before = left_by(rabbitmq_url, redis_url, writer)
    missed = [writer.store(RECORDS) for _ in range(3)]
    writer.lose_memory()
    missed += [writer.store(RECORDS) for _ in range(3)]
    with Viewer(f"{replica.url}/stream?recent=4", last_event_id=event_id) as again:
        last = writer.store(RECORDS)
        again.wait("the latest", partial(saw_last, f"{last.number}/2"))
        judge(again, [*missed, last], seen_before)
        assert reasons(again) == ["new epoch"]


def test_the_broker_was_unavailable_while_nobody_watched(rabbitmq_url: str, redis_url: str, writer: Writer) -> None:
    with proxy_to(rabbitmq_url) as proxy, Replica(proxied(rabbitmq_url, proxy), redis_url) as replica:
        event_id, seen_before = left_by(rabbitmq_url, redis_url, writer)
        cut(proxy, replica)
        missed = [writer.store(RECORDS) for _ in range(3)]
        with Viewer(f"{replica.url}/stream", last_event_id=event_id) as early:
            early.wait("what was missed", partial(saw_last, f"{missed[-1].number}/2"))
            assert {"broker": "down", "recent": "up"} in status(early)
            proxy.release()
            early.wait("the broker's return", lambda seen: status(seen)[-1:] == [{"broker": "up", "recent": "up"}])
            missed.append(writer.store(RECORDS))
            with Viewer(f"{replica.url}/stream", last_event_id=event_id) as late:
                for viewer in (early, late):
                    viewer.wait("the latest", partial(saw_last, f"{missed[-1].number}/2"))
                    judge(viewer, missed, seen_before)
                    assert not viewer.named("gap")


def cut(proxy: FaultProxy, replica: Replica) -> None:
    proxy.hold()
    proxy.drop()
    replica.wait("to miss the broker", lambda: not replica.metric("logstream_stream_broker_up"))


def judge(viewer: Viewer, stored: Sequence[StoredBatch], seen_before: list[str]) -> None:
    """Each record that was stored since was shown once, in order, or lies in an announced range."""
    found = shown(viewer)
    owed = all_of(stored)
    assert not set(found) & set(seen_before)
    assert found == [message for message in owed if message in set(found)]
    gaps = [event.json() for event in viewer.named("gap")]
    for batch in stored:
        time = datetime.fromtimestamp(batch.received_ns / 1e9, UTC).isoformat()
        if not set(messages(batch, RECORDS)) <= set(found):
            assert any(
                gap["from"] <= time < gap["to"] and gap["received_from"] <= time <= gap["received_to"] for gap in gaps
            )


def test_what_is_shown_and_what_was_dropped_up_to_the_id_is_all(
    rabbitmq_url: str, redis_url: str, writer: Writer, seed: int
) -> None:
    chance, stored, found, dropped = Random(seed), list[StoredBatch](), list[str](), 0
    with Replica(rabbitmq_url, redis_url, LOGSTREAM_STREAM_MAX_RATE="100") as replica, ExitStack() as loading:
        event_id, enough = None, 1
        for _ in range(VISITS):
            with Viewer(f"{replica.url}/stream?recent=0", last_event_id=event_id) as viewer:
                viewer.wait("live", lambda seen: bool(seen.named("counts")))
                if event_id is None:
                    loading.enter_context(load(writer, stored))
                enough = chance.randint(1, 40)
                viewer.wait("some events", partial(has_events, enough))
            # Its thread has ended. What came after the last id comes again, or is told again.
            ids = [number for number, event in enumerate(viewer.events) if event.id]
            known = viewer.events[: ids[-1] + 1]
            found += [record["message"] for event in known if event.name == "logs" for record in event.json()]
            dropped += sum(event.json()["records"] for event in known if event.name == "dropped")
            event_id = viewer.last_id()
        loading.close()
        with Viewer(f"{replica.url}/stream", last_event_id=event_id) as last:
            final = writer.store(1)
            last.wait("the end", partial(came_to, final.number))
            found += shown(last)
            dropped += sum(event.json()["records"] for event in last.named("dropped"))
            assert not last.named("gap")
    owed = [*all_of(stored), f"{final.number}/0"]
    assert dropped
    assert len(found) + dropped == len(owed)
    assert found == [message for message in owed if message in set(found)]


def came_to(position: int, viewer: Viewer) -> bool:
    """Positions are the batches' numbers here."""
    event_id = read_event_id(viewer.last_id() or "")
    return bool(event_id and event_id.position >= position)


def has_events(count: int, viewer: Viewer) -> bool:
    return sum(event.name == "logs" for event in viewer.events) >= count


def test_at_the_end_the_seeds_route_is_flushed_and_sent_when_to_reconnect(
    rabbitmq_url: str, redis_url: str, writer: Writer
) -> None:
    every_record = {"LOGSTREAM_STREAM_MAX_RATE": "0"}
    with Replica(rabbitmq_url, redis_url, **every_record) as replica, Viewer(f"{replica.url}/logs") as viewer:
        first = writer.store(1)
        # From then on it is live: its first screen will not be the latest ten of the others.
        viewer.wait("the first record", lambda seen: bool(seen.events))
        batches = [writer.store(200) for _ in range(20)]
        replica.wait("to have all", lambda: replica.metric("logstream_stream_fanout_messages_total") == 1 + len(batches))
        assert replica.close() == 0
        assert viewer.ended.wait(30)
        found = [event.json()["message"] for event in viewer.events]
        assert found == messages(first, 1) + [message for batch in batches for message in messages(batch, 200)]
        assert viewer.parser.retry_ms not in (None, 2_000)
