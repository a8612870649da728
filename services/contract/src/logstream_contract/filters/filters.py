"""A filter of records, and the small language of the text search, with one meaning for history and the live stream. It must
not know HTTP or SQL."""

import re
from dataclasses import dataclass
from typing import Final

MAX_TEXT_CHARACTERS: Final = 1_000
MAX_TERMS: Final = 20
MAX_NAMES: Final = 50
MAX_ATTRIBUTES: Final = 20
MAX_KEY_BYTES: Final = 255

# A quoted phrase, closed or running to the end, or a word; each with a minus in front if it excludes.
_TERM: Final = re.compile(r'(-?)"((?:\\.|[^"\\]|\\\Z)*)(?:"|\Z)|(\S+)', re.DOTALL)
_ESCAPED: Final = re.compile(r'\\(["\\])')


@dataclass(frozen=True, slots=True)
class Terms:
    """Substrings that the message must all contain, and ones that it must not contain; upper and lower case are the same."""

    included: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A record matches if all of these hold; an empty one or None does not restrict.

    Times are microseconds since the epoch, from start up to but not including end.
    """

    start_us: int | None = None
    end_us: int | None = None
    levels: tuple[str, ...] = ()  # equal to one of these in any case
    level_contains: str = ""  # in any case
    min_severity: int | None = None
    nodes: tuple[str, ...] = ()  # equal to one of these; `*` stands for any number of characters
    text: Terms = Terms()
    attributes: tuple[tuple[str, str], ...] = ()  # key and value, as they are; the record has all of them
    not_attributes: tuple[tuple[str, str], ...] = ()  # key and value, as they are; the record has none of them
    sequences: tuple[int, ...] = ()  # one of these
    regex: str = ""  # a POSIX regular expression found in the message; for history only


def read_terms(text: str) -> Terms:
    """Words that must all occur, `-word` for one that must not, `"quoted phrase"` for a text with spaces.

    In quotes a backslash takes the quote or backslash after it literally; a quote never closed reaches to the end. A minus
    alone is a word. Raises ValueError past the limits or when quotes hold nothing.
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        raise ValueError(f"at most {MAX_TEXT_CHARACTERS} characters")
    included: list[str] = []
    excluded: list[str] = []
    for minus, phrase, word in _TERM.findall(text):
        if word:
            negated = len(word) > 1 and word[0] == "-"
            term = word[1:] if negated else word
        else:
            negated = bool(minus)
            term = _ESCAPED.sub(r"\1", phrase)
        if not term:
            raise ValueError("words, -word or a quoted phrase that is not empty")
        (excluded if negated else included).append(term)
    if len(included) + len(excluded) > MAX_TERMS:
        raise ValueError(f"at most {MAX_TERMS} words and phrases")
    return Terms(tuple(dict.fromkeys(included)), tuple(dict.fromkeys(excluded)))


def read_names(text: str) -> tuple[str, ...]:
    """Names separated by commas. Raises ValueError if there is none or too many."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not 1 <= len(names) <= MAX_NAMES:
        raise ValueError(f"1 to {MAX_NAMES} names separated by commas")
    return names


def check_key(key: str) -> None:
    """Raises ValueError unless the key of an attribute has 1 to MAX_KEY_BYTES bytes of UTF-8."""
    if not 1 <= len(key.encode()) <= MAX_KEY_BYTES:
        raise ValueError(f"a key of 1 to {MAX_KEY_BYTES} bytes")
