"""A hub with a clock that tests turn, its viewers, and what they were sent."""

from typing import Any

from logstream_contract.filters.filters import Filter, Terms
from logstream_stream.arriving.stored import StoredBatch
from logstream_stream.order.outcomes import Deliver
from logstream_stream.order.sequencer import Sequencer
from logstream_stream.records.framing import NativeFraming
from logstream_stream.viewers.admission import Limits
from logstream_stream.viewers.hub import Hub
from logstream_stream.viewers.viewer import Viewer

from ..batches import START_NS
from ..limits import LIMITS
from ..world import QuietObserver, events


class Stage:
    def __init__(self, limits: Limits | None = None) -> None:
        self.now_s = 0.0
        self.observer = QuietObserver()
        sequencer = Sequencer(lambda: self.now_s, lambda: START_NS)
        self.hub = Hub(
            clock=lambda: self.now_s,
            wall_ns=lambda: START_NS,
            observer=self.observer,
            limits=limits or LIMITS,
            sequencer=sequencer,
        )
        self.native = NativeFraming()
        self.aborted = 0

    def join(
        self,
        framing: Any = None,
        *,
        live: bool = True,
        text: str = "",
        max_rate: int | None = None,
        client: str | None = None,
    ) -> Viewer:
        filter_ = Filter(text=Terms((text,))) if text else None
        viewer = self.hub.join(
            framing or self.native, notify=lambda: None, abort=self._abort, filter_=filter_, max_rate=max_rate, client=client
        )
        if live:
            self.hub.go_live(viewer)
        return viewer

    def deliver(self, *batches: StoredBatch, position: int = 1) -> None:
        for offset, batch in enumerate(batches):
            self.hub.apply([Deliver(batch, "e", position + offset if position else 0)])

    def _abort(self) -> None:
        self.aborted += 1


def seen(viewer: Viewer, name: str) -> list[Any]:
    body = b""
    while piece := viewer.take()[0]:
        body += piece
    return [data for event, data, _ in events(body) if event == name]


def messages(viewer: Viewer) -> list[str]:
    return [record["message"] for data in seen(viewer, "logs") for record in data]
