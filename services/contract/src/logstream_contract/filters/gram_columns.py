"""The slots of a whole block of rows at once (see grams), with numpy: no Python a row for messages."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from logstream_contract.filters.grams import (
    FIRST_WORD,
    GRAM_BYTES,
    MULTIPLIER,
    SLOTS,
    WORD_BITS,
    slots_of_attribute,
)

# Between two messages; no message holds it, and no gram that does is set.
SEPARATOR: Final = b"\0"

_NO_DIGITS: Final = np.uint32(0x8080_8080)
_LOW_BITS: Final = np.uint32(0x0101_0101)
_MULTIPLIER: Final = np.uint32(MULTIPLIER)
_WORD_SHIFT: Final = np.uint32(32 - WORD_BITS)
_FIRST_WORD: Final = np.uint32(FIRST_WORD)

Slots = npt.NDArray[np.bool_]


# What bytes.translate makes of digits their values, of all else a byte with the high bit.
_NIBBLES: Final = bytes(b"0123456789abcdef".find(byte) & 0xFF for byte in range(256))


def empty_slots() -> Slots:
    return np.zeros(SLOTS, np.bool_)


def set_texts(slots: Slots, joined: bytes) -> None:
    """Sets the slots of messages in lower case, joined by SEPARATOR."""
    digits = joined.translate(_NIBBLES)
    # A gram begins at each byte: four readings as little-endian words, each a byte further, see all of them.
    for offset in range(GRAM_BYTES):
        whole = (len(joined) - offset) // GRAM_BYTES
        if whole <= 0:
            return
        words = np.frombuffer(joined, "<u4", count=whole, offset=offset)
        nibbles = np.frombuffer(digits, "<u4", count=whole, offset=offset)
        # The classic test for a zero byte in a word. Source: Bit Twiddling Hacks, "Determine if a word has a zero byte".
        holds_separator = ((words - _LOW_BITS) & ~words & _NO_DIGITS) != 0
        is_hex = (nibbles & _NO_DIGITS) == 0
        slots[_hex_slots(nibbles[is_hex])] = True
        others = words[~(is_hex | holds_separator)]
        slots[((others * _MULTIPLIER) >> _WORD_SHIFT) + _FIRST_WORD] = True


def _hex_slots(nibbles: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    packed = nibbles | nibbles >> np.uint32(4)
    return (packed & np.uint32(0xFF)) | (packed >> np.uint32(8) & np.uint32(0xFF00))


def set_attributes(slots: Slots, rows: Iterable[Mapping[str, Any]]) -> None:
    """Sets the slots of the rows' attributes."""
    pairs = {pair for row in rows for pair in row.items()}
    set_slots = [slot for key, value in pairs for slot in slots_of_attribute(key, str(value))]
    slots[np.array(set_slots, np.int64)] = True
