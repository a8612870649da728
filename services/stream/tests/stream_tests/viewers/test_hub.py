"""The hub: everything once for all, to the viewers it is meant for."""

import pytest
from logstream_stream.arriving.stored import StoredBatch
from logstream_stream.order.outcomes import Deliver, Gap
from logstream_stream.records.decoder import Decoded
from logstream_stream.records.framing import SeedFraming
from logstream_stream.viewers.admission import Full
from logstream_stream.viewers.viewer import QueueLimits

from ..batches import START_NS, raw_batch, stored
from ..limits import limits_with
from ..world import World, events
from .hub_stage import Stage, messages, seen


def test_one_frame_is_shared_by_all_viewers_of_a_framing() -> None:
    stage = Stage()
    viewers = [stage.join(), stage.join()]
    stage.deliver(stored(1))
    stage.hub.flush()
    frames = [viewer._frames[-1].body for viewer in viewers]
    assert frames[0] is frames[1]


def test_a_client_has_no_more_viewers_than_one_may_have() -> None:
    stage = Stage(limits_with(viewers_per_client=2))
    first, _ = stage.join(client="a"), stage.join(client="a")
    with pytest.raises(Full, match="client"):
        stage.join(client="a")
    for client in ("b", None, None, None):
        stage.join(client=client)
    stage.hub.leave(first)
    stage.hub.leave(first)
    stage.join(client="a")
    with pytest.raises(Full, match="client"):
        stage.join(client="a")
    assert stage.hub.viewer_count == 6


def test_a_viewer_that_is_not_live_is_sent_only_announcements_of_unnumbered_records() -> None:
    stage = Stage(limits_with(max_rate=1))
    live, waiting = stage.join(), stage.join(live=False)
    stage.deliver(stored(1, records=4))
    stage.deliver(stored(2, records=3), position=0)
    stage.hub.flush()
    assert sum(data["records"] for data in seen(live, "dropped")) == 6
    assert sum(data["records"] for data in seen(waiting, "dropped")) == 3
    assert stage.observer.dropped_records == 9


def test_what_was_delivered_before_a_viewer_came_is_not_queued_for_it() -> None:
    stage = Stage()
    first = stage.join(live=False)
    stage.deliver(stored(1, records=1), position=0)
    second = stage.join(live=False)
    stage.hub.flush()
    assert (messages(first), messages(second)) == (["1/0"], [])


def test_a_viewer_that_is_not_live_is_queued_only_what_has_no_number() -> None:
    stage = Stage()
    viewer = stage.join(live=False)
    stage.deliver(stored(1, records=1))
    stage.deliver(stored(2, records=1), position=0)
    stage.hub.second()
    assert [record["message"] for data in seen(viewer, "logs") for record in data] == ["2/0"]


def test_going_live_begins_after_what_was_delivered() -> None:
    stage = Stage()
    first = stage.join()
    stage.deliver(stored(1, records=1))
    second = stage.join()
    stage.deliver(stored(2, records=1), position=2)
    stage.hub.flush()
    assert [len(data) for data in seen(first, "logs")] == [1, 1]
    assert [data[0]["message"] for data in seen(second, "logs")] == ["2/0"]


def test_refused_records_are_not_shown_nor_counted() -> None:
    stage = Stage()
    viewer = stage.join()
    stage.deliver(stored(1, records=3, refused=[1]))
    stage.hub.second()
    found = list(events(viewer.take()[0]))
    assert [record["message"] for record in found[0][1]] == ["1/0", "1/2"]
    assert found[1][1]["records"] == 2
    assert found[1][1]["by_level"] == {"info": 2}
    assert found[1][1]["by_node"] == {"orders": 2}


def test_the_nodes_that_are_counted_are_those_with_most_records() -> None:
    stage = Stage()
    viewer = stage.join()
    for number in range(1, 15):
        raw = raw_batch(["m"] * number, node=f"node-{number}")
        stage.deliver(
            StoredBatch(number=number, name=f"{number}:", received_ns=START_NS, floor_ns=0, data=raw), position=number
        )
    stage.hub.second()
    stage.hub.second()
    first, second = seen(viewer, "counts")
    assert first["by_node"] == {f"node-{number}": number for number in range(14, 4, -1)}
    assert list(first["by_node"]) == [f"node-{number}" for number in range(14, 4, -1)]
    assert (first["other"], second["other"]) == ({"levels": 0, "nodes": 10}, {"levels": 0, "nodes": 0})
    assert second["by_node"] == {}


def test_a_new_viewer_is_not_sent_what_the_last_one_saw() -> None:
    stage = Stage()
    last = stage.join()
    stage.deliver(stored(1, records=3))
    stage.hub.leave(last)
    stage.hub.second()
    viewer = stage.join()
    stage.hub.second()
    assert [counts["records"] for counts in seen(viewer, "counts")] == [0]


