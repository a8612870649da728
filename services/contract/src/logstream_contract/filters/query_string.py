"""Parses a query string and names what is wrong with its form. It must not know the meaning of any parameter."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, TypedDict
from urllib.parse import unquote_to_bytes

_SHOWN_CHARACTERS: Final = 100


class ParameterProblem(TypedDict):
    """What is wrong with one parameter."""

    name: str
    value: str
    expected: str


def parameter_problem(name: str, value: str, expected: str) -> ParameterProblem:
    """Name and value are cut to a length that can be shown."""
    return {"name": _cut(name), "value": _cut(value), "expected": expected}


@dataclass(slots=True)
class QueryString:
    """Values by name; pairs whose names begin with a prefix, in their order; and what is wrong with the rest."""

    values: dict[str, str] = field(default_factory=dict)
    prefixed: list[tuple[str, str]] = field(default_factory=list)
    problems: list[ParameterProblem] = field(default_factory=list)


def read_query_string(
    query_string: str, known: Collection[str], *, prefixes: tuple[str, ...] = (), ignore_unknown: bool = False
) -> QueryString:
    """Problems are names given twice, NUL characters and bytes that are no UTF-8. A name with one of the prefixes may be
    given several times.

    query_string holds its bytes as latin-1, as WSGI hands them over. Empty values of known names are left out: they count
    as absent.
    """
    read = QueryString()
    for part in filter(None, query_string.split("&")):
        (name, value), is_utf8 = _pair_of(part)
        is_prefixed = name.startswith(prefixes)
        if ignore_unknown and name not in known and not is_prefixed:
            continue
        if not is_utf8:
            read.problems.append(parameter_problem(name, value, "UTF-8, percent-encoded"))
        elif "\0" in name or "\0" in value:
            read.problems.append(parameter_problem(name, value, "text without NUL characters"))
        elif is_prefixed:
            read.prefixed.append((name, value))
        elif name in read.values:
            read.problems.append(parameter_problem(name, value, "only one value for this parameter"))
        else:
            read.values[name] = value
    read.values = {name: value for name, value in read.values.items() if value or name not in known}
    return read


def _pair_of(part: str) -> tuple[tuple[str, str], bool]:
    raw_name, _, raw_value = part.encode("latin-1", "replace").replace(b"+", b" ").partition(b"=")
    name, value = unquote_to_bytes(raw_name), unquote_to_bytes(raw_value)
    try:
        return (name.decode(), value.decode()), True
    except UnicodeDecodeError:
        return (name.decode(errors="replace"), value.decode(errors="replace")), False


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
