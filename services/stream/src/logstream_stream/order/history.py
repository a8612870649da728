"""Where history has what live could not show. It must not ask history itself."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, urlencode

from logstream_contract.filters.filters import Filter, Terms
from logstream_contract.filters.parameters import ATTRIBUTE, NOT_ATTRIBUTE

_PATH: Final = "/api/logs"
# What a word may not begin with or hold; else it is quoted.
_NO_WORD: Final = re.compile(r'^["-]|\s')
_TO_ESCAPE: Final = re.compile(r'"|\\(?=["\\]|\Z)')


def query_of(wanted: Filter | None) -> str:
    """The filter of a live viewer as parameters that mean the same; "" for None."""
    return urlencode(list(_pairs(wanted)), quote_via=quote) if wanted else ""


def records_url(start: str | None, end: str, filter_query: str) -> str:
    """The address, relative to the origin, of the records with times from start (None: from the first) to before end."""
    # Neither colons nor the rest of a time in UTC need escaping in a query.
    times = ([f"start={start}"] if start else []) + [f"end={end}"]
    return f"{_PATH}?{'&'.join(times + ([filter_query] if filter_query else []))}"


def _pairs(wanted: Filter) -> Iterator[tuple[str, str]]:
    if wanted.levels:
        yield "level", ",".join(wanted.levels)
    if wanted.min_severity is not None:
        yield "min_level", str(wanted.min_severity)
    if wanted.nodes:
        yield "node", ",".join(wanted.nodes)
    if wanted.text != Terms():
        yield "q", " ".join([*map(_term, wanted.text.included), *("-" + _term(term) for term in wanted.text.excluded)])
    for key, value in wanted.attributes:
        yield ATTRIBUTE + key, value
    for key, value in wanted.not_attributes:
        yield NOT_ATTRIBUTE + key, value


def _term(term: str) -> str:
    return f'"{_TO_ESCAPE.sub(_escaped, term)}"' if _NO_WORD.search(term) else term


def _escaped(found: re.Match[str]) -> str:
    return "\\" + found[0]
