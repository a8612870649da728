"""First screens and returns, one at a time; the model test mixes them."""

from logstream_contract.filters.filters import Filter, Terms
from logstream_stream.records.framing import NativeFraming

from ..batches import START_NS
from ..world import Client, World, events


def begun() -> World:
    world = World()
    world.ask()
    world.answer()
    return world


def store_and_adopt(world: World, batches: int = 1) -> None:
    world.store(batches)
    while world.in_flight:
        world.arrive()
    world.ask()
    world.answer()
    world.hub.second()


def read_all(world: World, client: Client) -> list[str]:
    """What the client is shown now that it was not before."""
    before = len(client.shown)
    while world.read(client):
        pass
    return client.shown[before:]


def test_a_first_screen_ends_in_the_middle_of_a_batch() -> None:
    world = begun()
    store_and_adopt(world, 3)
    client = Client(0, world.join().framing)
    world.connect(client, recent=4)
    assert client.shown + read_all(world, client) == ["2/1", "3/0", "3/1", "3/2"]


def test_a_return_into_the_middle_of_a_batch() -> None:
    world = begun()
    store_and_adopt(world, 3)
    client = Client(0, world.join().framing, last_id=f"{world.window.epoch}:3:0:{START_NS // 1_000_000}")
    world.connect(client)
    assert client.shown + read_all(world, client) == ["3/1", "3/2"]
    assert world.observer.gaps == []


def test_a_first_screen_is_the_latest_that_match_however_far_back() -> None:
    world = begun()
    store_and_adopt(world, 12)
    client = Client(0, world.join().framing, text="/2")
    world.connect(client, recent=3)
    assert client.shown + read_all(world, client) == ["6/2", "9/2", "12/2"]
    store_and_adopt(world, 3)
    assert read_all(world, client) == ["15/2"]


def test_a_first_screen_with_a_filter_may_be_short_or_empty() -> None:
    world = begun()
    store_and_adopt(world, 4)
    few, none = Client(0, world.join().framing, text="3/"), Client(0, world.join().framing, text="nothing")
    for client in (few, none):
        world.connect(client, recent=100)
        read_all(world, client)
    assert (few.shown, none.shown) == (["3/0", "3/1", "3/2"], [])


def test_a_return_with_a_filter_into_the_middle_of_a_batch() -> None:
    world = begun()
    store_and_adopt(world, 5)
    event_id = f"{world.window.epoch}:2:0:{START_NS // 1_000_000}"
    client = Client(0, world.join().framing, text="/1", last_id=event_id)
    world.connect(client)
    assert client.shown + read_all(world, client) == ["2/1", "3/1", "5/1"]
    assert world.observer.gaps == []


def test_what_a_filtered_viewer_saw_unnumbered_is_not_shown_from_the_window() -> None:
    world = begun()
    store_and_adopt(world, 1)
    viewer = world.hub.join(NativeFraming(), notify=lambda: None, abort=lambda: None, filter_=Filter(text=Terms(("/0",))))
    world.store(redis="silent")
    world.arrive()
    while world.hub.live_position.position < 2:
        world.wait(0.3)
        world.ask()
        world.answer()
    found = b"".join(frame.body for frame in world.catch_up.frames(viewer, None, 9))
    while piece := viewer.take()[0]:
        found += piece
    shown = [record["message"] for name, data, _ in events(found) if name == "logs" for record in data]
    assert sorted(shown) == ["1/0", "2/0"]


def test_a_batch_given_a_second_position_is_not_shown_to_who_comes_back() -> None:
    world = begun()
    client = world.join()
    store_and_adopt(world, 1)
    world.lose_memory()
    store_and_adopt(world, 1)
    read_all(world, client)
    assert client.last_id
    assert client.last_id.startswith("e2:1:")
    world.leave(client)
    (again,) = world.stored[:1]
    world.redeliver(again)
    store_and_adopt(world, 1)
    world.connect(client)
    read_all(world, client)
    assert client.shown == ["1/0", "2/0", "3/0"]
    assert not client.gaps


def test_a_viewer_that_missed_unnumbered_records_gets_a_gap() -> None:
    world = begun()
    client = world.join()
    store_and_adopt(world, 1)
    read_all(world, client)
    world.leave(client)
    world.store(redis="unavailable")
    world.arrive()
    world.connect(client)
    read_all(world, client)
    assert world.observer.gaps == ["records without a place"]


def test_a_position_this_replica_has_not_reached_is_waited_for() -> None:
    world = begun()
    store_and_adopt(world, 1)
    world.store(3)
    world.in_flight.clear()
    event_id = f"{world.window.epoch}:3:65535:{START_NS // 1_000_000}"
    client = Client(0, world.join().framing, last_id=event_id)
    world.connect(client)
    assert client.shown + read_all(world, client) == ["4/0", "4/1", "4/2"]
    assert world.observer.gaps == []
