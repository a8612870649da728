"""Who may receive a message, and who has to wait, yield or leave."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from logstream_gateway.admission import Admission, Bounds, Reception
from logstream_gateway.unavailable import Unavailable

BOUNDS = Bounds(calls=100, bytes=160, message_bytes=10, waiting=30, receive_s=20.0)  # 16 slots


class Call:
    def __init__(self, peer: str) -> None:
        self._peer = peer
        self.asked = 0

    def peer(self) -> str:
        self.asked += 1
        return self._peer


class Door:
    """An admission, and the calls that it wants ended while they have a slot."""

    def __init__(self, bounds: Bounds = BOUNDS) -> None:
        self.held = 0
        self.ended: list[tuple[str, str]] = []
        self.admission = Admission(bounds, lambda: self.held)

    def begin(self, peer: str, now_s: float = 0.0, size: int | None = None) -> Reception:
        return self.admission.begin("Push", Call(peer), now_s, size)

    def fill(self, peer: str, calls: int, now_s: float = 0.0) -> list[Reception]:
        return [self.begin(peer, now_s) for _ in range(calls)]

    def sweep(self, now_s: float) -> None:
        self.ended += [(reception.call.peer(), error.reason) for reception, error in self.admission.sweep(now_s)]


def on_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    return lambda: asyncio.run(test())


def slots(receptions: list[Reception]) -> int:
    return sum(reception.slot for reception in receptions)


@on_loop
async def test_bytes_of_slots_and_of_what_is_held_are_bounded_together() -> None:
    door = Door()
    door.held = 100
    calls = [door.begin(f"peer {number}") for number in range(20)]
    assert slots(calls) == 6
    assert door.admission.reserved_bytes == 60
    door.held = 0
    door.sweep(0.1)
    assert slots(calls) == 16
    for call in calls:
        door.admission.finish(call)
    assert door.admission.reserved_bytes == 0


@on_loop
async def test_a_full_broker_leaves_a_few_slots() -> None:
    door = Door()
    door.held = 1000
    assert slots([door.begin(f"peer {number}") for number in range(20)]) == 4


@on_loop
async def test_one_connection_leaves_half_of_the_slots() -> None:
    door = Door()
    assert slots(door.fill("greedy", 30)) == 8
    assert slots(door.fill("second", 10)) == 4
    assert door.begin("modest").slot


@on_loop
async def test_who_waits_gets_slots_in_turn() -> None:
    door = Door(replace(BOUNDS, bytes=40))  # 4 slots
    greedy = door.fill("greedy", 10)
    others = [door.begin(f"peer {number}") for number in range(4)]
    assert (slots(greedy), slots(others)) == (2, 2)
    door.admission.finish(greedy[0])
    assert slots(others) == 3
    # Now it has none either, and has waited longer.
    door.admission.finish(greedy[1])
    assert (slots(greedy[2:]), slots(others)) == (1, 3)
    assert greedy[2].turn is None


@on_loop
async def test_waiting_calls_are_bounded_but_each_connection_has_one() -> None:
    door = Door(replace(BOUNDS, bytes=40, waiting=5))
    door.fill("greedy", 7)
    with pytest.raises(Unavailable) as refused:
        door.begin("greedy")
    assert refused.value.reason == "receiving_full"
    door.fill("second", 1)
    door.fill("third", 1)
    assert not door.begin("fourth").slot
    # Of those who go on it says nothing.
    assert not door.admission.refused_since(0.0)


@on_loop
async def test_calls_are_bounded() -> None:
    door = Door(replace(BOUNDS, calls=2))
    door.admission.enter(1.0)
    door.admission.enter(1.0)
    with pytest.raises(Unavailable) as refused:
        door.admission.enter(2.0)
    assert refused.value.reason == "calls_full"
    assert door.admission.refused_since(2.0)
    assert not door.admission.refused_since(2.1)
    door.admission.leave()
    door.admission.enter(3.0)


@on_loop
async def test_a_message_must_arrive_in_time() -> None:
    door = Door(replace(BOUNDS, bytes=40))
    calls = door.fill("slow", 3)
    door.sweep(19.9)
    assert door.ended == []
    door.sweep(20.1)
    door.sweep(20.2)
    assert door.ended == [("slow", "slow_message")] * 2
    assert calls[2].turn is not None
    with pytest.raises(Unavailable, match="within 20 s"):
        await calls[2].turn


@on_loop
async def test_the_slow_messages_of_the_greediest_make_room_for_who_has_none() -> None:
    door = Door(replace(BOUNDS, bytes=70))
    door.fill("greedy", 20)  # has 4 of 7
    door.fill("second", 1)
    door.fill("third", 1)
    door.fill("fourth", 1)
    needy = door.begin("needy", 1.0)
    door.sweep(1.9)
    assert door.ended == []
    door.sweep(2.1)
    assert door.ended == [("greedy", "slow_message")]
    assert not needy.slot  # until the ended call is gone


@on_loop
async def test_a_slow_sender_does_not_yield_to_its_own_calls() -> None:
    door = Door()
    door.fill("slow", 30)
    door.sweep(19.9)
    assert door.ended == []


@on_loop
async def test_a_message_alone_has_half_of_the_time_when_others_wait() -> None:
    door = Door(replace(BOUNDS, bytes=40))
    for number in range(4):
        door.begin(f"peer {number}")
    door.begin("needy", 1.0)
    door.sweep(9.9)
    assert door.ended == []
    door.sweep(10.1)
    assert door.ended == [("peer 0", "slow_message")]


@on_loop
async def test_who_leaves_while_waiting_is_forgotten() -> None:
    door = Door(replace(BOUNDS, bytes=40))
    calls = door.fill("greedy", 6)
    for call in calls[2:]:
        door.admission.finish(call)
    for call in calls[:2]:
        door.admission.finish(call)
    assert door.admission.reserved_bytes == 0
    assert slots(door.fill("greedy", 6, 2.0)) == 2


@on_loop
async def test_nobody_asks_whose_slots_they_are_while_there_are_plenty() -> None:
    door = Door()
    few = door.fill("few", 8)
    assert [call.peer for call in few] == [None] * 8
    more = door.begin("more")
    assert [call.peer for call in (*few, more)] == ["few"] * 8 + ["more"]
    for call in few:
        door.admission.finish(call)
    door.sweep(0.1)
    assert door.begin("again").peer is None
    door.admission.finish(more)
    assert door.admission.reserved_bytes == 10


@on_loop
async def test_slots_count_as_their_sizes() -> None:
    door = Door()
    calls = [door.begin(f"peer {number}", size=size) for number, size in enumerate((1, 3, 40, 10))]
    assert slots(calls) == 4
    assert door.admission.reserved_bytes == 54
    for call in calls:
        door.admission.finish(call)
    assert door.admission.reserved_bytes == 0


@on_loop
async def test_several_large_slots_have_half_of_the_room() -> None:
    door = Door()
    large = [door.begin(f"large {number}", size=40) for number in range(4)]
    assert slots(large) == 2
    assert slots([door.begin(f"peer {number}") for number in range(10)]) == 8
    door.admission.finish(large[0])
    assert slots(large) == 3


@on_loop
async def test_a_large_slot_gets_its_turn_among_any_number_of_small_ones() -> None:
    door = Door()
    small = [door.begin(f"peer {number}") for number in range(16)]
    large = door.begin("large", size=40)
    later = [door.begin(f"later {number}") for number in range(16)]
    for finished in range(3):
        door.admission.finish(small[finished])
        assert (slots(later), large.slot) == (0, False)
    door.admission.finish(small[3])
    assert large.slot
    assert slots(later) == 0
    door.admission.finish(small[4])
    assert slots(later) == 1


@on_loop
async def test_a_connection_that_has_a_slot_makes_nobody_leave_room_for_its_large_one() -> None:
    door = Door()
    door.begin("large", size=70)
    door.begin("large", size=70)
    assert slots([door.begin(f"peer {number}") for number in range(20)]) == 9


@on_loop
async def test_however_little_room_there_is_one_may_begin_when_there_is_no_other() -> None:
    door = Door()
    door.held = 1000
    first = door.begin("large", size=80)
    small = door.begin("small")
    assert (first.slot, small.slot) == (True, False)
    second = door.begin("another", size=80)
    door.admission.finish(first)
    assert [call.slot for call in (second, small)] == [True, False]
    door.admission.finish(second)
    assert slots([small]) == 1


@on_loop
async def test_who_leaves_while_waiting_for_a_large_slot_leaves_its_room_to_others() -> None:
    door = Door()
    small = [door.begin(f"peer {number}") for number in range(16)]
    large = door.begin("large", size=40)
    later = door.begin("later")
    door.admission.finish(small[0])
    assert slots([later]) == 0
    door.admission.finish(large)
    assert slots([later]) == 1
    for call in (*small[1:], later):
        door.admission.finish(call)
    assert door.admission.reserved_bytes == 0
    door.sweep(0.1)
    assert door.begin("again", size=80).peer is None


@on_loop
async def test_a_message_that_has_arrived_is_not_slow() -> None:
    door = Door(replace(BOUNDS, bytes=40))
    calls = [door.begin(f"peer {number}") for number in range(4)]
    for call in calls:
        call.arrived = True
    waiting = door.begin("needy")
    door.sweep(19.0)
    assert door.admission.shed(10, 1.0, 19.5)[1] == []
    assert waiting.turn is not None
    with pytest.raises(Unavailable, match="short of memory"):
        await waiting.turn
    door.sweep(21.0)
    assert door.ended == []


@on_loop
async def test_what_is_larger_than_its_slot_is_kept_if_there_is_room() -> None:
    door = Door()
    calls = [door.begin(f"peer {number}") for number in range(9)]
    for call in calls[:2]:
        door.admission.arrive(call, 40)
    assert door.admission.reserved_bytes == 150
    with pytest.raises(Unavailable) as refused:
        door.admission.arrive(calls[2], 40)
    assert refused.value.reason == "receiving_full"
    for call in calls:
        door.admission.finish(call)
    assert door.admission.reserved_bytes == 0
    assert slots([door.begin(f"large {number}", size=40) for number in range(2)]) == 2


@on_loop
async def test_bytes_are_counted_whatever_happens() -> None:
    chance = random.Random(3)
    door = Door(replace(BOUNDS, bytes=400))
    under_way: list[Reception] = []
    for step in range(5_000):
        door.held = chance.choice((0, 0, 100, 500))
        if under_way and chance.random() < 0.5:
            door.admission.finish(under_way.pop(chance.randrange(len(under_way))))
        else:
            with suppress(Unavailable):
                under_way.append(
                    door.begin(f"peer {chance.randrange(8)}", step * 0.01, chance.choice((None, 1, 7, 64, 128)))
                )
        if under_way and (call := chance.choice(under_way)).slot:
            with suppress(Unavailable):
                door.admission.arrive(call, chance.choice((1, 12, 70)))
        if step % 20 == 0:
            door.sweep(step * 0.01)
        assert door.admission.reserved_bytes == sum(call.size_bytes for call in under_way if call.slot)
        assert any(call.slot for call in under_way) or not under_way
    while under_way:
        door.admission.finish(under_way.pop())
    assert (door.admission.reserved_bytes, door.admission.receiving) == (0, 0)
    door.held = 0
    door.sweep(100.0)
    assert door.begin("last", size=200).peer is None


@on_loop
async def test_short_of_memory_calls_that_are_slow_end() -> None:
    door = Door()
    door.fill("slow", 3)
    door.begin("quick", 1.0)
    count, ended = door.admission.shed(2, 1.0, 1.5)
    assert (count, [reception.call.peer() for reception, _ in ended]) == (2, ["slow", "slow"])
    count, ended = door.admission.shed(2, 1.0, 1.5)
    assert (count, [reception.call.peer() for reception, _ in ended]) == (1, ["slow"])


@on_loop
async def test_short_of_memory_calls_that_wait_for_a_slot_end_too() -> None:
    door = Door(replace(BOUNDS, bytes=40))
    crowd = [door.begin(f"peer {number}") for number in range(6)]
    assert slots(crowd) == 4
    count, ended = door.admission.shed(10, 1.0, 1.5)
    assert (count, len(ended)) == (6, 4)
    for call in crowd[4:]:
        assert call.turn is not None
        with pytest.raises(Unavailable, match="short of memory"):
            await call.turn
