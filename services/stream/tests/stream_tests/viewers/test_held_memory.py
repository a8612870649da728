"""Viewers who read slowly or not at all hold a bounded number of bytes, all of them together."""

import gc
from typing import Any

import pytest
from logstream_stream.arriving.stored import StoredBatch
from logstream_stream.records.chunk import FRAME_TEXT_BYTES
from logstream_stream.records.decoder import Decoded, Decoder
from logstream_stream.viewers.hub import FULL
from logstream_stream.viewers.viewer import PIECE_BYTES, SLOW, Viewer, slices

from ..batches import START_NS, name_of, raw_batch, stored
from ..limits import limits_with, queue_with
from ..world import Client, events
from .hub_stage import Stage, messages, seen
from .test_catch_up import begun

MOST_BYTES = 400_000


def large(number: int, records: int = 10, size: int = 5_000) -> StoredBatch:
    """A batch whose messages begin with `<number>/<index>`."""
    raw = raw_batch([f"{number}/{index} " + "x" * size for index in range(records)])
    return StoredBatch(number=number, name=name_of(number), received_ns=START_NS, floor_ns=0, data=raw)


def narrow() -> Stage:
    return Stage(limits_with(held_bytes=MOST_BYTES, queue=queue_with(bytes=10**9)))


def held(stage: Stage) -> int:
    return stage.hub.ledger.framed_bytes


def test_a_frame_is_counted_once_and_until_the_last_has_it() -> None:
    stage = narrow()
    viewers = [stage.join(), stage.join(), stage.join(text="/")]
    stage.deliver(large(1))
    stage.hub.flush()
    bodies = {id(viewer._frames[0]): len(viewer._frames[0].body) for viewer in viewers}
    assert len(bodies) == 2
    assert held(stage) == sum(bodies.values())
    for viewer in viewers[1:]:
        viewer.take()
    assert held(stage) == min(bodies.values())
    stage.hub.leave(viewers[0])
    del viewers, viewer
    gc.collect()
    assert held(stage) == 0


def test_past_the_budget_who_is_furthest_behind_loses_first() -> None:
    stage = narrow()
    # None of them shares a frame with another.
    slow, slower, brisk = stage.join(text="/"), stage.join(text="x"), stage.join()
    stage.deliver(large(1))
    stage.hub.flush()
    assert messages(slow)
    assert messages(brisk)
    for number in range(2, 9):
        stage.deliver(large(number), position=number)
        stage.hub.flush()
        assert len(messages(brisk)) == 10
        assert held(stage) <= MOST_BYTES
    lost = {viewer: sum(data["records"] for data in seen_dropped(viewer)) for viewer in (slow, slower)}
    assert lost[slower] >= lost[slow] > 0
    assert stage.observer.dropped_records == sum(lost.values())
    assert stage.observer.closed_reasons == []


def seen_dropped(viewer: Viewer) -> list[dict[str, Any]]:
    dropped: list[dict[str, Any]] = seen(viewer, "dropped")
    assert all(data["reason"] == SLOW for data in dropped)
    return dropped


def test_what_is_shown_and_dropped_of_a_full_replica_is_all() -> None:
    stage = narrow()
    viewers = [stage.join(text=text) for text in ("/", "x", " ")]
    for number in range(1, 20):
        stage.deliver(large(number), position=number)
        stage.hub.flush()
    for viewer in viewers:
        body = b""
        while piece := viewer.take()[0]:
            body += piece
        found = list(events(body))
        dropped = sum(data["records"] for name, data, _ in found if name == "dropped")
        assert dropped + sum(len(data) for name, data, _ in found if name == "logs") == 190
        assert found[0][0] == "dropped"


def test_who_is_written_to_for_longest_is_closed_when_that_is_most_of_it() -> None:
    stage = narrow()
    viewers = [stage.join() for _ in range(8)]
    for number, viewer in enumerate(viewers):
        viewer.writing_since = float(number)
        stage.hub.writes(viewer, MOST_BYTES // 10)
    assert stage.aborted == 0
    more = stage.join()
    more.writing_since = 100.0
    stage.hub.writes(more, MOST_BYTES // 4)
    assert set(stage.observer.closed_reasons) == {FULL}
    closed = [viewer for viewer in viewers if viewer.writing_since is None]
    assert closed == viewers[: len(closed)]
    assert more.writing_since == 100.0
    for viewer in (*viewers, more):
        stage.hub.leave(viewer)
    assert stage.hub.ledger.written_bytes == 0


def test_who_is_closed_and_not_gone_yet_closes_no_one_else() -> None:
    stage = narrow()
    viewers = [stage.join() for _ in range(10)]
    for number, viewer in enumerate(viewers):
        viewer.writing_since = float(number)
        stage.hub.writes(viewer, MOST_BYTES // 10 + 1)
    closed = stage.aborted
    assert 0 < closed < len(viewers)
    # All this in the same turn: those who are closed have not left.
    for number in range(1, 4):
        stage.deliver(large(number), position=number)
        stage.hub.flush()
    assert stage.aborted == closed
    for viewer in viewers:
        stage.hub.leave(viewer)
    assert stage.hub.ledger.written_bytes == 0


def test_pieces_are_small_whatever_a_frame_has() -> None:
    piece = b"x" * (3 * PIECE_BYTES + 1)
    parts = list(slices(piece))
    assert b"".join(parts) == piece
    assert max(map(len, parts)) == PIECE_BYTES


def test_a_catch_up_holds_a_piece_and_no_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches are decoded when their turn comes, and let go before the viewer takes what was rendered of them."""
    world = begun()
    good = Decoder.decode

    def decode(decoder: Decoder, batch: StoredBatch) -> Decoded:
        decoded = good(decoder, batch)
        decoder.forget()
        return decoded

    monkeypatch.setattr(Decoder, "decode", decode)
    monkeypatch.setattr(Decoder, "decode_and_keep", decode)
    wanted = []
    for number in range(1, 5):
        batch = large(number, records=64, size=30_000)
        wanted += [f"{number}/{index}" for index in range(64)]
        world.stored.append(batch)
        world.window.append([batch])
    world.store()
    while world.in_flight:
        world.arrive()
    for _ in range(4):
        world.wait(1)
        world.ask()
        world.answer()
    for last_id in (None, f"{world.window.epoch}:1:65535:{START_NS // 1_000_000}"):
        client = Client(0, world.framing, last_id=last_id)
        client.viewer = world.hub.join(world.framing, notify=lambda: None, abort=lambda: None)
        most = 0
        for frame in world.catch_up.frames(client.viewer, last_id, 5_000):
            client.see(client.viewer.stamp(frame))
            del frame
            gc.collect()
            most = max(most, world.hub.ledger.framed_bytes)
            assert not any(isinstance(thing, Decoded) for thing in gc.get_objects())
        assert most <= 3 * FRAME_TEXT_BYTES
        shown = [message.split(" ")[0] for message in client.shown]
        assert shown == [*(wanted if last_id is None else wanted[64:]), "5/0"]
        world.hub.leave(client.viewer)


def test_a_viewer_remembers_a_thousand_batches_in_few_bytes() -> None:
    stage = Stage()
    viewer = stage.join()
    for number in range(1, 1_500):
        stage.hub.show(viewer, stored(number))
    names = [number for number in range(1, 1_500) if name_of(number) in viewer.seen_in_window]
    assert names == list(range(500, 1_500))
    assert viewer.seen_in_window._hashes.itemsize * len(viewer.seen_in_window._hashes) == 8_000
