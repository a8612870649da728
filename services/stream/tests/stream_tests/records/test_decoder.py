"""What is decoded and rendered is decoded and rendered once while it is of interest."""

from logstream_stream.arriving.stored import StoredBatch
from logstream_stream.records.decoder import Decoder
from logstream_stream.records.framing import NativeFraming, SeedFraming

from ..batches import stored
from ..world import events


def test_a_batch_is_rendered_once_a_framing() -> None:
    decoded = Decoder().decode(stored(1))
    native, seed = NativeFraming(), SeedFraming()
    assert decoded.rendered(native) is decoded.rendered(native)
    assert decoded.rendered(seed).pieces != decoded.rendered(native).pieces


def test_of_live_batches_the_last_is_kept_for_who_joins() -> None:
    decoder = Decoder()
    first, last = stored(1), stored(2)
    shown_first, shown_last = decoder.decode(first), decoder.decode(last)
    assert decoder.decode_and_keep(last) is shown_last
    assert decoder.decode_and_keep(first) is not shown_first


def test_batches_of_the_window_are_kept_up_to_records_and_bytes() -> None:
    def kept(decoder: Decoder, batches: list[StoredBatch]) -> list[bool]:
        found = [decoder.decode_and_keep(batch) for batch in batches]
        decoder.decode(stored(99))
        return [decoder.decode(batch) is decoded for batch, decoded in zip(batches, found, strict=True)]

    batches = [stored(number, records=2) for number in (1, 2, 3)]
    cost_bytes = Decoder().decode(batches[0]).cost_bytes
    assert kept(Decoder(kept_records=6), batches) == [True, True, True]
    assert kept(Decoder(kept_records=5), batches) == [False, True, True]
    assert kept(Decoder(kept_bytes=3 * cost_bytes), batches) == [True, True, True]
    assert kept(Decoder(kept_bytes=2 * cost_bytes), batches) == [False, True, True]
    assert kept(Decoder(kept_bytes=1), batches) == [False, False, True]


def test_what_is_forgotten_is_decoded_anew() -> None:
    decoder = Decoder()
    batch = stored(1)
    decoded = decoder.decode_and_keep(batch)
    decoder.forget()
    assert decoder.decode(batch) is not decoded


def test_refused_records_are_no_part_of_it() -> None:
    decoded = Decoder().decode(stored(1, records=4, refused=[0, 2]))
    (event,) = events(NativeFraming().logs(decoded.rendered(NativeFraming()).pieces, None))
    assert [record["message"] for record in event[1]] == ["1/1", "1/3"]
    assert list(decoded.indexes) == [1, 3]


def test_what_is_made_of_a_batch_counts_as_its_memory() -> None:
    batches = [stored(number) for number in (1, 2)]
    cost_bytes = Decoder().decode(batches[0]).cost_bytes
    decoder = Decoder(kept_bytes=3 * cost_bytes)
    first, second = map(decoder.decode_and_keep, batches)
    second.rendered(NativeFraming())
    second.rendered(SeedFraming())
    second.lowered()
    assert second.cost_bytes > 2 * cost_bytes
    assert decoder.decode(batches[0]) is not first
    # What has left is not counted when it grows.
    first.lowered()
    decoder.decode_and_keep(batches[1])
    decoder.decode(batches[0])
    assert decoder.decode(batches[1]) is second
