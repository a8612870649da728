"""Many numbers as texts at once, each behind its size as a value of an attribute has it. Pure."""

import json
from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]

# What a text takes with its size, at most.
NUMBER_BYTES: Final = 32
_TEN_THOUSAND: Final = 10_000


def _digits(layout: str) -> Words:
    texts = [format(number, layout).encode() for number in range(_TEN_THOUSAND)]
    return np.array([int.from_bytes(text, "little") for text in texts], dtype=np.uint64)


# The digits of a number, as the number that their bytes are.
_PLAIN, _PADDED = _digits("d"), _digits("04d")
_COUNTS: Final = np.array([len(str(number)) for number in range(_TEN_THOUSAND)], dtype=np.int64)
_FALSE, _TRUE = (np.uint64(int.from_bytes(text, "little")) for text in (b"false", b"true"))


def texts_of(words: Words, boolean: Flags, double: Flags) -> tuple[Bytes, Ints]:
    """words: each a boolean, the bits of a double, or an integer with its sign in its highest bit. Gives a row of
    NUMBER_BYTES for each, which begins with the size of its text and the text, and those sizes."""
    rows = np.zeros((len(words), NUMBER_BYTES), np.uint8)
    short = words.view(np.int64)
    long = double | (words >= _TEN_THOUSAND * _TEN_THOUSAND)
    any_long = long.any()
    if any_long:
        short = np.where(long, 0, short)
    high = None
    if int(short.max()) >= _TEN_THOUSAND:
        high, short = np.divmod(short, _TEN_THOUSAND)
    texts, lengths = _PLAIN[short], _COUNTS[short]
    if high is not None:
        counts = _COUNTS[high]
        texts = np.where(high > 0, _PLAIN[high] | _PADDED[short] << (8 * counts).view(np.uint64), texts)
        lengths = np.where(high > 0, counts + 4, lengths)
    if boolean.any():
        texts = np.where(boolean, np.where(words > 0, _TRUE, _FALSE), texts)
        lengths = np.where(boolean, np.where(words > 0, 4, 5), lengths)
    rows[:, 1:9] = texts.view(np.uint8).reshape(-1, 8)
    if any_long:
        for those, numbers in ((long & ~double, words.view(np.int64)), (double, words.view(np.float64))):
            if those.any():
                # JSON's words for what is no number are ours, too.
                encoded = json.dumps(numbers[those].tolist())[1:-1].split(", ")
                lengths[those] = list(map(len, encoded))
                rows[those, 1:] = np.array(encoded, f"S{NUMBER_BYTES - 1}").view(np.uint8).reshape(len(encoded), -1)
    rows[:, 0] = lengths
    return rows, lengths
