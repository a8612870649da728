"""Whatever goes wrong with one batch ends with that batch: it becomes a gap, and all others go on."""

import logging
from collections.abc import Callable, Sequence

import pytest
from logstream_stream.arriving.stored import StoredBatch
from logstream_stream.failures import COUNT, DECODE, FILTER, RENDER, Failures
from logstream_stream.records.columns import Columns
from logstream_stream.records.decoder import Decoded, Decoder
from logstream_stream.records.framing import NativeFraming, SeedFraming
from logstream_stream.records.rendering import Rendered
from logstream_stream.records.selection import CompiledFilter
from logstream_stream.viewers.counts import SecondCounts

from .batches import START_NS, stored
from .viewers.hub_stage import Stage, messages, seen
from .viewers.test_catch_up import begun, read_all, store_and_adopt
from .world import Client, events

BAD = 2


def failing_decode(monkeypatch: pytest.MonkeyPatch) -> None:
    good = Decoder.decode

    def decode(decoder: Decoder, batch: StoredBatch) -> Decoded:
        if batch.number == BAD:
            raise ZeroDivisionError("a bug in reading")
        return good(decoder, batch)

    monkeypatch.setattr(Decoder, "decode", decode)


def failing_sieve(monkeypatch: pytest.MonkeyPatch) -> None:
    good = CompiledFilter.rows

    def rows(compiled_filter: CompiledFilter, decoded: Decoded) -> Sequence[int]:
        if decoded.columns.number == BAD:
            raise KeyError("a bug in matching")
        return good(compiled_filter, decoded)

    monkeypatch.setattr(CompiledFilter, "rows", rows)


def failing_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    good = NativeFraming.render

    def render(framing: NativeFraming, columns: Columns) -> Rendered:
        if columns.number == BAD:
            raise UnicodeDecodeError("utf-8", b"", 0, 1, "a bug in rendering")
        return good(framing, columns)

    monkeypatch.setattr(NativeFraming, "render", render)


FAILURES = [(failing_decode, DECODE), (failing_sieve, FILTER), (failing_rendering, RENDER)]


@pytest.mark.parametrize("max_rate", [0, 1])
@pytest.mark.parametrize(("fail", "reason"), FAILURES)
def test_live_goes_on_after_a_gap(
    monkeypatch: pytest.MonkeyPatch, fail: Callable[[pytest.MonkeyPatch], None], reason: str, max_rate: int
) -> None:
    fail(monkeypatch)
    stage = Stage()
    viewer, other = stage.join(text="/", max_rate=max_rate), stage.join()
    seed = stage.join(SeedFraming())
    for number in (1, BAD, 3):
        stage.now_s += 10
        stage.deliver(hub_stored(number), position=number)
        stage.hub.flush()
    body = b""
    while piece := viewer.take()[0]:
        body += piece
    told = list(events(body))
    names = [name for name, _, _ in told]
    if not max_rate:
        assert names == ["logs", "gap", "logs"]
    gaps = [(data, event_id) for name, data, event_id in told if name == "gap"]
    ((gap, event_id),) = gaps
    assert gap
    assert event_id
    assert told[-1][2]
    assert gap["reason"] == "unreadable batch"
    assert gap["received_from"] == gap["received_to"] == "2024-08-06T18:51:34.000000Z"
    assert "/api/logs?start=" in gap["history"]
    assert event_id.startswith("e:1:"), "who resumes here is told of it again"
    assert told[-1][2].startswith("e:3:")
    assert stage.observer.failed_reasons.count(reason) >= 1
    if reason == FILTER:
        assert messages(other) == ["1/0", "2/0", "3/0"], "the batch is bad for that filter alone"
    assert seed.take()[1] >= 2


def test_what_can_not_be_counted_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def add(counts: SecondCounts, decoded: Decoded, lag_ms: float) -> None:
        raise ValueError("a bug in counting")

    monkeypatch.setattr(SecondCounts, "add", add)
    stage = Stage()
    viewer = stage.join()
    stage.deliver(hub_stored(1))
    monkeypatch.setattr(SecondCounts, "take", add)
    stage.hub.second()
    monkeypatch.undo()
    stage.hub.second()
    assert stage.observer.failed_reasons == [COUNT, COUNT]
    assert len(seen(viewer, "counts")) == 1


@pytest.mark.parametrize(("fail", "reason"), FAILURES)
def test_catching_up_continues_after_a_gap(
    monkeypatch: pytest.MonkeyPatch, fail: Callable[[pytest.MonkeyPatch], None], reason: str
) -> None:
    fail(monkeypatch)
    world = begun()
    store_and_adopt(world, 3)
    world.observer.failed_reasons.clear()
    fresh = Client(0, world.join().framing, text="/")
    world.connect(fresh, recent=100)
    read_all(world, fresh)
    back = Client(0, fresh.framing, text="/", last_id=f"{world.window.epoch}:1:0:{START_NS // 1_000_000}")
    world.connect(back)
    read_all(world, back)
    assert fresh.shown == ["1/0", "3/0", "3/1", "3/2"]
    assert back.shown == ["3/0", "3/1", "3/2"]
    assert world.observer.gaps[-2:] == ["unreadable batch", "unreadable batch"]
    assert len(fresh.gaps) == len(back.gaps) == 1
    assert reason in world.observer.failed_reasons
    store_and_adopt(world, 1)
    assert read_all(world, fresh) == read_all(world, back) == ["4/0"]


def test_the_processes_own_faults_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(decoder: Decoder, batch: StoredBatch) -> Decoded:
        raise MemoryError

    monkeypatch.setattr(Decoder, "decode", decode)
    stage = Stage()
    stage.join()
    with pytest.raises(MemoryError):
        stage.deliver(hub_stored(1))


def test_at_most_one_failure_a_second_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    now_s = 0.0
    counted: list[str] = []
    failures = Failures(lambda: now_s, counted.append)
    with caplog.at_level(logging.ERROR):
        for _ in range(10):
            failures.note(DECODE, ValueError("x"), "1:00")
        now_s = 1.0
        failures.note(DECODE, ValueError("x"), "1:00")
    assert len(counted) == 11
    assert [record.__dict__["not_logged"] for record in caplog.records] == [0, 9]


def hub_stored(number: int) -> StoredBatch:
    return stored(number, records=1, received_ns=START_NS + (number - 1) * 2 * 10**9)
