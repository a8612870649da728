"""A value of OpenTelemetry as the text that is stored. Pure.

Texts stay as they are, bytes that are not UTF-8 included, which are replaced and marked with the rest of the record.
Source: OpenTelemetry protocol, common.proto, AnyValue; JSON, RFC 8259, for maps and arrays.
"""

import json
import math
from base64 import b64encode
from typing import Any, Final

# Of bytes, maps and arrays no more than this is put into text: no limit of a record lets as much through.
_MOST_CHARACTERS: Final = 128 * 1024
# Keeps bytes that are not UTF-8 through a text and back.
_ANY_BYTES: Final = "surrogateescape"


def text_of(value: Any) -> bytes:
    """value: an AnyValue of messages."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return bytes(value.string_value)
    if kind == "int_value":
        return b"%d" % value.int_value
    if kind is None:
        return b""
    found = _plain(value, _Room())
    text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    return text[:_MOST_CHARACTERS].encode(errors=_ANY_BYTES)


class _Room:
    """For how much more of a value there is room. What does not fit is past the end of the text."""

    def __init__(self) -> None:
        self.left = _MOST_CHARACTERS

    def more(self) -> bool:
        self.left -= 1
        return self.left > 0

    def cut(self, data: bytes) -> bytes:
        """Four bytes are one character at least."""
        part = data[: 4 * max(0, self.left)]
        self.left -= len(part) // 4
        return part


def _plain(value: Any, room: _Room) -> Any:
    """As JSON can hold it: bytes in base64, and a number that JSON has no form for as a word."""
    match value.WhichOneof("value"):
        case "string_value":
            return room.cut(value.string_value).decode(errors=_ANY_BYTES)
        case "bytes_value":
            return b64encode(room.cut(value.bytes_value)).decode()
        case "int_value":
            return value.int_value
        case "bool_value":
            return value.bool_value
        case "double_value":
            return _number(value.double_value)
        case "array_value":
            return [_plain(item, room) for item in value.array_value.values if room.more()]
        case "kvlist_value":
            return {
                room.cut(pair.key).decode(errors=_ANY_BYTES): _plain(pair.value, room)
                for pair in value.kvlist_value.values
                if room.more()
            }
        case _:
            return None


def _number(number: float) -> float | str:
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return number
