"""Simple lower-casing, as far as it needs no database to be told; services/query holds it against PostgreSQL."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logstream_contract.filters.lowercase import simple_lower

TEXTS = st.text(max_size=30) | st.text("İiIıΣσςẞßSs\u0307Éé한ǅ ", max_size=12)


@pytest.mark.parametrize(
    ("text", "lowered"),
    [
        ("Disk FULL_%", "disk full_%"),
        ("İI", "ii"),
        ("ΟΔΟΣ ΣΑΣ. Σ", "οδοσ σασ. σ"),
        ("οδος", "οδος"),
        ("STRAẞE ß", "straße ß"),
        ("ÉTÉ E\u0301", "été e\u0301"),
        ("한글", "한글"),
        ("ǅ\u212a\u212b\u2126", "ǆkåω"),
        ("𐐀", "𐐨"),
        ("", ""),
    ],
)
def test_each_character_becomes_one(text: str, lowered: str) -> None:
    assert simple_lower(text) == lowered


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_what_stands_around_a_text_does_not_change_it(before: str, text: str) -> None:
    assert simple_lower(before + text) == simple_lower(before) + simple_lower(text)
    assert len(simple_lower(text)) == len(text)
