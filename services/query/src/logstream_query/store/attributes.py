"""Reads stored attributes as texts by key. Writers store nothing else; somebody with SQL may store any JSON. Pure."""

import json
from collections.abc import Mapping
from typing import Any, Final

import orjson

# The key of attributes that are shown as one.
WHOLE: Final = "logstream.attributes_json"
_load: Final = orjson.loads
_join: Final = "".join


def read_attributes(stored: str | bytes | bytearray | memoryview) -> Mapping[str, str] | None:
    """None for JSON's null. A value that is no text becomes its JSON. What is no object, or can't be read (it is nested too
    deeply, or has a number of thousands of digits), becomes one attribute with all of it."""
    try:
        attributes: Any = _load(stored)
        # Fails for what is no text; nothing else tells as quickly.
        _join(attributes.values())
    except (ValueError, TypeError, AttributeError):
        return _as_texts(stored if isinstance(stored, str) else bytes(stored).decode())
    return attributes  # type: ignore[no-any-return]


def _as_texts(stored: str) -> Mapping[str, str] | None:
    try:
        # Unlike orjson it keeps the digits of large numbers.
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
