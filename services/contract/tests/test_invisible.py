"""Characters that terminals and tools act on leave JSON as escapes, and all others as they are."""

import json
import sys

import orjson
import pytest
from logstream_contract.rows.invisible import escape_invisible, has_invisible

INVISIBLE = [0x7F, *range(0x80, 0xA0), 0x2028, 0x2029]


def test_every_such_character_is_escaped_and_no_other() -> None:
    for point in (*range(0x3000), *range(0xD7F0, 0xD800), *range(0xE000, 0xE010), 0xFEFF, 0x1F600, sys.maxunicode):
        encoded = orjson.dumps(f"a{chr(point)}\\b")
        escaped = escape_invisible(encoded)
        assert json.loads(escaped) == f"a{chr(point)}\\b"
        if point in INVISIBLE:
            assert b"\\u%04x" % point in escaped
            assert escaped.isascii()
            assert has_invisible(encoded)
        else:
            assert escaped is encoded
            assert not has_invisible(encoded)


@pytest.mark.parametrize("text", ["", "ascii", "Größe 20 °C", "한국어", "a\u2026b\u200b"])
def test_what_has_none_is_the_same_object(text: str) -> None:
    encoded = text.encode()
    assert escape_invisible(encoded) is encoded


def test_many_at_once() -> None:
    text = "".join(map(chr, INVISIBLE)) * 3
    assert escape_invisible(text.encode()) == b"".join(b"\\u%04x" % point for point in INVISIBLE) * 3
