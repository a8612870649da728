"""The whole of live in one thread without a network: writers, a broker that loses, reorders and doubles, a Redis that
forgets, one replica's sequencer and hub, and viewers who come, go and come back. Tests move it step by step."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

import orjson
from logstream_contract.filters.filters import Filter, Terms
from logstream_stream.arriving.loss_detector import Count
from logstream_stream.arriving.stored import StoredBatch
from logstream_stream.arriving.window import WindowSnapshot, WindowUnavailable
from logstream_stream.order.sequencer import Sequencer
from logstream_stream.order.window_request import WindowRequest
from logstream_stream.records.chunk import Frame
from logstream_stream.records.framing import NativeFraming
from logstream_stream.viewers.catch_up import CatchUp
from logstream_stream.viewers.hub import Hub
from logstream_stream.viewers.viewer import QueueLimits, Viewer

from .batches import START_NS, bad_batch, messages_of, stored
from .fake_window import FakeWindow
from .limits import QUEUE, limits_with

# Gaps name what the gateway received between two moments of the sequencer's clock; the gateway was at most so much earlier.
LAG_NS = 2 * 10**9
MOST_UNDER_WAY_NS = 30 * 10**9


class QuietObserver:
    """Metrics that nobody reads."""

    def __init__(self) -> None:
        self.gaps: list[str] = []
        self.dropped_records = 0
        self.closed_reasons: list[str] = []
        self.failed_reasons: list[str] = []
        self.filter_count = 0

    def lag(self, seconds: float) -> None: ...

    def dropped(self, reason: str, records: int) -> None:
        self.dropped_records += records

    def gap(self, reason: str) -> None:
        self.gaps.append(reason)

    def closed(self, reason: str) -> None:
        self.closed_reasons.append(reason)

    def viewers(self, count: int) -> None: ...

    def failed(self, reason: str) -> None:
        self.failed_reasons.append(reason)

    def held(self, size: int) -> None: ...

    def filters(self, count: int) -> None:
        self.filter_count = count


def events(body: bytes) -> Iterator[tuple[str, Any, str | None]]:
    """(name, data, id) of the events in a body; comments and retry are left out."""
    for block in body.decode().split("\n\n"):
        lines = [line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":")]
        fields = dict(lines)
        if "data" in fields:
            data = "\n".join(value for name, value in lines if name == "data")
            yield fields.get("event", "message"), orjson.loads(data), fields.get("id")


@dataclass
class Writer:
    """A writer's process: what it has published, and whether it missed Redis."""

    name: bytes
    messages: int = 0
    unnumbered: int = 0
    missed: bool = False


@dataclass(frozen=True)
class Sent:
    """A message of the fanout; without batches it is a count alone."""

    epoch: str
    batches: list[tuple[int, StoredBatch]]
    count: Count
    sent_ns: int


@dataclass
class Client:
    """One person's browser: what it saw over all its connections."""

    since_ns: int
    framing: NativeFraming
    # Only records whose message holds this.
    text: str = ""
    max_rate: int = 0
    viewer: Viewer | None = None
    catch_up: Iterator[Frame] | None = None
    last_id: str | None = None
    shown: list[str] = field(default_factory=list)
    # The records shown since the last gap or the beginning: none of them may come again.
    recent: set[str] = field(default_factory=set)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    doubles: list[str] = field(default_factory=list)
    event_ids: list[tuple[str, int, int]] = field(default_factory=list)

    def see(self, body: bytes) -> None:
        for name, data, event_id in events(body):
            if event_id:
                self.last_id = event_id
                epoch, position, index, _ = event_id.rsplit(":", 3)
                self.event_ids.append((epoch, int(position), int(index)))
            if name == "logs":
                for record in data:
                    message = record["message"]
                    assert self.text in message
                    if message in self.recent:
                        self.doubles.append(message)
                    self.recent.add(message)
                    self.shown.append(message)
            elif name == "gap":
                self.gaps.append((_ns(data["received_from"]), _ns(data["received_to"])))
                self.recent.clear()
            elif name == "dropped":
                self.gaps.append((_ns(data["from"]), _ns(data["to"])))


