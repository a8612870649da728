"""The feed lets viewers take what has come before it goes on."""

import gevent
import pytest
from gevent.event import Event
from logstream_contract.wire.pb.transport_pb2 import LiveBatches
from logstream_stream.arriving.stored import StoredBatch
from logstream_stream.feed import Feed
from logstream_stream.metrics import Metrics
from logstream_stream.order.sequencer import Sequencer
from logstream_stream.records.framing import NativeFraming
from logstream_stream.viewers.hub import Hub
from prometheus_client import CollectorRegistry

from .batches import START_NS, live_batch, name_of, raw_batch
from .fake_window import FakeWindow
from .limits import limits_with, queue_with

RECORDS = 200


def long_batch(number: int) -> StoredBatch:
    """64 KiB and more."""
    raw = raw_batch(["x" * 330] * RECORDS)
    return StoredBatch(number=number, name=name_of(number), received_ns=START_NS, floor_ns=0, data=raw)


@pytest.mark.parametrize("sizes", [1, 4, 20])
def test_what_arrives_at_once_fills_no_queue(sizes: int) -> None:
    metrics = Metrics(CollectorRegistry())
    sequencer = Sequencer(lambda: 0.0, lambda: START_NS)
    limits = limits_with(queue=queue_with(records=3 * RECORDS))
    hub = Hub(clock=lambda: 0.0, wall_ns=lambda: START_NS, observer=metrics, limits=limits, sequencer=sequencer)
    feed = Feed(sequencer=sequencer, hub=hub, window=FakeWindow(), metrics=metrics)
    ready = Event()
    viewer = hub.join(NativeFraming(), notify=ready.set, abort=lambda: None)
    hub.go_live(viewer)
    taken: list[int] = []

    def read() -> None:
        while True:
            ready.wait()
            ready.clear()
            while piece := viewer.take()[0]:
                taken.append(piece.count(b'"sequence"'))

    greenlet = gevent.spawn(read)
    for first in range(1, 21, sizes):
        batches = [live_batch(long_batch(number)) for number in range(first, first + sizes)]
        feed.take(LiveBatches(batches=batches).SerializeToString())
    hub.flush()
    gevent.sleep(0)
    greenlet.kill()
    assert sum(taken) == 20 * RECORDS
