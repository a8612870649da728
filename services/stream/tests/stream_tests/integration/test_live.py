"""Live, first screen and resume through a running service, with a played writer on a real broker and a real Redis."""

import threading
from urllib.parse import quote, urlsplit

import pytest
import requests
from harness.fault_proxy import FaultProxy
from harness.sse import Viewer
from logstream_stream.order.event_id import read_event_id

from .playing import Replica, Writer, messages


def shown(viewer: Viewer) -> list[str]:
    return [record["message"].rstrip(".") for record in viewer.records()]


def expect(viewer: Viewer, wanted: list[str]) -> None:
    """Waits until exactly these records were shown, in this order."""
    viewer.wait(f"{len(wanted)} records", lambda seen: len(shown(seen)) >= len(wanted))
    assert shown(viewer) == wanted


def reasons(viewer: Viewer) -> list[str]:
    return [event.json()["reason"] for event in viewer.named("gap")]


def proxied(url: str, proxy: FaultProxy) -> str:
    parts = urlsplit(url)
    login = f"{parts.username}:{parts.password}@" if parts.username else ""
    return parts._replace(netloc=f"{login}127.0.0.1:{proxy.port}").geturl()


def proxy_to(url: str) -> FaultProxy:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return FaultProxy(parts.hostname, parts.port)


def test_a_record_goes_live_in_its_shape(writer: Writer, viewer: Viewer) -> None:
    batch = writer.store(2)
    expect(viewer, messages(batch, 2))
    record = viewer.records()[1]
    assert record.pop("time").endswith("Z")
    assert record == {
        "sequence": str(batch.number << 16 | 1),
        "severity": 9,
        "level": "info",
        "node": "orders",
        "message": f"{batch.number}/1",
        "attributes": {},
    }
    assert viewer.response.getheader("Cache-Control") == "no-cache"
    assert viewer.response.getheader("X-Accel-Buffering") == "no"
    assert viewer.parser.retry_ms == 2000


def test_counts_come_each_second_and_carry_the_id(writer: Writer, viewer: Viewer) -> None:
    writer.store(3)
    viewer.wait("counted records", lambda seen: any(e.json()["records"] for e in seen.named("counts")))
    counts = next(event for event in viewer.named("counts") if event.json()["records"])
    assert counts.json()["by_level"] == {"info": 3}
    assert counts.json()["by_node"] == {"orders": 3}
    assert counts.json()["viewers"] == 1
    assert counts.json()["dropped"] == 0
    assert counts.json()["lag_ms"] >= 0
    event_id = read_event_id(counts.id or "")
    assert event_id
    assert (event_id.position, event_id.index) == (1, 65535)


def test_the_end_of_the_catch_up_is_announced(writer: Writer, replica: Replica) -> None:
    before = writer.store(2)
    with Viewer(f"{replica.url}/stream") as viewer:
        viewer.wait("live", lambda seen: bool(seen.named("live")))
        assert shown(viewer) == messages(before, 2), "what was stored before comes before it"
        after = writer.store(1)
        expect(viewer, messages(before, 2) + messages(after, 1))
        [live] = viewer.named("live")
        assert live.json() == {}
        assert live.id == viewer.named("logs")[0].id, "one may resume from it"


def test_the_first_screen_is_the_latest_oldest_first(writer: Writer, replica: Replica, viewer: Viewer) -> None:
    batches = [writer.store(3) for _ in range(4)]
    last = batches[-1]
    # A replica that is still behind would show the last of them live.
    expect(viewer, [message for batch in batches for message in messages(batch, 3)])
    with Viewer(f"{replica.url}/stream") as second:
        expect(second, [f"{last.number - 1}/1", f"{last.number - 1}/2", *messages(last, 3)])
    with Viewer(f"{replica.url}/stream?recent=1") as third:
        expect(third, [f"{last.number}/2"])


