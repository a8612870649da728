"""The text of an unexpected error, in a form that the database accepts. Pure."""

from typing import Final

_CHARACTERS: Final = 1_000


def described(error: BaseException) -> str:
    """Type and text of an error."""
    try:
        text = f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 the text of an error is made by foreign code
        text = type(error).__name__
    return storable(text)


def storable(text: str, characters: int = _CHARACTERS) -> str:
    """The text without NUL and lone surrogates, and not longer than this."""
    clean = text[: characters + 1].encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    return clean if len(clean) <= characters else f"{clean[: characters - 1]}…"
