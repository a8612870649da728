"""The findings of checks, and how they are printed. It must not decide what is wrong."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing to fix. `location` names file, resource and field; `case` the value file in which it was found, if any."""

    location: str
    message: str
    case: str = ""


def as_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """One line per finding. A finding of several cases is printed once, with the first of them."""
    cases: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        cases.setdefault((finding.location, finding.message), []).append(finding.case)
    for (location, message), names in cases.items():
        shown = list(dict.fromkeys(name for name in names if name))
        more = f" and {len(shown) - 1} more" if len(shown) > 1 else ""
        yield f"{location}: {message}" + (f" [{shown[0]}{more}]" if shown else "")