def test_the_lag_of_a_second_is_that_of_its_records_not_of_its_batches() -> None:
    stage = Stage()
    viewer = stage.join()
    # 60 records were accepted 0.2 s ago, 39 of them 0.1 s, and one 5 s.
    for number, (records, lag_ms) in enumerate([(60, 200), (1, 5_000), (39, 100)], 1):
        raw = raw_batch(["m"] * records)
        stage.deliver(
            StoredBatch(number=number, name=f"{number}:", received_ns=START_NS - lag_ms * 1_000_000, floor_ns=0, data=raw),
            position=number,
        )
    stage.hub.second()
    stage.hub.second()
    first, second = seen(viewer, "counts")
    assert (first["lag_p50_ms"], first["lag_p99_ms"], first["lag_ms"]) == (200, 200, 5_000)
    assert (second["lag_p50_ms"], second["lag_p99_ms"], second["lag_ms"]) == (0, 0, 0)


def test_nothing_is_decoded_while_nobody_watches() -> None:
    stage = Stage()
    decoded: list[int] = []
    decode = stage.hub.decoder.decode

    def spy(batch: StoredBatch) -> Decoded:
        decoded.append(batch.number)
        return decode(batch)

    stage.hub.decoder.decode = spy  # type: ignore[method-assign]
    stage.deliver(stored(1))
    viewer = stage.join()
    stage.join(SeedFraming())
    stage.deliver(stored(2), position=2)
    stage.hub.leave(viewer)
    assert decoded == [2]


def test_an_unreadable_batch_is_a_gap() -> None:
    stage = Stage()
    viewer = stage.join()
    stage.deliver(StoredBatch(number=2, name="2:", received_ns=START_NS, floor_ns=0, data=b"\xff no batch"))
    assert [data["received_from"] for data in seen(viewer, "gap")] == ["2024-08-06T18:51:32.000000Z"]


def test_a_gap_comes_after_what_was_delivered_before_it() -> None:
    stage = Stage()
    viewer = stage.join()
    stage.hub.apply([Deliver(stored(1), "e", 1), Gap(1, 2, "why"), Deliver(stored(2), "e", 9)])
    stage.hub.flush()
    assert [name for name, _, _ in events(viewer.take()[0])] == ["logs", "gap", "logs"]


def test_status_is_sent_when_it_changes() -> None:
    stage = Stage()
    viewer = stage.join()
    stage.hub.set_status("broker", True)
    stage.hub.set_status("broker", True)
    assert seen(viewer, "status") == [{"broker": "up", "recent": "down"}]


def test_no_more_viewers_than_fit_and_none_while_draining() -> None:
    stage = Stage(limits_with(viewers=1))
    viewer = stage.join()
    with pytest.raises(Full):
        stage.join()
    stage.hub.leave(viewer)
    viewer = stage.join()
    stage.hub.drain()
    stage.hub.leave(viewer)
    with pytest.raises(Full):
        stage.join()


def test_a_viewer_that_does_not_read_is_cut_off_once() -> None:
    stage = Stage()
    stuck, waiting = stage.join(), stage.join()
    stuck.writing_since = 0.0
    waiting.writing_since = None
    stage.now_s = 30.0
    stage.hub.second()
    assert stage.aborted == 0
    stage.now_s = 31.0
    stage.hub.second()
    stage.hub.second()
    assert stage.aborted == 1
    assert stage.observer.closed_reasons == ["slow"]


def test_heartbeats_come_every_fifteen_seconds_on_both_routes() -> None:
    stage = Stage()
    viewers = [stage.join(), stage.join(SeedFraming())]
    bodies = [b"", b""]
    for second in range(1, 46):
        stage.now_s = float(second)
        stage.hub.second()
        bodies = [body + viewer.take()[0] for body, viewer in zip(bodies, viewers, strict=True)]
    assert [body.count(b":\n") for body in bodies] == [3, 3]
    assert bodies[1] == b":\n" * 3


def test_draining_flushes_and_spreads_the_return() -> None:
    stage = Stage()
    viewers = [stage.join() for _ in range(8)]
    stage.deliver(stored(1, records=1))
    stage.hub.drain()
    bodies = [viewer.take()[0] for viewer in viewers]
    assert all(b'"1/0"' in body for body in bodies)
    assert len({body.split(b"retry: ")[1] for body in bodies}) == 8


def test_dropped_records_are_counted_for_the_second() -> None:
    stage = Stage()
    viewer = stage.join()
    viewer._limits = QueueLimits(records=200, bytes=10**9)
    watching = stage.join()
    for number in range(1, 5):
        stage.deliver(stored(number, records=200), position=number)
    stage.hub.second()
    assert seen(watching, "counts")[-1]["dropped"] == 600
    assert stage.observer.dropped_records == 600
    assert seen(viewer, "dropped")[0]["records"] == 600


def test_an_unnumbered_batch_does_not_move_the_id() -> None:
    world = World()
    world.store()
    world.ask()
    world.answer()
    client = world.join()
    world.now_s = 100.0
    world.store(redis="unavailable")
    world.arrive(1)
    world.hub.second()
    while world.read(client):
        pass
    # The time is that of the beginning: the batch before it was not looked at.
    assert client.last_id == f"e1:1:65535:{START_NS // 1_000_000}"
