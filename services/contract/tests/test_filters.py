"""The language of the text search and lists of names."""

import pytest
from logstream_contract.filters.filters import MAX_NAMES, MAX_TERMS, MAX_TEXT_CHARACTERS, Terms, read_names, read_terms


@pytest.mark.parametrize(
    ("text", "included", "excluded"),
    [
        ("disk full", ("disk", "full"), ()),
        ("disk -full", ("disk",), ("full",)),
        ('"disk full" now', ("disk full", "now"), ()),
        ('-"disk full"', (), ("disk full",)),
        ('"never closed', ("never closed",), ()),
        (r'"a \"quoted\" word" x', ('a "quoted" word', "x"), ()),
        (r'"C:\\" y', ("C:\\", "y"), ()),
        ('"C:\\temp"', ("C:\\temp",), ()),
        ('"C:\\', ("C:\\",), ()),
        ('say"hi there"', ('say"hi', 'there"'), ()),
        ("-", ("-",), ()),
        ("--x", (), ("-x",)),
        ("a-b", ("a-b",), ()),
        ("100% a_b", ("100%", "a_b"), ()),
        ("same same", ("same",), ()),
        ("tab\tand　wide", ("tab", "and", "wide"), ()),
        ("", (), ()),
        ("  ", (), ()),
    ],
)
def test_terms(text: str, included: tuple[str, ...], excluded: tuple[str, ...]) -> None:
    assert read_terms(text) == Terms(included, excluded)


@pytest.mark.parametrize("text", ['""', '-""', 'a "" b', '"'])
def test_quotes_around_nothing_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a quoted phrase that is not empty"):
        read_terms(text)


def test_limits_of_a_text() -> None:
    read_terms("x" * MAX_TEXT_CHARACTERS)
    read_terms(" ".join(map(str, range(MAX_TERMS))))
    with pytest.raises(ValueError, match="characters"):
        read_terms("x" * (MAX_TEXT_CHARACTERS + 1))
    with pytest.raises(ValueError, match="words"):
        read_terms(" ".join(map(str, range(MAX_TERMS + 1))))


def test_many_quotes_and_backslashes_are_read_in_no_time() -> None:
    with pytest.raises(ValueError, match="words"):
        read_terms('\\"' * (MAX_TEXT_CHARACTERS // 8) + ' "\\' * (MAX_TEXT_CHARACTERS // 8))


def test_names() -> None:
    assert read_names("a, b,,a") == ("a", "b")
    for text in (",", " ", ",".join(map(str, range(MAX_NAMES + 1)))):
        with pytest.raises(ValueError, match="names"):
            read_names(text)
