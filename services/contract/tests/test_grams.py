"""The search index's hash: both its forms agree, and what a message contains is never ruled out."""

from hypothesis import example, given
from hypothesis import strategies as st
from logstream_contract.filters import grams
from logstream_contract.filters.gram_columns import SEPARATOR, empty_slots, set_attributes, set_texts

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
hex_texts = st.text("0123456789abcdefg-", max_size=60)
messages = st.lists(texts | hex_texts, min_size=1, max_size=6)


def slots_of(texts: list[str]) -> set[int]:
    slots = empty_slots()
    set_texts(slots, SEPARATOR.join(text.encode() for text in texts))
    return {index for index, is_set in enumerate(slots.tolist()) if is_set}


@given(messages)
@example(["abcd", "efgh"])
@example(["00ff"])
@example(["\N{HANGUL SYLLABLE GAG}\N{HANGUL SYLLABLE GAG}", "z"])
def test_a_block_has_the_slots_of_its_messages_grams_and_no_others(texts: list[str]) -> None:
    raws = [text.encode() for text in texts]
    expected = {grams.slot_of_gram(raw[at : at + 4]) for raw in raws for at in range(len(raw) - 3)}
    assert slots_of(texts) == expected


@given(messages, st.data())
def test_a_text_in_a_message_is_never_ruled_out(texts: list[str], data: st.DataObject) -> None:
    message = data.draw(st.sampled_from(texts))
    begin = data.draw(st.integers(0, len(message)))
    text = message[begin : data.draw(st.integers(begin, len(message)))]
    assert set(grams.slots_of_text(text)) <= slots_of(texts)


def test_a_text_that_is_not_there_is_ruled_out() -> None:
    assert not set(grams.slots_of_text("timeout")) <= slots_of(["connection reset", "time is out"])
    assert not set(grams.slots_of_text("0badcafe")) <= slots_of(["0badc0de", "cafe"])


def test_words_are_told_apart_from_identifiers() -> None:
    assert grams.slot_of_gram(b"beef") < grams.HEX_SLOTS <= grams.slot_of_gram(b"beer") < grams.FIRST_ATTRIBUTE
    assert grams.slot_of_gram(b"0001") == 0x1000


def test_too_short_a_text_has_no_slots() -> None:
    assert grams.slots_of_text("abc") == []
    assert grams.slots_of_text("\N{HANGUL SYLLABLE GAG}") == []
    assert len(grams.slots_of_text("abcd")) == 1


def test_few_slots_are_asked_for_however_long_the_text() -> None:
    assert len(grams.slots_of_text("the quick brown fox jumps over the lazy dog 0123456789abcdef")) <= 12


@given(st.lists(st.dictionaries(texts, texts, max_size=3), min_size=1, max_size=4))
def test_attributes_set_their_slots(rows: list[dict[str, str]]) -> None:
    slots = empty_slots()
    set_attributes(slots, rows)
    expected = {slot for row in rows for pair in row.items() for slot in grams.slots_of_attribute(*pair)}
    assert {index for index, is_set in enumerate(slots.tolist()) if is_set} == expected
    assert all(grams.FIRST_ATTRIBUTE <= slot < grams.SLOTS for slot in expected)
