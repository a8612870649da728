"""Many who come and go while records go live: each sees an unbroken run of them, over all its connections."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from random import Random

from harness.sse import Viewer

from .playing import Replica, Writer
from .test_live import shown

CLIENTS, RETURNS, AT_ONCE = 340, 2, 20
RECORDS = 3
# Seen on each connection, so that it ends in live and not in the first screen.
ENOUGH = 30


def _saw(records: int, viewer: Viewer) -> bool:
    return len(shown(viewer)) >= records and bool(viewer.last_id())


@dataclass
class Visitor:
    """One who comes back to where it was. text: the filter, "" for none."""

    text: str
    shown: list[str] = field(default_factory=list)
    gaps: int = 0

    def visit(self, url: str, chance: Random) -> None:
        event_id = None
        for _ in range(1 + RETURNS):
            query = f"?q={self.text}" if self.text else ""
            with Viewer(f"{url}/stream{query}", last_event_id=event_id) as viewer:
                enough = chance.randint(1, ENOUGH)
                viewer.wait("some records", partial(_saw, enough))
            # Its thread has ended, so that the id is that of the last record it took.
            self.shown += shown(viewer)
            self.gaps += len(viewer.named("gap"))
            event_id = viewer.last_id()


def test_a_thousand_connects_under_load_have_no_hole_and_no_double(writer: Writer, replica: Replica, seed: int) -> None:
    stopping = threading.Event()
    numbers: list[int] = []

    def load() -> None:
        while not stopping.wait(0.003):
            numbers.append(writer.store(RECORDS).number)

    visitors = [Visitor("/1" if n % 4 == 0 else "") for n in range(CLIENTS)]
    chances = [Random(seed + n) for n in range(CLIENTS)]
    loading = threading.Thread(target=load)
    loading.start()
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(Visitor.visit, visitors, [replica.url] * CLIENTS, chances))
    finally:
        stopping.set()
        loading.join()
    stored = [f"{number}/{index}" for number in numbers for index in range(RECORDS)]
    for visitor in visitors:
        assert not visitor.gaps
        owed = [message for message in stored if visitor.text in message]
        first = owed.index(visitor.shown[0])
        assert visitor.shown == owed[first : first + len(visitor.shown)]
    assert len({visitor.shown[0] for visitor in visitors}) > AT_ONCE
