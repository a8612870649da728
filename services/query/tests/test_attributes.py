"""Stored attributes, as writers store them and as somebody with SQL may."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from logstream_query.store.attributes import WHOLE, read_attributes


@given(st.dictionaries(st.text(), st.text()))
def test_texts_stay_what_they_are(attributes: dict[str, str]) -> None:
    assert read_attributes(orjson.dumps(attributes)) == attributes


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("null", None),
        ('{"a": 1, "b": [1, "x"], "c": {"d": null}, "e": null, "f": true, "g": "h"}',
         {"a": "1", "b": '[1, "x"]', "c": '{"d": null}', "e": "null", "f": "true", "g": "h"}),
        ('{"n": 123456789012345678901234567890}', {"n": "123456789012345678901234567890"}),
        ('{"n": 1' + "0" * 400 + "}", {"n": "1" + "0" * 400}),
        ('{"k": ["\\u00e9", "\u00e9"]}', {"k": '["\u00e9", "\u00e9"]'}),
    ],
)  # fmt: skip
def test_what_is_no_text_becomes_its_json(stored: str, shown: dict[str, str] | None) -> None:
    assert read_attributes(stored) == shown
    assert read_attributes(memoryview(stored.encode())) == shown


@pytest.mark.parametrize(
    "stored",
    ["[]", '"text"', "7", "true", '[{"a": "b"}]', f'{{"n": 1{"0" * 9_999}}}', f'{{"d": {"[" * 5_000}{"]" * 5_000}}}'],
)
def test_what_is_no_object_or_cannot_be_read_becomes_one_attribute(stored: str) -> None:
    assert read_attributes(stored) == {WHOLE: stored}
