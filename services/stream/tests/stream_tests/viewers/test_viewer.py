"""A viewer's queue: bounded, oldest dropped, every dropped record announced."""

import json

from hypothesis import given
from hypothesis import strategies as st
from logstream_stream.records.chunk import Frame
from logstream_stream.records.framing import NativeFraming
from logstream_stream.viewers.viewer import QueueLimits, Viewer


def viewer_with(records: int = 10, size: int = 1_000_000) -> Viewer:
    return Viewer(NativeFraming(), limits=QueueLimits(records=records, bytes=size), notify=lambda: None, abort=lambda: None)


def frame(name: int, records: int = 4, *, numbered: bool = True) -> Frame:
    return Frame(b"<%d>" % name, records=records, from_us=name, to_us=name, numbered=numbered)


def test_what_is_offered_is_taken_in_order() -> None:
    viewer = viewer_with()
    viewer.offer(frame(1))
    viewer.offer(frame(2))
    assert viewer.take() == (b"<1><2>", 8)
    assert viewer.take() == (b"", 0)


def test_past_the_limit_the_oldest_go_and_are_announced_first() -> None:
    viewer = viewer_with(records=10)
    assert [viewer.offer(frame(name)) for name in (1, 2, 3, 4)] == [0, 0, 4, 4]
    body, records = viewer.take()
    event, rest = body.split(b"\n\n", 1)
    assert json.loads(event.split(b"data: ")[1])["records"] == 8
    assert b'"to":"1970-01-01T00:00:00.000003Z"' in event
    assert (rest, records) == (b"<3><4>", 8)
    assert viewer.take() == (b"", 0)


def test_bytes_are_limited_too() -> None:
    viewer = viewer_with(size=5)
    assert viewer.offer(frame(1)) == 0
    assert viewer.offer(frame(2)) == 4


def test_one_frame_larger_than_the_limit_is_kept() -> None:
    viewer = viewer_with(records=2)
    assert viewer.offer(frame(1)) == 0
    assert viewer.take() == (b"<1>", 4)


def test_notices_outlive_an_overflow() -> None:
    viewer = viewer_with(records=5)
    viewer.offer(Frame(b"<gap>", notice=True))
    viewer.offer(Frame(b"<counts>"))
    viewer.offer(frame(1))
    viewer.offer(frame(2))
    body, _ = viewer.take()
    assert body.endswith(b"<gap><2>")
    assert b"<counts>" not in body


def left_out(name: int, records: int, *, numbered: bool = True) -> Frame:
    return Frame(b"<left out>", records=0, from_us=name, to_us=name, numbered=numbered, left_out=records, reason="rate")


def test_what_was_left_out_is_put_together_when_the_queue_is_full() -> None:
    viewer = viewer_with(records=5)
    for name in range(1, 8):
        viewer.offer(left_out(name, 10))
        viewer.offer(frame(name))
    body, _ = viewer.take()
    *told, rest = body.split(b"\n\n")
    found = [json.loads(event.split(b"data: ")[1]) for event in told]
    assert {notice["reason"]: notice["records"] for notice in found} == {"slow": 24, "rate": 60}
    ends = {notice["reason"]: notice["to"] for notice in found}
    assert ends == {"slow": "1970-01-01T00:00:00.000007Z", "rate": "1970-01-01T00:00:00.000007Z"}
    assert rest == b"<left out><7>"
    assert viewer.take() == (b"", 0)


def test_a_restart_keeps_notices_and_unnumbered_records() -> None:
    viewer = viewer_with()
    for offered in (frame(1), frame(2, numbered=False), Frame(b"<gap>", notice=True), Frame(b"<counts>"),
                    left_out(3, 5), left_out(4, 5, numbered=False)):  # fmt: skip
        viewer.offer(offered)
    viewer.restart()
    assert viewer.take() == (b"<2><gap><left out>", 4)


def test_a_closed_viewer_takes_what_is_left_and_the_last_word() -> None:
    viewer = viewer_with()
    viewer.offer(frame(1))
    viewer.close(b"<end>")
    assert viewer.closing
    assert viewer.take() == (b"<1><end>", 4)


def test_large_queues_are_taken_in_pieces() -> None:
    viewer = viewer_with(records=1_000)
    for _ in range(10):
        viewer.offer(Frame(b"x" * 30_000, records=1))
    pieces = [len(viewer.take()[0]) for _ in range(6)]
    assert pieces == [60_000] * 5 + [0]


@given(st.lists(st.one_of(st.integers(1, 6), st.none()), max_size=60), st.integers(1, 12))
def test_taken_and_announced_are_what_was_offered(steps: list[int | None], limit: int) -> None:
    viewer = viewer_with(records=limit)
    offered = taken = announced = counted = 0
    for step in [*steps, None]:
        if step:
            offered += step
            counted += viewer.offer(frame(1, step))
        else:
            body, records = viewer.take()
            taken += records
            if b"event: dropped" in body:
                announced += json.loads(body.split(b"data: ")[1].split(b"\n")[0])["records"]
    assert announced == counted
    assert taken + announced == offered