def _ns(text: str | None) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1e9) if text else 0


class World:
    """See the module. Every method is one step."""

    def __init__(self, seed: int = 0, queue: QueueLimits | None = None) -> None:
        self.random = Random(seed)
        self.now_s = 0.0
        self.window = FakeWindow()
        self.stored: list[StoredBatch] = []
        self.in_flight: list[Sent] = []
        self.writers = [Writer(b"one"), Writer(b"two")]
        # How many batches were stored before the replica began.
        self.before = 0
        self.broker_up = True
        self.observer = QuietObserver()
        self.sequencer = Sequencer(self.clock, self.wall_ns)
        limits = limits_with(viewers=1_000, queue=queue or QUEUE)
        self.hub = Hub(
            clock=self.clock, wall_ns=self.wall_ns, observer=self.observer, limits=limits, sequencer=self.sequencer
        )
        self.catch_up = CatchUp(hub=self.hub, window=self.window, wall_ns=self.wall_ns, sleep=self._sleep)
        # One for all, as in the service: who watches the same shares a channel.
        self.framing = NativeFraming()
        self.clients: list[Client] = []
        self._asked: tuple[WindowRequest, WindowSnapshot] | None = None
        self.sequencer.set_broker(True)
        # Of what a writer published before it was first heard of, nobody knows.
        self.count()
        while self.in_flight:
            self.arrive()

    def clock(self) -> float:
        return self.now_s

    def wall_ns(self) -> int:
        return START_NS + int(self.now_s * 1e9)

    # Writers, the broker and Redis.

    def store(self, batches: int = 1, redis: str = "up", by: int = 0, *, bad: bool = False) -> None:
        """A writer commits batches. redis: up; unavailable; silent: it takes them and its reply is lost. bad:
        nobody can decode the first of them."""
        new = [stored(len(self.stored) + 1 + i, 1 + i % 3, self.wall_ns() - LAG_NS // 2) for i in range(batches)]
        if bad:
            new[0] = bad_batch(new[0].number, new[0].received_ns)
        self.stored += new
        writer = self.writers[by]
        if redis == "up":
            positions = self.window.append(new, new_epoch=writer.missed)
            writer.missed = False
            self._publish(writer, self.window.epoch, list(zip(positions, new, strict=True)))
        else:
            if redis == "silent":
                self.window.append(new)
            writer.missed = True
            self._publish(writer, "", [(0, batch) for batch in new])

    def redeliver_any(self, by: int) -> None:
        """A writer is given a batch again that is stored already."""
        recent = self.stored[self.before :][-20:]
        if recent:
            self.redeliver(self.random.choice(recent), by)

    def redeliver(self, batch: StoredBatch, by: int = 0) -> None:
        """A writer is given this batch again."""
        writer = self.writers[by]
        positions = self.window.append([batch], new_epoch=writer.missed)
        writer.missed = False
        self._publish(writer, self.window.epoch, [(positions[0], batch)])

    def count(self) -> None:
        """A second without a message: each writer says what it has published."""
        for writer in self.writers:
            self._send(writer, "", [])

    def lose_memory(self) -> None:
        self.window.lose_memory()

    def _publish(self, writer: Writer, epoch: str, batches: list[tuple[int, StoredBatch]]) -> None:
        writer.messages += 1
        writer.unnumbered += not epoch
        self._send(writer, epoch, batches)

    def _send(self, writer: Writer, epoch: str, batches: list[tuple[int, StoredBatch]]) -> None:
        if self.broker_up:
            count = Count(writer.name, writer.messages, writer.unnumbered)
            self.in_flight.append(Sent(epoch, batches, count, self.wall_ns()))

    def cut_broker(self) -> None:
        self.broker_up = False
        self.in_flight.clear()
        self._apply(self.sequencer.set_broker(False))
        self.hub.set_status("broker", False)

    def mend_broker(self) -> None:
        self.broker_up = True
        self._apply(self.sequencer.set_broker(True))
        self.hub.set_status("broker", True)

    # The replica.

    def arrive(self, index: int = 0, *, again: bool = False) -> None:
        """One message of those in flight arrives, the first of its writer; again: another copy stays in flight."""
        if self.in_flight:
            writer = self.in_flight[index % len(self.in_flight)].count.writer
            sent = next(found for found in self.in_flight if found.count.writer == writer)
            if not again:
                self.in_flight.remove(sent)
            self._apply(self.sequencer.hear(sent.count, sent.epoch, [batch.received_ns for _, batch in sent.batches]))
            for position, batch in sent.batches:
                self._apply(self.sequencer.receive(sent.epoch, [(position, batch)]))

    def lose(self, index: int) -> None:
        """The broker drops a message."""
        if self.in_flight:
            del self.in_flight[index % len(self.in_flight)]

    def ask(self) -> None:
        """The window is asked what the sequencer wants to know; the answer is under way."""
        if self._asked:
            return
        request = self.sequencer.window_request()
        if request:
            try:
                self._asked = (
                    request,
                    self.window.read(anchor=request.anchor, after=request.after, upto=request.upto, count=request.count),
                )
            except WindowUnavailable:
                self.sequencer.window_failed()

    def answer(self) -> None:
        if self._asked:
            requested, self._asked = self._asked, None
            self._apply(self.sequencer.window_read(*requested))

    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        # No message is under way for ever.
        while self.in_flight and self.in_flight[0].sent_ns < self.wall_ns() - MOST_UNDER_WAY_NS:
            self.arrive()
        self._apply(self.sequencer.tick())

    def _apply(self, outcomes: Any) -> None:
        self.hub.apply(outcomes)

    def _sleep(self, seconds: float) -> None:
        self.wait(seconds)
        self.ask()
        self.answer()

    def settle(self) -> None:
        """Everything works again; all that can arrive does, and every client has read all there is."""
        self.window.unavailable = False
        if not self.broker_up:
            self.mend_broker()
        self.store()
        self.count()
        for _ in range(40):
            while self.in_flight:
                self.arrive()
            self.wait(0.3)
            self.ask()
            self.answer()
        self.hub.second()
        for client in self.clients:
            if not client.viewer:
                self.connect(client)
        for client in self.clients:
            while self.read(client):
                pass

    # Viewers.

    def join(self, text: str = "", max_rate: int = 0) -> Client:
        client = Client(self.wall_ns(), self.framing, text, max_rate)
        self.clients.append(client)
        self.connect(client)
        return client

    def connect(self, client: Client, recent: int = 4) -> None:
        filter_ = Filter(text=Terms((client.text,))) if client.text else None
        client.viewer = self.hub.join(
            client.framing, notify=lambda: None, abort=lambda: None, filter_=filter_, max_rate=client.max_rate
        )
        if client.last_id is None:
            # It has no id yet, so it cannot resume: what it missed meanwhile is not owed to it.
            client.since_ns = self.wall_ns()
            client.recent.clear()
        client.catch_up = self.catch_up.frames(client.viewer, client.last_id, recent)
        self.read(client)

    def read(self, client: Client) -> bool:
        """Lets a client read one piece; whether there was one."""
        if not client.viewer:
            return False
        if client.catch_up:
            frame = next(client.catch_up, None)
            if frame is None:
                client.catch_up = None
            else:
                client.see(client.viewer.stamp(frame))
            return True
        piece, _ = client.viewer.take()
        client.see(piece)
        return bool(piece)

    def leave(self, client: Client) -> None:
        """The client's connection breaks; what is queued for it is gone."""
        if client.viewer:
            self.hub.leave(client.viewer)
            client.viewer = client.catch_up = None

    def holes(self, client: Client) -> list[str]:
        """The records stored since the client came that it neither saw nor was told of."""
        seen = set(client.shown)
        missing = []
        for batch in self.stored:
            if batch.received_ns < client.since_ns:
                continue
            told = any(start - LAG_NS <= batch.received_ns <= end + LAG_NS for start, end in client.gaps)
            if not told:
                missing += [] if messages_of(batch) else [f"{batch.number}, which is bad"]
                missing += [message for message in messages_of(batch) if client.text in message and message not in seen]
        return missing
