"""The attributes of many records as members of JSON objects, `"key":"value","key":"value"`, written where they lie encoded.

Encoded attributes and members differ only in the few bytes around keys and values. Those are overwritten by marks in a copy,
and the marks of all records are turned into JSON's punctuation at once: no key and no value is handled alone. It must know
no other field. Pure.

Source of the format: Protocol Buffers encoding, "Maps"; an attribute is tag, size, key tag, key size, key, value tag, value
size, value.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from logstream_contract.rows.attributes import MAX_ATTRIBUTES_BYTES, MAX_KEY_BYTES, RESERVED
from logstream_contract.rows.json_text import escape

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# The marks: nothing, a quotation mark, a comma, what is between key and value, and what is between two records. No member
# holds such a byte: a record with one in a text is odd.
_NOTHING, _QUOTE, _COMMA, _BETWEEN, _RECORD = range(5)
_MARKS: Final = 5
_PUNCTUATION: Final = bytes([_NOTHING, *b'",', *range(_BETWEEN, 256)])

_WORD_BYTES: Final = 8
_WORD_MASKS: Final = np.array([(1 << 8 * length) - 1 for length in range(_WORD_BYTES + 1)], dtype=np.uint64)
# Large and odd, so that what is multiplied by them spreads over all bits.
_FIRST_FACTOR, _LAST_FACTOR, _SIZE_FACTOR, _ROW_FACTOR = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], dtype=np.uint64
)
# How a key that is ours begins and goes on, as numbers.
_RESERVED: Final = RESERVED.encode()
_RESERVED_FIRST: Final = np.uint64(int.from_bytes(_RESERVED[:_WORD_BYTES], "little"))
_RESERVED_REST: Final = np.uint64(int.from_bytes(_RESERVED[_WORD_BYTES:], "little"))
_RESERVED_REST_MASK: Final = _WORD_MASKS[len(_RESERVED) - _WORD_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """One attribute of each of these rows: where its parts begin in the encoded bytes, and where it ends."""

    rows: Ints
    tag: Ints
    key_tag: Ints
    key: Ints
    value_tag: Ints
    value: Ints
    end: Ints

    def at(self, those: Flags) -> "Attributes":
        """Of these rows alone."""
        return Attributes(
            rows=self.rows[those],
            tag=self.tag[those],
            key_tag=self.key_tag[those],
            key=self.key[those],
            value_tag=self.value_tag[those],
            value=self.value[those],
            end=self.end[those],
        )


class Members:
    """encoded: of all records; words: the eight bytes from each position on, as a number; count: of rows."""

    def __init__(self, encoded: bytes, words: npt.NDArray[np.uint64], count: int) -> None:
        self._encoded = encoded
        self._words = words
        self._marked = np.frombuffer(encoded, np.uint8).copy()
        self._added: list[Attributes] = []
        self._text_bytes: Ints = np.zeros(count, np.int64)

    def add(self, attributes: Attributes) -> None:
        """The next attribute of rows, which all had one before or which are all new."""
        marked, first = self._marked, not self._added
        # A size takes one byte or two.
        marked[attributes.tag + 1] = _NOTHING
        marked[attributes.tag] = _NOTHING if first else _QUOTE
        marked[attributes.key_tag - 1] = _NOTHING if first else _COMMA
        marked[attributes.key_tag] = _QUOTE
        marked[attributes.key_tag + 1] = _NOTHING
        marked[attributes.key - 1] = _NOTHING
        marked[attributes.value_tag] = _BETWEEN
        marked[attributes.value_tag + 1] = _NOTHING
        marked[attributes.value - 1] = _NOTHING
        self._text_bytes[attributes.rows] += attributes.value_tag - attributes.key + attributes.end - attributes.value
        self._added.append(attributes)

    def take(self, odd: Flags) -> list[bytes]:
        """The members of each row's object, b"" where there are none, and nothing at all when no row has any.

        What JSON or the database can't hold, what passes a limit, and a key that is ours or that a record repeats makes its
        row odd. The members of rows that are odd mean nothing.
        """
        if not self._added:
            return []
        odd |= self._text_bytes > MAX_ATTRIBUTES_BYTES
        self._flag_odd_keys(odd)
        self._flag_repeated(odd)
        first = self._added[0]
        ends = np.zeros(len(odd), np.int64)
        for attributes in self._added:
            ends[attributes.rows] = attributes.end
        rows = first.rows[~odd[first.rows]]
        begins, ends = first.tag[~odd[first.rows]], ends[rows]
        marked = self._marked.tobytes()
        pieces = [marked[i:j] for i, j in zip(begins.tolist(), ends.tolist(), strict=True)]
        pieces = self._without_odd_texts(rows, pieces, odd)
        together = escape(bytes([_QUOTE, _RECORD]).join(pieces) + bytes([_QUOTE]), _MARKS)
        together = together.translate(_PUNCTUATION, bytes([_NOTHING])).replace(bytes([_BETWEEN]), b'":"')
        members = together.split(bytes([_RECORD]))
        if len(rows) == len(odd):
            return members
        every = [b""] * len(odd)
        for row, member in zip(rows.tolist(), members, strict=False):
            every[row] = member
        return every

    def _without_odd_texts(self, rows: Ints, pieces: list[bytes], odd: Flags) -> list[bytes]:
        """The pieces, empty where a text is none or holds what is a mark; such rows are odd."""
        together = b"".join(pieces)
        texts = np.frombuffer(together, np.uint8) >= _MARKS
        if np.count_nonzero(texts) == self._text_bytes[rows].sum() and is_text(together):
            return pieces
        fine_pieces = []
        for row, piece in zip(rows.tolist(), pieces, strict=True):
            count = np.count_nonzero(np.frombuffer(piece, np.uint8) >= _MARKS)
            fine = count == self._text_bytes[row] and is_text(piece)
            odd[row] |= not fine
            fine_pieces.append(piece if fine else b"")
        return fine_pieces

    def _flag_odd_keys(self, odd: Flags) -> None:
        """Keys that are empty, too long or ours: logstream_contract.rows.attributes gives them others."""
        for attributes in self._added:
            sizes = attributes.value_tag - attributes.key
            # Unsigned: what is below 1 becomes large.
            odd_key = (sizes - 1).view(np.uint64) >= MAX_KEY_BYTES
            ours = self._words[attributes.key] == _RESERVED_FIRST
            if ours.any():
                ours &= self._words[attributes.key + _WORD_BYTES] & _RESERVED_REST_MASK == _RESERVED_REST
                odd_key |= ours & (sizes >= len(_RESERVED))
            if odd_key.any():
                odd[attributes.rows] |= odd_key

    def _flag_repeated(self, odd: Flags) -> None:
        """Of a key that comes again the last value counts, and a JSON object would show both."""
        if len(self._added) == 1:
            return
        prints = np.concatenate([self._print(attributes) for attributes in self._added])
        in_order = np.sort(prints)
        if not (in_order[1:] == in_order[:-1]).any():
            return
        order = np.argsort(prints, kind="stable")
        same = prints[order[1:]] == prints[order[:-1]]
        alike = order[np.append(same, False) | np.append(False, same)]
        rows, begins, ends = (
            np.concatenate(parts)[alike].tolist()
            for parts in zip(
                *[(attributes.rows, attributes.key, attributes.value_tag) for attributes in self._added], strict=True
            )
        )
        seen: set[tuple[int, bytes]] = set()
        for row, begin, end in zip(rows, begins, ends, strict=True):
            key = row, self._encoded[begin:end]
            odd[row] |= key in seen
            seen.add(key)

    def _print(self, attributes: Attributes) -> npt.NDArray[np.uint64]:
        """A number for each row and key, the same for the same key; others are hardly ever the same."""
        sizes = attributes.value_tag - attributes.key
        firsts = self._words[attributes.key] & _WORD_MASKS[np.minimum(sizes, _WORD_BYTES)]
        lasts = self._words[attributes.value_tag - _WORD_BYTES] * (sizes > _WORD_BYTES)
        numbers: npt.NDArray[np.uint64] = firsts * _FIRST_FACTOR ^ lasts * _LAST_FACTOR
        numbers ^= sizes.view(np.uint64) * _SIZE_FACTOR
        numbers ^= attributes.rows.view(np.uint64) * _ROW_FACTOR
        return numbers


def is_text(encoded: bytes) -> bool:
    """Whether the bytes are UTF-8."""
    if encoded.isascii():
        return True
    try:
        encoded.decode()
    except UnicodeDecodeError:
        return False
    return True