def test_first_screen_and_live_have_no_hole_and_no_double_under_load(writer: Writer, replica: Replica) -> None:
    stopping = threading.Event()

    def load() -> None:
        while not stopping.wait(0.002):
            writer.store(3)

    loading = threading.Thread(target=load)
    loading.start()
    try:
        viewers = [Viewer(f"{replica.url}/stream") for _ in range(20)]
    finally:
        stopping.set()
        loading.join()
    last = writer.store(1)
    for viewer in viewers:
        viewer.wait("the last record", lambda seen: f"{last.number}/0" in shown(seen))
        found = shown(viewer)
        number, index = map(int, found[0].split("/"))
        owed = [f"{n}/{i}" for n in range(number, last.number) for i in range(3)][index:]
        assert found == [*owed, f"{last.number}/0"]
        assert not viewer.named("gap")
        viewer.close()


def test_a_viewer_resumes_in_the_middle_of_a_batch(writer: Writer, replica: Replica, viewer: Viewer) -> None:
    large = writer.store(450)
    expect(viewer, messages(large, 450))
    ids = [event.id for event in viewer.named("logs")]
    viewer.close()
    later = [writer.store(2) for _ in range(30)]
    rest = messages(large, 450)[200:] + [message for batch in later for message in messages(batch, 2)]
    with Viewer(f"{replica.url}/stream", last_event_id=ids[0]) as again:
        expect(again, rest)
        following = writer.store(1)
        expect(again, [*rest, *messages(following, 1)])
        assert not again.named("gap")
    with Viewer(f"{replica.url}/stream?after={quote(ids[0] or '')}") as again:
        expect(again, [*rest, *messages(following, 1)])


def test_past_the_window_a_gap_names_the_range(writer: Writer, replica: Replica, viewer: Viewer) -> None:
    first = writer.store(1)
    expect(viewer, messages(first, 1))
    event_id = viewer.last_id()
    writer.window_records = 10
    missed = [message for batch in [writer.store(2) for _ in range(20)] for message in messages(batch, 2)]
    # A replica that is still behind shows what it comes to live, which may be more than the recent records.
    expect(viewer, [*messages(first, 1), *missed])
    viewer.close()
    with Viewer(f"{replica.url}/stream", last_event_id=event_id) as again:
        expect(again, missed[-5:])
        assert reasons(again) == ["past the window"]
        gap = again.named("gap")[0].json()
        times = [record["time"] for record in again.records()]
        assert gap["history"] == f"/api/logs?start={gap['from']}&end={gap['to']}"
        assert gap["from"] < gap["received_from"] <= min(times) <= gap["received_to"] < gap["to"]
        assert again.events.index(again.named("gap")[0]) < again.events.index(again.named("logs")[0])


@pytest.mark.parametrize("event_id", ["nonsense", "e:1", "e:1:2:3:4:5:\x7f", "x" * 500, "e:99999999999999999:0:0"])
def test_an_unreadable_id_is_a_gap_and_the_recent_records(writer: Writer, replica: Replica, event_id: str) -> None:
    batch = writer.store(2)
    with Viewer(f"{replica.url}/stream?after={quote(event_id)}") as viewer:
        expect(viewer, messages(batch, 2))
        assert reasons(viewer) == ["unreadable id"]
        assert viewer.named("gap")[0].json()["from"] is None


def test_a_hostile_header_is_a_gap_and_the_recent_records(writer: Writer, replica: Replica) -> None:
    batch = writer.store(2)
    hostile = ("\xff\xfe", "é:1:2:3", "e:-1:0:0", "e:1:65536:0", "e:1e9:0:0", "e:1:2", "x" * 8_000, "0:" * 4_000)
    for event_id in hostile:
        with Viewer(f"{replica.url}/stream", last_event_id=event_id) as viewer:
            expect(viewer, messages(batch, 2))
            assert reasons(viewer) == ["unreadable id"], event_id[:40]
            assert viewer.named("gap")[0].json()["history"].startswith("/api/logs?end=")
    # What no header may hold or be.
    for event_id in ("\0", "x" * 20_000):
        assert (
            400 <= requests.get(f"{replica.url}/stream", headers={"Last-Event-ID": event_id}, timeout=10).status_code < 500
        )
    with Viewer(f"{replica.url}/stream") as viewer:
        expect(viewer, messages(batch, 2))


def test_an_id_nobody_gave_is_a_gap(writer: Writer, replica: Replica, viewer: Viewer) -> None:
    batch = writer.store(2)
    expect(viewer, messages(batch, 2))
    epoch = (viewer.last_id() or "").split(":")[0]
    for made_up, reason in ((f"{epoch}:4711:0:0", "unknown place"), ("other:1:0:0", "new epoch")):
        with Viewer(f"{replica.url}/stream", last_event_id=made_up) as again:
            expect(again, messages(batch, 2))
            assert reasons(again) == [reason]


