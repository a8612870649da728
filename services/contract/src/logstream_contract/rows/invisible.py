"""Characters that do something instead of being seen, in texts that people's terminals and tools are given. Pure.

DEL and the C1 controls (U+0080 to U+009F; a terminal takes U+009B for the beginning of a command, as ESC [), and the two
separators that JavaScript and Python's splitlines take for the end of a line (U+2028, U+2029). JSON allows all of them
unescaped, and orjson writes them so. Source: ECMA-48, section 5.3; RFC 8259, section 7.
"""

import re
from typing import Final

_C1: Final = re.compile(b"\xc2[\x80-\x9f]")
_SEPARATORS: Final = (("\u2028".encode(), rb"\u2028"), ("\u2029".encode(), rb"\u2029"))


def has_invisible(encoded: bytes) -> bool:
    """Whether a text in UTF-8 has one."""
    # Single bytes are looked for many times as fast as several, and most texts have none of these.
    if encoded.isascii():
        return b"\x7f" in encoded
    return (
        b"\x7f" in encoded
        or (b"\xc2" in encoded and _C1.search(encoded) is not None)
        or (b"\xe2" in encoded and any(separator in encoded for separator, _ in _SEPARATORS))
    )


def escape_invisible(encoded: bytes) -> bytes:
    """JSON in UTF-8 with such characters written as JSON's escapes; the same object if there are none. Bytes that are no
    text of UTF-8 stay as they are."""
    if not has_invisible(encoded):
        return encoded
    encoded = _C1.sub(_escaped_c1, encoded.replace(b"\x7f", rb"\u007f"))
    for separator, escaped in _SEPARATORS:
        encoded = encoded.replace(separator, escaped)
    return encoded


def _escaped_c1(match: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % match[0][1]
