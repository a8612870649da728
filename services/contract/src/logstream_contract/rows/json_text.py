"""UTF-8 texts as orjson writes them inside a JSON string, any number of them at once and without decoding them. Pure.

Source: RFC 8259, section 7: quotation mark, reverse solidus and the characters below U+0020 must be escaped.
"""

from typing import Final

import numpy as np
import orjson

_FIRST_UNESCAPED: Final = 0x20
_CONTROL_ESCAPES: Final = [orjson.dumps(chr(byte))[1:-1] for byte in range(_FIRST_UNESCAPED)]


def needs_escaping(encoded: bytes) -> bool:
    """Whether JSON can't hold the text as it is."""
    if b'"' in encoded or b"\\" in encoded:
        return True
    return bool(encoded) and int(np.frombuffer(encoded, np.uint8).min()) < _FIRST_UNESCAPED


def escape(encoded: bytes, marks: int) -> bytes:
    """The text with JSON's escapes. Bytes below `marks` stay as they are, for the caller to part texts by."""
    escaped = encoded.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    codes = np.frombuffer(escaped, np.uint8)
    # Unsigned: what is below the marks becomes large.
    controls = codes - np.uint8(marks) < _FIRST_UNESCAPED - marks
    for byte in set(codes[controls].tobytes()) if controls.any() else ():
        escaped = escaped.replace(bytes([byte]), _CONTROL_ESCAPES[byte])
    return escaped
