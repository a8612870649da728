"""What becomes of the attributes of one record. They are limited in number and bytes, and what begins with `logstream.` is
ours: nothing there ever comes from a sender. Pure: it must depend on the attributes alone, not on their order, which parsers
of maps do not keep."""

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

# Attributes that tell what was done to a record. They are no part of the limits.
RESERVED: Final = "logstream."
# A sender's key that begins with that is stored with this before it.
SENDERS: Final = "sender."
# And an empty one, for which no filter could ask, as this.
UNNAMED: Final = f"{SENDERS}unnamed"

# Texts that are shorter than these, in characters, pass no limit in bytes.
_SHORT_KEY: Final = MAX_KEY_BYTES // MOST_BYTES_A_CHARACTER
_SHORT_TEXTS: Final = MAX_VALUE_BYTES // MOST_BYTES_A_CHARACTER


@dataclass(slots=True)
class Mended:
    """The attributes as they are stored, and how many of them were renamed or cut, how many are left out, and how many NULs
    were replaced in those that are not."""

    kept: dict[str, str]
    renamed: int = 0
    cut: int = 0
    dropped: int = 0
    nuls: int = 0


def may_need_mending(found: Mapping[str, str]) -> bool:
    """False is a proof that mend would keep the attributes (at least one) as they are."""
    keys = "".join(found)
    texts = keys + "".join(found.values())
    return (
        len(found) > MAX_ATTRIBUTES
        or len(texts) > _SHORT_TEXTS
        or NUL in texts
        or RESERVED in keys
        or "" in found
        or (len(keys) > _SHORT_KEY and max(map(len, found)) > _SHORT_KEY)
    )


def mend(found: Mapping[str, str]) -> Mended:
    """Of too many attributes the first in the order of their keys are kept, as far as there is room for their bytes. One
    whose changed key is the key of another is left out."""
    mended = Mended({})
    left_bytes = MAX_ATTRIBUTES_BYTES
    for key in nsmallest(MAX_ATTRIBUTES, found):
        given = found[key]
        named, cleaned = clean(key), clean(given)
        renamed = not named or named.startswith(RESERVED)
        if renamed:
            named = SENDERS + named if named else UNNAMED
        name, value = cut(named, MAX_KEY_BYTES), cut(cleaned, MAX_VALUE_BYTES)
        taken = name != key and (name in found or name in mended.kept)
        size_bytes = len(name.encode()) + len(value.encode())
        if taken or size_bytes > left_bytes:
            continue
        left_bytes -= size_bytes
        mended.kept[name] = value
        mended.renamed += renamed
        mended.cut += name != named or value != cleaned
        mended.nuls += key.count(NUL) + given.count(NUL)
    mended.dropped = len(found) - len(mended.kept)
    return mended
