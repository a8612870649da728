"""Single turns of the sequencer that the model test can't show: when it reads, and when it says nothing."""

from logstream_stream.arriving.window import WindowSnapshot
from logstream_stream.order.outcomes import Deliver, Gap, Outcome
from logstream_stream.order.reorder_buffer import ReorderBuffer

from ..batches import stored
from ..world import Client, World


def delivered(outcomes: list[Outcome]) -> list[tuple[int, int]]:
    return [(found.position, found.batch.number) for found in outcomes if isinstance(found, Deliver)]


def begun(stored_before: int = 3) -> World:
    world = World()
    for _ in range(stored_before):
        world.store()
    world.in_flight.clear()
    world.count()
    while world.in_flight:
        world.arrive()
    world.wait(0.9)
    for _ in range(3):
        world.ask()
        world.answer()
    return world


def test_what_was_in_the_window_before_is_not_live() -> None:
    world = begun()
    sequencer = world.sequencer
    assert sequencer.position == 3
    assert sequencer.receive("e1", [(3, world.stored[2])]) == []


def test_order_is_kept_without_a_reading_when_messages_cross() -> None:
    world = begun()
    sequencer = world.sequencer
    assert sequencer.receive("e1", [(5, stored(5))]) == []
    assert sequencer.window_request() is None
    assert delivered(sequencer.receive("e1", [(4, stored(4))])) == [(4, 4), (5, 5)]


def test_a_missing_position_is_read_after_a_moment() -> None:
    world = begun()
    sequencer = world.sequencer
    sequencer.receive("e1", [(6, stored(6))])
    world.now_s += 0.11
    request = sequencer.window_request()
    assert request
    assert (request.after, request.upto) == (3, 5)


def test_the_head_is_looked_at_within_a_second_when_nothing_arrives() -> None:
    world = begun()
    assert world.sequencer.window_request() is None
    world.now_s += 0.9
    request = world.sequencer.window_request()
    assert request
    assert request.count == 0


def test_a_lost_message_is_healed_within_a_second_of_the_clock() -> None:
    world = begun()
    world.store()
    world.in_flight.clear()
    client = world.join()
    started_s = world.now_s
    while "4/0" not in client.shown:
        world.wait(0.025)
        world.ask()
        world.answer()
        world.hub.flush()
        world.read(client)
    assert world.now_s - started_s < 1.0
    assert world.observer.gaps == []


def test_a_position_that_was_trimmed_is_a_gap_at_once() -> None:
    world = begun()
    for _ in range(4):
        world.store()
    world.window.trim(1)
    world.in_flight = world.in_flight[-1:]
    world.arrive()
    world.now_s += 0.2
    world.ask()
    request, snapshot = world._asked or (None, None)
    assert request
    assert snapshot
    outcomes = world.sequencer.window_read(request, snapshot)
    assert isinstance(outcomes[0], Gap)
    assert outcomes[0].reason == "past the window"
    assert delivered(outcomes) == [(7, 7)]


def test_without_a_window_a_missing_position_is_given_up_after_two_seconds() -> None:
    world = begun()
    world.window.unavailable = True
    sequencer = world.sequencer
    sequencer.receive("e1", [(6, stored(6))])
    world.now_s += 0.2
    world.ask()
    assert sequencer.tick() == []
    world.now_s += 1.9
    outcomes = sequencer.tick()
    assert isinstance(outcomes[0], Gap)
    assert outcomes[0].reason == "recent window away"
    assert delivered(outcomes) == [(6, 6)]


def test_a_missing_position_is_not_given_up_while_the_window_answers() -> None:
    world = begun()
    world.sequencer.receive("e1", [(6, stored(6))])
    world.now_s += 60
    assert world.sequencer.tick() == []


def test_what_left_the_buffer_does_not_wait_in_it_again() -> None:
    buffer = ReorderBuffer(epoch="e", position=3, baseline=0)
    assert not buffer.put(3, stored(3))
    assert buffer.put(5, stored(5))
    assert not buffer.put(5, stored(5))
    assert list(buffer.waiting) == [5]
    assert buffer.next_is_missing


def test_a_redis_with_an_older_memory_is_a_gap_and_live_goes_on() -> None:
    world = begun()
    saved = world.window.snapshot()
    client = world.join()
    world.store(2)
    world.arrive()
    world.wait(0.9)
    world.ask()
    world.answer()
    world.window.restore(saved)
    world.wait(0.9)
    world.ask()
    world.answer()
    world.settle()
    assert client.shown == ["1/0", "2/0", "3/0", "4/0", "5/0", "5/1", "6/0"]
    assert world.observer.gaps == ["new epoch"]
    assert not client.doubles


