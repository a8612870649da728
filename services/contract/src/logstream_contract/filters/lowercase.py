"""Upper and lower case as the text search sees them: Unicode's simple lower-casing, one character for each.

It is what PostgreSQL's builtin collation `pg_c_utf8` does, so that history and the live stream find the same. A character
that is younger than the Unicode of this Python, or of that PostgreSQL, stays as it is there. Pure.

Source: The Unicode Standard, section 4.2, "Simple_Lowercase_Mapping"; PostgreSQL 17, "Builtin Provider".
"""

from typing import Final

# The two characters of which str.lower does not make the one that the simple mapping names: İ becomes two, and what Σ
# becomes depends on what stands around it.
_DOTTED_I: Final = "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}"
_SIGMA: Final = "\N{GREEK CAPITAL LETTER SIGMA}"
_SMALL_SIGMA: Final = "\N{GREEK SMALL LETTER SIGMA}"


def simple_lower(text: str) -> str:
    """The text in lower case, of the same length; parts of it become the same as they would alone."""
    if not text.isascii():
        text = text.replace(_DOTTED_I, "i").replace(_SIGMA, _SMALL_SIGMA)
    return text.lower()
