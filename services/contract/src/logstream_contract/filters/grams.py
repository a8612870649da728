"""What the search index stores about a block of rows: grams (four consecutive bytes of UTF-8 of a lower-cased message) and
the attributes of its rows, each hashed to a few slots. The writer sets the slots of what occurs in a block, and the query
service looks up the slots of what it searches for. Both use the mapping in this module and gram_columns.

A set slot proves nothing; a slot that is not set proves absence.
"""

from typing import Final
from zlib import crc32

GRAM_BYTES: Final = 4

# Grams of hexadecimal digits have a slot each: identifiers and numbers are made of them, fill these slots, and so leave the
# others to words.
HEX_SLOTS: Final = 1 << 16
WORD_BITS: Final = 17
ATTRIBUTE_SLOTS: Final = 1 << 16
FIRST_WORD: Final = HEX_SLOTS
FIRST_ATTRIBUTE: Final = FIRST_WORD + (1 << WORD_BITS)
SLOTS: Final = FIRST_ATTRIBUTE + ATTRIBUTE_SLOTS

# Slots that are stored together.
PAGE_SLOTS: Final = 16
PAGES: Final = SLOTS // PAGE_SLOTS

# Knuth's multiplicative hash: 2^32 divided by the golden ratio, the nearest odd number.
MULTIPLIER: Final = 2_654_435_769

_HEX: Final = {ord(digit): value for value, digit in enumerate("0123456789abcdef")}
_WORD_SHIFT: Final = 32 - WORD_BITS
# More grams hardly narrow the search, and each has to be read for every segment.
_MOST_SLOTS_A_TEXT: Final = 8


def slot_of_gram(gram: bytes) -> int:
    """gram: GRAM_BYTES bytes, none of them 0."""
    nibbles = [_HEX.get(byte) for byte in gram]
    if None not in nibbles:
        return sum(nibble << 4 * index for index, nibble in enumerate(nibbles) if nibble)
    return FIRST_WORD + ((int.from_bytes(gram, "little") * MULTIPLIER & 0xFFFF_FFFF) >> _WORD_SHIFT)


def slots_of_attribute(key: str, value: str) -> tuple[int, int]:
    """Both are set where a row has the attribute with this value."""
    code = crc32(b"%b\0%b" % (key.encode(), value.encode()))
    return FIRST_ATTRIBUTE + (code & 0xFFFF), FIRST_ATTRIBUTE + (code >> 16)


def slots_of_text(lowered: str) -> list[int]:
    """Slots that are all set where a message contains the text; none if it is too short to tell.

    lowered: in lower case, as messages are when they are indexed. Of a long text some grams are chosen, ones with letters
    first, since digits occur in nearly every block.
    """
    raw = lowered.encode()
    slots = dict.fromkeys(slot_of_gram(raw[at : at + GRAM_BYTES]) for at in range(len(raw) - GRAM_BYTES + 1))
    chosen = _spread([slot for slot in slots if slot >= HEX_SLOTS], _MOST_SLOTS_A_TEXT)
    digits = [slot for slot in slots if slot < HEX_SLOTS]
    # A gram of digits rules out a third as many blocks as one of a word, so a few are still worth reading.
    return chosen + _spread(digits, _MOST_SLOTS_A_TEXT if not chosen else _MOST_SLOTS_A_TEXT // 2)


def _spread(slots: list[int], most: int) -> list[int]:
    """At most so many, from all over the text: neighbouring grams share three of four bytes."""
    if len(slots) <= most:
        return slots
    return [slots[index * len(slots) // most] for index in range(most)]
