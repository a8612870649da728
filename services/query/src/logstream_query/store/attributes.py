"""Reads stored attributes as texts by key. Writers store nothing else, but a row inserted with SQL may hold any JSON.
Pure."""

import json
from collections.abc import Mapping
from typing import Any, Final

import orjson

# The key under which unreadable attributes are shown as one.
WHOLE: Final = "logstream.attributes_json"
_load: Final = orjson.loads
_join: Final = "".join


def read_attributes(stored: str | bytes | bytearray | memoryview) -> Mapping[str, str] | None:
    """None for JSON's null. A value that is not a text becomes its JSON. Attributes that are not an object, or cannot be
    read (because they are nested too deeply or have a number of thousands of digits), become one attribute with all of
    them."""
    try:
        attributes: Any = _load(stored)
        # Fails if a value is not a text; this is the fastest check.
        _join(attributes.values())
    except (ValueError, TypeError, AttributeError):
        return _as_texts(stored if isinstance(stored, str) else bytes(stored).decode())
    return attributes  # type: ignore[no-any-return]


def _as_texts(stored: str) -> Mapping[str, str] | None:
    try:
        # Unlike orjson, it keeps the digits of large numbers.
        attributes = json.loads(stored)
        if attributes is None:
            return None
        if isinstance(attributes, dict):
            return {key: value if isinstance(value, str) else _to_json(value) for key, value in attributes.items()}
    except (ValueError, RecursionError):
        pass
    return {WHOLE: stored}


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
