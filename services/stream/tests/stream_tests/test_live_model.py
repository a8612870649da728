"""Whatever happens to messages, Redis, the broker and connections: what a viewer is not shown, it is told of, and nothing is
shown twice."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from .world import World

INDEX = st.integers(0, 30)
WRITER = st.integers(0, 1)


class Live(RuleBasedStateMachine):
    @initialize(seed=st.integers(0, 1_000), before=st.integers(0, 6), known=st.booleans())
    def begin(self, seed: int, before: int, known: bool) -> None:
        self.world = World(seed)
        for _ in range(before):
            self.world.store()
        self.world.in_flight.clear()
        self.world.before = before
        if known:
            self.world.ask()
            self.world.answer()

    @rule(
        batches=st.integers(1, 4),
        redis=st.sampled_from(["up", "up", "up", "unavailable", "silent"]),
        by=WRITER,
        bad=st.sampled_from([False, False, False, True]),
    )
    def store(self, batches: int, redis: str, by: int, bad: bool) -> None:
        self.world.store(batches, redis, by, bad=bad)

    @rule(by=WRITER)
    def redeliver(self, by: int) -> None:
        self.world.redeliver_any(by)

    @rule()
    def count(self) -> None:
        self.world.count()

    @rule(index=INDEX, again=st.booleans())
    def arrive(self, index: int, again: bool) -> None:
        self.world.arrive(index, again=again)

    @rule(index=INDEX)
    def lose(self, index: int) -> None:
        self.world.lose(index)

    @rule()
    def ask(self) -> None:
        self.world.ask()

    @rule()
    def answer(self) -> None:
        self.world.answer()

    @rule(seconds=st.sampled_from([0.01, 0.05, 0.2, 0.9, 3.0]))
    def wait(self, seconds: float) -> None:
        self.world.wait(seconds)

    @rule(unavailable=st.booleans())
    def window_unavailable(self, unavailable: bool) -> None:
        self.world.window.unavailable = unavailable

    @rule(keep=st.integers(1, 4))
    def trim(self, keep: int) -> None:
        self.world.window.trim(keep)

    @rule()
    def lose_memory(self) -> None:
        self.world.lose_memory()

    @rule()
    def cut_broker(self) -> None:
        self.world.cut_broker()

    @rule()
    def mend_broker(self) -> None:
        self.world.mend_broker()

    # The second record of a batch, and what is in few of them.
    @rule(text=st.sampled_from(["", "", "/1", "7"]), max_rate=st.sampled_from([0, 0, 1, 3]))
    def join(self, text: str, max_rate: int) -> None:
        self.world.join(text, max_rate)

    @precondition(lambda self: self.world.clients)
    @rule(index=INDEX)
    def read(self, index: int) -> None:
        clients = self.world.clients
        self.world.read(clients[index % len(clients)])

    @precondition(lambda self: self.world.clients)
    @rule(index=INDEX)
    def leave(self, index: int) -> None:
        clients = self.world.clients
        self.world.leave(clients[index % len(clients)])

    @precondition(lambda self: self.world.clients)
    @rule(index=INDEX)
    def come_back(self, index: int) -> None:
        client = self.world.clients[index % len(self.world.clients)]
        if not client.viewer:
            self.world.connect(client)

    @rule()
    def flush(self) -> None:
        self.world.hub.flush()

    @rule()
    def second(self) -> None:
        self.world.hub.second()

    @rule()
    def settle(self) -> None:
        self.world.settle()
        self.judge_holes()

    @invariant()
    def nothing_twice(self) -> None:
        for client in getattr(self, "world", World()).clients:
            assert not client.doubles, f"shown twice: {client.doubles}"

    def judge_holes(self) -> None:
        for client in self.world.clients:
            holes = self.world.holes(client)
            assert not holes, f"neither shown nor announced: {holes}; shown {client.shown}, gaps {client.gaps}"

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.settle()
            self.judge_holes()
            self.nothing_twice()


Live.TestCase.settings = settings(
    max_examples=150, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestLive = Live.TestCase