def test_a_lost_fanout_message_is_healed(writer: Writer, replica: Replica, viewer: Viewer) -> None:
    batches = [writer.store(2, published=published) for published in (True, False, True, False, False)]
    expect(viewer, [message for batch in batches for message in messages(batch, 2)])
    assert not viewer.named("gap")
    assert replica.metric("logstream_stream_healed_batches_total") == 3


def test_reordered_and_doubled_messages_are_shown_once_in_order(writer: Writer, viewer: Viewer) -> None:
    batches = [writer.batch(2) for _ in range(3)]
    epoch, positions = writer.register(batches)
    for index in (2, 0, 2, 1, 1):
        writer.publish(epoch, [positions[index]], [batches[index]])
    last = writer.store(1)
    expect(viewer, [message for batch in batches for message in messages(batch, 2)] + messages(last, 1))


def test_unnumbered_records_are_live_and_a_new_epoch_is_no_gap(writer: Writer, viewer: Viewer) -> None:
    first = writer.store(1)
    expect(viewer, messages(first, 1))
    unnumbered = writer.store_unnumbered(2)
    expect(viewer, messages(first, 1) + messages(unnumbered, 2))
    assert viewer.named("logs")[-1].id == viewer.named("logs")[0].id, "the id before them, which some clients forget"
    after = writer.store(1)
    expect(viewer, messages(first, 1) + messages(unnumbered, 2) + messages(after, 1))
    assert not viewer.named("gap")


def test_an_unnumbered_batch_that_does_not_arrive_is_a_gap(writer: Writer, replica: Replica, viewer: Viewer) -> None:
    first = writer.store(1)
    expect(viewer, messages(first, 1))
    writer.store_unnumbered(2, published=False)
    writer.tell_count()
    viewer.wait("a gap", lambda seen: bool(seen.named("gap")))
    unnumbered = writer.store_unnumbered(1)
    last = writer.store(1)
    expect(viewer, messages(first, 1) + messages(unnumbered, 1) + messages(last, 1))
    assert reasons(viewer) == ["lost on the way"]
    gap = viewer.named("gap")[0].json()
    assert gap["received_from"] <= viewer.records()[0]["time"]
    assert 'logstream_stream_gaps_total{reason="lost on the way"} 1.0' in replica.get("/metrics").text


def test_a_viewer_that_missed_unnumbered_records_gets_a_gap(writer: Writer, replica: Replica, viewer: Viewer) -> None:
    first = writer.store(1)
    expect(viewer, messages(first, 1))
    event_id = viewer.last_id()
    viewer.close()
    writer.store_unnumbered(1)
    replica.wait("to have seen it", lambda: replica.metric("logstream_stream_fanout_messages_total") == 2)
    with Viewer(f"{replica.url}/stream", last_event_id=event_id) as again:
        again.wait("a gap", lambda seen: bool(seen.named("gap")))
        assert reasons(again) == ["records without a place"]


def test_redis_without_its_memory(writer: Writer, replica: Replica, viewer: Viewer) -> None:
    before = [writer.store(2) for _ in range(3)]
    expect(viewer, [message for batch in before for message in messages(batch, 2)])
    event_id = viewer.last_id()
    writer.lose_memory()
    after = [writer.store(2) for _ in range(2)]
    expect(viewer, [message for batch in before + after for message in messages(batch, 2)])
    assert not viewer.named("gap")
    with Viewer(f"{replica.url}/stream", last_event_id=event_id) as again:
        expect(again, [message for batch in after for message in messages(batch, 2)])
        assert reasons(again) == ["new epoch"]


