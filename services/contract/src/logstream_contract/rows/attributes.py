"""What happens to the attributes of one record. They are limited in number and bytes, and keys that begin with `logstream.`
are reserved: their values never come from a sender. Pure: it must depend on the attributes alone, not on their order, which
parsers of maps do not keep."""

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import nsmallest
from typing import Final

from logstream_contract.rows.texts import MOST_BYTES_A_CHARACTER, NUL, clean, cut

MAX_ATTRIBUTES: Final = 64
MAX_KEY_BYTES: Final = 255
MAX_VALUE_BYTES: Final = 64 * 1024
# Of all keys and values of a record.
MAX_ATTRIBUTES_BYTES: Final = 256 * 1024

# Keys of attributes that say what was changed in a record. The limits do not count them.
RESERVED: Final = "logstream."
# Stored before a sender's key that begins with RESERVED.
SENDERS: Final = "sender."
# Replaces an empty key, which no filter could name.
UNNAMED: Final = f"{SENDERS}unnamed"

# Texts that are shorter than these, in characters, pass no limit in bytes.
_SHORT_KEY: Final = MAX_KEY_BYTES // MOST_BYTES_A_CHARACTER
_SHORT_TEXTS: Final = MAX_VALUE_BYTES // MOST_BYTES_A_CHARACTER


@dataclass(slots=True, kw_only=True)
class MendedAttributes:
    """The attributes as they are stored, and how many of them were renamed or cut, how many are left out, and how many NULs
    were replaced in those that are not."""

    attributes: dict[str, str]
    renamed: int = 0
    cut: int = 0
    dropped: int = 0
    nuls: int = 0


def may_need_mending(attributes: Mapping[str, str]) -> bool:
    """False proves that mend would not change the attributes (at least one)."""
    keys = "".join(attributes)
    texts = keys + "".join(attributes.values())
    return (
        len(attributes) > MAX_ATTRIBUTES
        or len(texts) > _SHORT_TEXTS
        or NUL in texts
        or RESERVED in keys
        or "" in attributes
        or (len(keys) > _SHORT_KEY and max(map(len, attributes)) > _SHORT_KEY)
    )


def mend(attributes: Mapping[str, str]) -> MendedAttributes:
    """If there are too many attributes, the first in the order of their keys are kept, as far as their bytes fit. One whose
    changed key is the key of another is left out."""
    mended = MendedAttributes(attributes={})
    left_bytes = MAX_ATTRIBUTES_BYTES
    for key in nsmallest(MAX_ATTRIBUTES, attributes):
        value = attributes[key]
        clean_key, clean_value = clean(key), clean(value)
        renamed = not clean_key or clean_key.startswith(RESERVED)
        if renamed:
            clean_key = SENDERS + clean_key if clean_key else UNNAMED
        stored_key, stored_value = cut(clean_key, MAX_KEY_BYTES), cut(clean_value, MAX_VALUE_BYTES)
        taken = stored_key != key and (stored_key in attributes or stored_key in mended.attributes)
        size_bytes = len(stored_key.encode()) + len(stored_value.encode())
        if taken or size_bytes > left_bytes:
            continue
        left_bytes -= size_bytes
        mended.attributes[stored_key] = stored_value
        mended.renamed += renamed
        mended.cut += stored_key != clean_key or stored_value != clean_value
        mended.nuls += key.count(NUL) + value.count(NUL)
    mended.dropped = len(attributes) - len(mended.attributes)
    return mended
