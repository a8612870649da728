"""Builds the address at which the query service has the records that a live viewer missed. It must not call that service."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, urlencode

from logstream_contract.filters.filters import Filter, Terms
from logstream_contract.filters.parameters import ATTRIBUTE, NOT_ATTRIBUTE

_PATH: Final = "/api/logs"
# A word that begins with or contains one of these is quoted.
_NO_WORD: Final = re.compile(r'^["-]|\s')
_TO_ESCAPE: Final = re.compile(r'"|\\(?=["\\]|\Z)')


def query_of(filter_: Filter | None) -> str:
    """The filter of a live viewer as query parameters of the same meaning; "" for None."""
    return urlencode(list(_pairs(filter_)), quote_via=quote) if filter_ else ""


def records_url(start: str | None, end: str, filter_query: str) -> str:
    """The address, relative to the origin, of records from start (None: the first record) to before end."""
    # No character of a UTC time needs escaping in a query.
    times = ([f"start={start}"] if start else []) + [f"end={end}"]
    return f"{_PATH}?{'&'.join(times + ([filter_query] if filter_query else []))}"


def _pairs(filter_: Filter) -> Iterator[tuple[str, str]]:
    if filter_.levels:
        yield "level", ",".join(filter_.levels)
    if filter_.min_severity is not None:
        yield "min_level", str(filter_.min_severity)
    if filter_.nodes:
        yield "node", ",".join(filter_.nodes)
    if filter_.text != Terms():
        yield "q", " ".join([*map(_term, filter_.text.included), *("-" + _term(term) for term in filter_.text.excluded)])
    for key, value in filter_.attributes:
        yield ATTRIBUTE + key, value
    for key, value in filter_.not_attributes:
        yield NOT_ATTRIBUTE + key, value


def _term(term: str) -> str:
    return f'"{_TO_ESCAPE.sub(_escaped, term)}"' if _NO_WORD.search(term) else term


def _escaped(match: re.Match[str]) -> str:
    return "\\" + match[0]
