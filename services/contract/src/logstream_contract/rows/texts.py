"""Texts as they can be stored: no NUL, no more bytes than there may be. Pure."""

from typing import Final

NUL: Final = "\0"
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
# A character takes at most so many bytes of UTF-8.
MOST_BYTES_A_CHARACTER: Final = 4


def clean(text: str) -> str:
    """With U+FFFD for each NUL, which PostgreSQL can't hold."""
    return text.replace(NUL, _REPLACEMENT) if NUL in text else text


def cut(text: str, limit_bytes: int) -> str:
    """At most limit_bytes of UTF-8, cut between characters."""
    if len(text) * MOST_BYTES_A_CHARACTER <= limit_bytes:
        return text
    encoded = text.encode()
    return text if len(encoded) <= limit_bytes else encoded[:limit_bytes].decode(errors="ignore")


def decode(encoded: bytes) -> tuple[str, int]:
    """The text, and how many U+FFFD stand in it for bytes that are no UTF-8: one for each maximal part of a character that
    goes no further. Source: the Unicode Standard, section 3.9, "U+FFFD Substitution of Maximal Subparts"."""
    try:
        return encoded.decode(), 0
    except UnicodeDecodeError:
        text = encoded.decode(errors="replace")
        return text, text.count(_REPLACEMENT) - encoded.decode(errors="ignore").count(_REPLACEMENT)
