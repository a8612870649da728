"""pika reads whole frames at a time, by a name that is private to it."""

import pytest
from logstream_stream.arriving.consumer import Consumer
from pika.adapters.utils.io_services_utils import _AsyncPlaintextTransport, _AsyncSSLTransport, _AsyncTransportBase


def test_all_transports_of_pika_read_whole_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    # Set and so restored; raises when pika no longer has the name.
    monkeypatch.setattr(_AsyncTransportBase, "_MAX_RECV_BYTES", 4096)
    Consumer.read_whole_frames()
    assert (_AsyncPlaintextTransport._MAX_RECV_BYTES, _AsyncSSLTransport._MAX_RECV_BYTES) == (131_072, 131_072)