def test_a_broken_broker_connection_leaves_no_hole(rabbitmq_url: str, redis_url: str, writer: Writer) -> None:
    # An epoch that is just new could mean that something was published unnumbered; this one is old.
    early = writer.store(1)
    with (
        proxy_to(rabbitmq_url) as proxy,
        Replica(proxied(rabbitmq_url, proxy), redis_url) as replica,
        Viewer(f"{replica.url}/stream") as viewer,
    ):
        viewer.wait("live", lambda seen: bool(seen.named("counts")))
        first = messages(early, 1) + messages(writer.store(2), 2)
        expect(viewer, first)
        proxy.hold()
        proxy.drop()
        batches = [writer.store(2) for _ in range(3)]
        viewer.wait("the broker's loss", lambda seen: {"broker": "down", "recent": "up"} in status(seen))
        batches.append(writer.store(2))
        expect(viewer, first + [message for batch in batches for message in messages(batch, 2)])
        proxy.release()
        proxy.drop()
        viewer.wait("the broker's return", lambda seen: status(seen)[-1:] == [{"broker": "up", "recent": "up"}])
        batches.append(writer.store(2))
        expect(viewer, first + [message for batch in batches for message in messages(batch, 2)])
        assert not viewer.named("gap")


def test_an_unavailable_redis_costs_only_first_screen_and_resume(rabbitmq_url: str, redis_url: str, writer: Writer) -> None:
    with (
        proxy_to(redis_url) as proxy,
        Replica(rabbitmq_url, proxied(redis_url, proxy)) as replica,
        Viewer(f"{replica.url}/stream") as viewer,
    ):
        viewer.wait("live", lambda seen: bool(seen.named("counts")))
        first = writer.store(2)
        expect(viewer, messages(first, 2))
        event_id = viewer.last_id()
        proxy.hold()
        viewer.wait("the window's loss", lambda seen: {"broker": "up", "recent": "down"} in status(seen))
        unnumbered = writer.store_unnumbered(2)
        expect(viewer, messages(first, 2) + messages(unnumbered, 2))
        with Viewer(f"{replica.url}/stream") as fresh, Viewer(f"{replica.url}/stream", last_event_id=event_id) as again:
            again.wait("the gaps", lambda seen: reasons(seen) == ["records without a place", "recent window away"])
            fresh.wait("live", lambda seen: bool(seen.named("counts")))
            assert {"broker": "up", "recent": "down"} in status(fresh)
            more = writer.store_unnumbered(1)
            expect(fresh, messages(more, 1))
            expect(again, messages(more, 1))
        proxy.drop()
        proxy.release()
        viewer.wait("the window's return", lambda seen: status(seen)[-1:] == [{"broker": "up", "recent": "up"}])
        last = writer.store(1)
        expect(viewer, messages(first, 2) + messages(unnumbered, 2) + messages(more, 1) + messages(last, 1))
        assert not viewer.named("gap")


def status(viewer: Viewer) -> list[dict[str, str]]:
    return [event.json() for event in viewer.named("status")]


def test_the_seeds_route_keeps_its_framing(writer: Writer, replica: Replica) -> None:
    batch = writer.store(12)
    with Viewer(f"{replica.url}/logs") as viewer:
        viewer.wait("ten records", lambda seen: len(seen.events) >= 10)
        live = writer.store(1)
        viewer.wait("a live record", lambda seen: len(seen.events) >= 11)
        assert {event.name for event in viewer.events} == {"message"}
        found = [event.json() for event in viewer.events]
        assert [record["message"] for record in found] == messages(batch, 12)[2:] + messages(live, 1)
        assert found[0].pop("timestamp").endswith("Z")
        assert found[0] == {
            "sequence_number": str(batch.number << 16 | 2),
            "node": "orders",
            "level": "info",
            "message": f"{batch.number}/2",
        }


def test_another_replica_resumes_after_a_kill(rabbitmq_url: str, redis_url: str, writer: Writer, replica: Replica) -> None:
    with Replica(rabbitmq_url, redis_url) as doomed, Viewer(f"{doomed.url}/stream") as viewer:
        viewer.wait("live", lambda seen: bool(seen.named("counts")))
        first = writer.store(3)
        expect(viewer, messages(first, 3))
        doomed.process.kill()
        missed = writer.store(2)
        event_id = viewer.last_id()
    with Viewer(f"{replica.url}/stream", last_event_id=event_id) as again:
        expect(again, messages(missed, 2))
        assert not again.named("gap")


def test_bad_parameters_are_named(replica: Replica) -> None:
    answer = requests.get(f"{replica.url}/stream?recent=-1&regex=x", timeout=10)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {found["name"] for found in answer.json()["problems"]} == {"recent", "regex"}