def test_a_late_answer_of_the_window_takes_nothing_back() -> None:
    world = begun()
    world.now_s += 0.9
    world.ask()
    assert delivered(world.sequencer.receive("e1", [(4, stored(4))])) == [(4, 4)]
    world.answer()
    assert world.sequencer.position == 4
    assert world.observer.gaps == []


def test_an_unasked_answer_changes_nothing() -> None:
    world = begun()
    world.now_s += 0.9
    request = world.sequencer.window_request()
    assert request
    other = World()
    other.ask()
    other.answer()
    assert (
        other.sequencer.window_read(request, WindowSnapshot(epoch="x", position=99, anchor=None, entries=[], complete_to=0))
        == []
    )
    assert other.sequencer.epoch == ""


def test_what_had_no_position_and_did_not_arrive_is_a_gap() -> None:
    world = begun()
    client = world.join()
    world.store(redis="unavailable")
    world.in_flight.clear()
    world.count()
    world.settle()
    assert "4/0" not in client.shown
    assert "5/0" in client.shown
    assert world.observer.gaps == ["lost on the way"]
    assert not world.holes(client)


def lost_and_read() -> tuple[World, Client]:
    """The fourth batch had a position and its message is lost; the window was read since."""
    world = begun()
    client = world.join()
    world.store()
    world.in_flight.clear()
    world.count()
    world.settle()
    return world, client


def test_what_had_a_position_and_did_not_arrive_is_read_and_no_gap() -> None:
    world, client = lost_and_read()
    assert client.shown == ["1/0", "2/0", "3/0", "4/0", "5/0"]
    assert world.observer.gaps == []


def test_what_had_a_position_in_a_memory_that_is_lost_is_a_gap_whenever_that_is_noticed() -> None:
    for noticed_first in (True, False):
        world = begun()
        client = world.join()
        # A writer that knows the epoch, and one whose message is lost.
        world.store(by=0)
        world.store(by=1)
        while world.in_flight:
            world.arrive()
        world.store(by=1)
        world.in_flight.clear()
        if noticed_first:
            world.count()
            world.arrive(1)
        world.lose_memory()
        world.store(by=0)
        world.arrive(0)
        for _ in range(3):
            world.wait(0.9)
            world.ask()
            world.answer()
        world.settle()
        assert world.observer.gaps == ["lost on the way"], noticed_first
        assert not world.holes(client)


def test_a_loss_before_the_window_was_read_again_is_none_of_a_later_memory() -> None:
    world, client = lost_and_read()
    world.lose_memory()
    world.settle()
    assert world.observer.gaps == []
    assert not world.holes(client)


def test_the_example_of_the_docstring() -> None:
    world = begun()
    sequencer, window = world.sequencer, world.window
    batches = [stored(number) for number in range(4, 16)]

    def says(outcomes: list[Outcome]) -> list[int | str]:
        return [found.reason if isinstance(found, Gap) else found.position for found in outcomes]

    def read() -> list[int | str]:
        world.now_s += 0.2
        request = sequencer.window_request()
        assert request
        snapshot = window.read(anchor=request.anchor, after=request.after, upto=request.upto, count=request.count)
        return says(sequencer.window_read(request, snapshot))

    def receive(position: int) -> list[int | str]:
        return says(sequencer.receive(window.epoch, [(position, batches[position - 4])]))

    window.append(batches[:3])
    assert receive(4) == [4]
    assert receive(6) == []
    assert read() == [5, 6]
    assert receive(5) == []
    window.append(batches[3:5])
    window.trim(1)
    assert receive(8) == []
    assert read() == ["past the window", 8]
    window.append(batches[5:7])
    assert receive(10) == []
    sequencer.window_failed()
    world.now_s += 2.1
    assert says(sequencer.tick()) == ["recent window away", 10]
    assert says(sequencer.receive("", [(0, batches[7])])) == [0]
    window.append([batches[8]], new_epoch=True)
    assert says(sequencer.receive("e2", [(11, batches[8])])) == []
    assert read() == [11]
    window.lose_memory()
    window.append(batches[9:11])
    assert says(sequencer.receive("e3", [(2, batches[10])])) == []
    assert read() == []
    assert read() == [1, 2]
