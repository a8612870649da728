"""Ids of events: what was written is read back, and nothing else is."""

from hypothesis import example, given
from hypothesis import strategies as st
from logstream_stream.order.event_id import EventId, read_event_id

EPOCHS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=128)


@given(EPOCHS, st.integers(0, 2**53), st.integers(0, 65_535), st.integers(0, 253_370_764_800_000))
@example("a:b", 1, 2, 3)
def test_an_id_is_read_back(epoch: str, position: int, index: int, received_ms: int) -> None:
    event_id = EventId(epoch=epoch, position=position, index=index, received_ms=received_ms)
    assert read_event_id(str(event_id)) == event_id


@given(st.text())
@example("")
@example("e:1:2")
@example("e:1:2:3\n")
@example("e:9007199254740993:2:3")
@example("e:1:65536:3")
@example("e:1:2:253370764800001")
@example("e:1:2:-3")
@example("e:١:2:3")
@example("é:1:2:3")
@example(":1:2:3")
@example("e" * 129 + ":1:2:3")
def test_any_text_is_an_id_that_was_written_so_or_none(text: str) -> None:
    event_id = read_event_id(text)
    assert event_id is None or (event_id.position <= 2**53 and event_id.index <= 65_535 and len(text) < 200)


def test_hostile_ids_are_none() -> None:
    for text in ("", "e:1:2", "e:1:2:3\n", "e:9007199254740993:2:3", "e:1:65536:3", "e:1:2:253370764800001", ":1:2:3"):
        assert read_event_id(text) is None, text
