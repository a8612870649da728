"""The time that filters take is shared fairly, and cheap ones do not notice that there are expensive ones."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from logstream_contract.filters.filters import Filter, Terms
from logstream_stream.records.decoder import Decoded
from logstream_stream.records.selection import CompiledFilter
from logstream_stream.viewers.channel import COST
from logstream_stream.viewers.filter_time import FilterTime, FilterTimeLimits, TimeBudget
from logstream_stream.viewers.viewer import Viewer

from ..batches import stored
from ..limits import FILTER_TIME, limits_with
from ..world import events
from .hub_stage import Stage

RECORDS = 100
BATCHES_PER_S = 20


@dataclass
class Machine:
    """Batches come and filters take their time; clock and timer are the same."""

    limits: FilterTimeLimits
    takes_s: dict[str, float] = field(default_factory=dict)
    now_s: float = 0.0
    looked: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.time: FilterTime[str] = FilterTime(self.limits, lambda: self.now_s, lambda: self.now_s)

    def add(self, name: str, client: str, takes_s: float) -> None:
        self.takes_s[name] = takes_s
        self.time.enter(name, client)

    def run(self, seconds: float) -> dict[str, float]:
        """Seconds that each filter took of each of these."""
        began_s = self.now_s
        spent = dict.fromkeys(self.takes_s, 0.0)
        self.looked.clear()
        self.batches = 0
        while self.now_s < began_s + seconds:
            due_s = self.now_s + 1 / BATCHES_PER_S
            self.time.begin(RECORDS)
            self.batches += 1
            for name, takes_s in self.takes_s.items():
                if self.time.may_take(name):
                    self.now_s += takes_s
                    self.looked[name] += 1
                    spent[name] += takes_s
                    self.time.taken(name, RECORDS, takes_s)
            self.now_s = max(self.now_s, due_s)
        return {name: value / (self.now_s - began_s) for name, value in spent.items()}


def test_while_there_is_time_every_filter_sees_everything() -> None:
    machine = Machine(FilterTimeLimits(process_s=0.5, client_s=0.5))
    for number in range(10):
        machine.add(str(number), "a", 0.002)
    machine.run(10)
    assert set(machine.looked.values()) == {machine.batches}


def test_past_the_budget_cheap_filters_see_everything_and_expensive_ones_take_turns() -> None:
    machine = Machine(FilterTimeLimits(process_s=0.5, client_s=0.5))
    for number in range(5):
        machine.add(f"cheap {number}", "a", 0.0005)
    for number in range(60):
        machine.add(f"dear {number}", "b", 0.02)
    machine.run(5)
    spent = machine.run(20)
    assert sum(spent.values()) <= 0.55
    assert all(machine.looked[f"cheap {number}"] == machine.batches for number in range(5))
    turns = [machine.looked[f"dear {number}"] for number in range(60)]
    assert min(turns) > 0
    assert max(turns) <= 2 * min(turns)


def test_no_client_gets_more_than_its_share() -> None:
    machine = Machine(FilterTimeLimits(process_s=0.5, client_s=0.25))
    for number in range(20):
        machine.add(f"many {number}", "greedy", 0.01)
    machine.add("one", "modest", 0.008)
    machine.run(5)
    spent = machine.run(20)
    assert sum(value for name, value in spent.items() if name != "one") <= 0.28
    assert machine.looked["one"] == machine.batches


def test_two_greedy_clients_get_the_same_however_many_filters_they_have() -> None:
    machine = Machine(FilterTimeLimits(process_s=0.4, client_s=0.4))
    for number in range(30):
        machine.add(f"thirty {number}", "a", 0.02)
    for number in range(3):
        machine.add(f"three {number}", "b", 0.02)
    machine.run(5)
    spent = machine.run(20)
    of_three = sum(value for name, value in spent.items() if name.startswith("three"))
    assert of_three == pytest.approx(sum(spent.values()) / 2, rel=0.2)


def test_many_new_filters_at_once_stall_no_batch() -> None:
    machine = Machine(FilterTimeLimits(process_s=0.5, client_s=0.5))
    for number in range(1_000):
        machine.add(str(number), "a", 0.05)
    machine.time.begin(RECORDS)
    took_s = 0.0
    for name in machine.takes_s:
        if machine.time.may_take(name):
            took_s += 0.05
            machine.time.taken(name, RECORDS, 0.05)
    assert took_s <= 0.35


def test_a_filter_that_nobody_has_is_forgotten() -> None:
    machine = Machine(FILTER_TIME)
    for client in ("a", "b", "a"):
        machine.time.enter("x", client)
    for client in ("a", "a", "b"):
        machine.time.leave("x", client)
    assert not machine.time._filters


def test_what_was_taken_too_much_is_waited_for() -> None:
    now_s = 0.0
    budget = TimeBudget(0.5, lambda: now_s)
    budget.take(1.5)
    now_s = 1.9
    assert not budget.is_left
    now_s = 2.1
    assert budget.is_left


class SlowStage(Stage):
    """A filter takes half a second for each batch, by the hub's clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(limits_with(filter_time=FilterTimeLimits(process_s=0.5, client_s=0.5)))
        self.hub.filter_time._timer = lambda: self.now_s
        good = CompiledFilter.rows

        def rows(compiled_filter: CompiledFilter, decoded: Decoded) -> object:
            self.now_s += 0.5
            return good(compiled_filter, decoded)

        monkeypatch.setattr(CompiledFilter, "rows", rows)


def test_a_skipped_batch_is_announced_before_anything_later(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = SlowStage(monkeypatch)
    viewers = [stage.join(text=text) for text in ("/0", "/1", "/2", "/")]
    every = stage.join()
    for number in range(1, 41):
        stage.now_s += 0.05
        stage.deliver(stored(number, records=3), position=number)
        if number % 3 == 0:
            stage.hub.flush()
    stage.hub.second()
    for viewer, share in zip(viewers, (1, 1, 1, 3), strict=True):
        found = list(read(viewer))
        told = {"logs": 0, "dropped": 0}
        with_id = 0
        for name, data, event_id in found:
            if name == "logs":
                told["logs"] += len(data)
            elif name == "dropped":
                assert data["reason"] == COST
                told["dropped"] += data["records"]
            if name != "dropped" and event_id:
                position = int(event_id.split(":")[1])
                # Everything up to its id was tested, or announced as left out.
                assert told["logs"] + told["dropped"] * share // 3 >= position * share
                with_id = position
        assert with_id > 0
        assert told["logs"] + told["dropped"] * share // 3 == 40 * share
        assert told["dropped"] % 3 == 0
        assert 0 < told["dropped"] < 120
        assert told["logs"] > 0
    assert sum(len(data) for name, data, _ in read(every) if name == "logs") == 120
    assert stage.observer.dropped_records > 0


def read(viewer: Viewer) -> list[tuple[str, Any, str | None]]:
    body = b""
    while piece := viewer.take()[0]:
        body += piece
    return list(events(body))


def test_no_filter_costs_nothing() -> None:
    stage = Stage()
    stage.hub.join(stage.native, notify=lambda: None, abort=lambda: None, filter_=Filter(text=Terms(("x",))), client="a")
    assert stage.hub.filter_time.spent_s == 0
