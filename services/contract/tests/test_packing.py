"""Batches come out of a message as they went in, packed or not."""

import os

import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st
from logstream_contract.wire.batches import Undecodable
from logstream_contract.wire.packing import Carried, Packer, unframe, unpack
from logstream_contract.wire.pb.transport_pb2 import LiveBatch, LogBatches


@given(st.lists(st.binary(max_size=300), max_size=5))
@example([bytes(127), bytes(128), bytes(200), bytes(20_000), bytes(4_194_304)])
def test_framed_batches_come_back_as_they_were_sent(raws: list[bytes]) -> None:
    body = b"".join(map(Packer(0).frame, raws))
    assert [batch.raw() for batch in unframe(body)] == raws
    assert body == LogBatches(batches=raws).SerializeToString()


@given(st.lists(st.binary(max_size=40).map(lambda part: part * 100), max_size=5))
def test_packed_batches_come_back_too(raws: list[bytes]) -> None:
    body = b"".join(map(Packer(1).frame, raws))
    # The unpacked ones come first; order among batches means nothing.
    assert sorted(batch.raw() for batch in unframe(body)) == sorted(raws)


def test_only_what_shrinks_is_packed() -> None:
    packer = Packer(1)
    raws = (b"log " * 1_000, b"log " * 10, os.urandom(4_000))
    repeated, small, random = (batch for raw in raws for batch in unframe(packer.frame(raw)))
    assert repeated.packed
    assert len(repeated.data) < 100
    assert (small.packed, random.packed) == (False, False)


def test_a_live_batch_carries_it_as_it_came() -> None:
    (packed,) = unframe(Packer(1).frame(b"log " * 1_000))
    message = LiveBatch.FromString(b"".join(packed.live_parts()))
    assert (unpack(message.packed_batch), message.batch) == (b"log " * 1_000, b"")
    assert LiveBatch.FromString(b"".join(Carried(b"raw").live_parts())).batch == b"raw"


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"no frame",
        zstandard.compress(b"log " * 1_000)[:-3],
        zstandard.compress(b"log") + b"more",
        zstandard.compress(bytes(64 * 1024 * 1024 + 1)),
        zstandard.ZstdCompressor(write_content_size=False).compress(b"log"),
    ],
    ids=["empty", "no frame", "cut", "more than a frame", "too large", "of unknown size"],
)
def test_what_is_no_packed_batch_is_undecodable(packed: bytes) -> None:
    with pytest.raises(Undecodable):
        unpack(packed)


def test_bytes_that_are_no_message_are_undecodable() -> None:
    with pytest.raises(Undecodable, match="LogBatches"):
        unframe(b"\x0a\xff")
