"""The feed lets viewers take what one message brought before it takes the next."""

import gevent
from gevent.event import Event
from logstream_contract.pb.transport_pb2 import LiveBatches
from logstream_stream.feed import Feed
from logstream_stream.framing import NativeFraming
from logstream_stream.hub import Hub
from logstream_stream.metrics import Metrics
from logstream_stream.sequencer import Sequencer
from logstream_stream.viewer import QueueLimits
from prometheus_client import CollectorRegistry

from .batches import START_NS, live_batch, stored
from .fake_window import FakeWindow


def test_messages_that_wait_together_fill_no_queue() -> None:
    metrics = Metrics(CollectorRegistry())
    sequencer = Sequencer(lambda: 0.0, lambda: START_NS)
    hub = Hub(lambda: 0.0, lambda: START_NS, metrics, QueueLimits(records=400), 10, 30.0, sequencer)
    feed = Feed(sequencer, hub, FakeWindow(), metrics)
    ready = Event()
    viewer = hub.join(NativeFraming(), ready.set, lambda: None)
    hub.go_live(viewer)
    taken: list[int] = []

    def read() -> None:
        while True:
            ready.wait()
            ready.clear()
            while piece := viewer.take()[0]:
                taken.append(piece.count(b'"sequence"'))

    reading = gevent.spawn(read)
    for number in range(1, 11):
        batch = live_batch(stored(number, records=400))
        feed.take(LiveBatches(batches=[batch]).SerializeToString())
    reading.kill()
    assert sum(taken) == 4_000
