"""Takes a query string apart and names what is wrong with its form. It knows no parameter's meaning."""

from collections.abc import Collection
from urllib.parse import unquote_to_bytes

from logstream_query.problems import ParameterProblem, parameter_problem


def read_query_string(
    query_string: str, known: Collection[str], *, ignore_unknown: bool
) -> tuple[dict[str, str], list[ParameterProblem]]:
    """Values by name, and the problems: names given twice, NUL characters, bytes that are no UTF-8.

    query_string holds its bytes as latin-1, as WSGI hands them over. Empty values of known names are left out: they count
    as absent.
    """
    values: dict[str, str] = {}
    problems: list[ParameterProblem] = []
    for part in filter(None, query_string.split("&")):
        (name, value), is_utf8 = _pair_of(part)
        if ignore_unknown and name not in known:
            continue
        if not is_utf8:
            problems.append(parameter_problem(name, value, "UTF-8, percent-encoded"))
        elif "\0" in name or "\0" in value:
            problems.append(parameter_problem(name, value, "text without NUL characters"))
        elif name in values:
            problems.append(parameter_problem(name, value, "one value, not several"))
        else:
            values[name] = value
    return {name: value for name, value in values.items() if value or name not in known}, problems


def _pair_of(part: str) -> tuple[tuple[str, str], bool]:
    raw_name, _, raw_value = part.encode("latin-1", "replace").replace(b"+", b" ").partition(b"=")
    name, value = unquote_to_bytes(raw_name), unquote_to_bytes(raw_value)
    try:
        return (name.decode(), value.decode()), True
    except UnicodeDecodeError:
        return (name.decode(errors="replace"), value.decode(errors="replace")), False
