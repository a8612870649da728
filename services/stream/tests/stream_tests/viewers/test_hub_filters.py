"""Viewers with filters and rates: computed once for all who have the same."""

from collections.abc import Sequence

import pytest
from logstream_contract.filters.filters import Filter
from logstream_stream.order.live_position import LivePosition
from logstream_stream.order.outcomes import Gap
from logstream_stream.records.decoder import Decoded
from logstream_stream.records.selection import CompiledFilter
from logstream_stream.viewers.admission import Full

from ..batches import START_NS, stored
from ..limits import limits_with
from ..world import events
from .hub_stage import Stage, messages, seen


def test_a_viewer_with_a_filter_is_shown_what_matches() -> None:
    stage = Stage()
    every, some, none = stage.join(), stage.join(text="/1"), stage.join(text="nothing")
    stage.deliver(stored(1, records=3), stored(2, records=1), stored(3, records=2))
    stage.hub.second()
    counts = {viewer: [data for name, data, _ in events(viewer._frames[-1].body)] for viewer in (every, some, none)}
    assert counts[every] == counts[some] == counts[none]
    assert messages(some) == ["1/1", "3/1"]
    assert messages(every) == ["1/0", "1/1", "1/2", "2/0", "3/0", "3/1"]
    assert messages(none) == []


def test_a_viewer_whose_filter_matches_nothing_moves_on_all_the_same() -> None:
    stage = Stage()
    viewer = stage.join(text="nothing")
    stage.hub.live_position = LivePosition("e", 5)
    stage.hub.second()
    assert [(name, event_id) for name, _, event_id in events(viewer.take()[0])] == [("counts", "e:5:65535:0")]


def test_a_batch_is_looked_through_once_a_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[CompiledFilter] = []
    rows = CompiledFilter.rows

    def spy(compiled_filter: CompiledFilter, decoded: Decoded) -> Sequence[int]:
        looked.append(compiled_filter)
        return rows(compiled_filter, decoded)

    monkeypatch.setattr(CompiledFilter, "rows", spy)
    stage = Stage()
    viewers = [stage.join(text=text) for text in ("/0", "/0", "/1", "")]
    stage.join(text="/1", max_rate=5)
    stage.deliver(stored(1))
    stage.hub.flush()
    assert len(looked) == len(set(looked)) == 2
    assert viewers[0]._frames[-1].body is viewers[1]._frames[-1].body
    assert [messages(viewer) for viewer in viewers] == [["1/0"], ["1/0"], ["1/1"], ["1/0", "1/1"]]


def test_filters_are_counted_while_somebody_has_them() -> None:
    stage = Stage()
    viewers = [stage.join(text=text) for text in ("a", "a", "b", "")]
    assert stage.observer.filter_count == 2
    for viewer in viewers[1:]:
        stage.hub.leave(viewer)
    assert stage.observer.filter_count == 1
    stage.hub.leave(viewers[0])
    assert stage.observer.filter_count == 0


def test_no_more_filters_than_fit_but_more_viewers_of_one() -> None:
    stage = Stage(limits_with(filters=1))
    stage.join(text="a")
    with pytest.raises(Full, match="filters"):
        stage.join(text="b")
    stage.join(text="a")
    stage.join()


def test_a_filter_counts_once_more_for_every_rate() -> None:
    stage = Stage(limits_with(filters=3, max_rate=100))
    stage.join(text="a", max_rate=5)
    assert stage.join(text="a", max_rate=100).max_rate == stage.join(text="a").max_rate == 100
    stage.join(max_rate=5)
    stage.join(max_rate=100)
    with pytest.raises(Full, match="filters"):
        stage.join(max_rate=6)
    assert stage.observer.filter_count == 1


def test_past_the_rate_all_who_watch_the_same_are_sent_the_same_and_the_rest_is_announced() -> None:
    stage = Stage(limits_with(max_rate=100))
    viewers = [stage.join(), stage.join(), stage.join(max_rate=50), stage.join(text="/1", max_rate=50)]
    stage.deliver(stored(1, records=120))
    stage.hub.second()
    bodies = [viewer.take()[0] for viewer in viewers]
    assert bodies[0] == bodies[1]
    for body, shown, left_out in zip(bodies, (100, 100, 50, 31), (20, 20, 70, 0), strict=True):
        found = list(events(body))
        assert [name for name, _, _ in found] == (["dropped"] if left_out else []) + ["logs", "counts"]
        assert len(found[-2][1]) == shown
        assert not left_out or (found[0][1]["records"], found[0][1]["reason"]) == (left_out, "rate")
        assert found[-1][1]["dropped"] == 110
    assert stage.observer.dropped_records == 110


def test_a_filter_of_history_is_refused_and_leaves_nothing_behind() -> None:
    stage = Stage()
    with pytest.raises(ValueError, match="regex"):
        stage.hub.join(stage.native, notify=lambda: None, abort=lambda: None, filter_=Filter(regex="a"))
    assert (stage.hub.viewer_count, stage.hub.filter_count) == (0, 0)


def test_a_gap_says_where_history_has_what_this_viewer_asks_for() -> None:
    stage = Stage()
    every, some = stage.join(), stage.join(text="a b")
    stage.hub.apply([Gap(START_NS, START_NS, "why")])
    times = "start=2024-08-06T18:41:32.000000Z&end=2024-08-06T19:01:32.000000Z"
    assert [data["history"] for data in seen(every, "gap")] == [f"/api/logs?{times}"]
    assert [data["history"] for data in seen(some, "gap")] == [f"/api/logs?{times}&q=%22a%20b%22"]
