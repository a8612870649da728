"""Interim."""


def simple_lower(text: str) -> str:
    return text.lower()
