"""A value of OpenTelemetry as the text that is stored. Pure.

Texts stay as they are, bytes that are not UTF-8 included, which are replaced and marked with the rest of the record.
Source: OpenTelemetry protocol, common.proto, AnyValue; JSON, RFC 8259, for maps and arrays.
"""

import json
import math
from base64 import b64encode
from typing import Any, Final

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
    found = _plain(value)
    if isinstance(found, str):
        return found.encode(errors=_ANY_BYTES)
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode(errors=_ANY_BYTES)


def _plain(value: Any) -> Any:
    """As JSON can hold it: bytes in base64, and a number that JSON has no form for as a word."""
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value.decode(errors=_ANY_BYTES)
        case "bytes_value":
            return b64encode(value.bytes_value).decode()
        case "int_value":
            return value.int_value
        case "bool_value":
            return value.bool_value
        case "double_value":
            return _number(value.double_value)
        case "array_value":
            return [_plain(item) for item in value.array_value.values]
        case "kvlist_value":
            return {pair.key.decode(errors=_ANY_BYTES): _plain(pair.value) for pair in value.kvlist_value.values}
        case _:
            return None


def _number(number: float) -> float | str:
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return number
