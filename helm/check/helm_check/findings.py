"""What a check found wrong, and how it is told. Must not decide what is wrong."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing to mend. `place` names file, resource and field; `case` the value file it showed in, if any."""

    place: str
    message: str
    case: str = ""


def told(findings: Iterable[Finding]) -> Iterator[str]:
    """One line a finding. A finding of several cases is told once, with the first of them."""
    cases: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        cases.setdefault((finding.place, finding.message), []).append(finding.case)
    for (place, message), found_in in cases.items():
        names = list(dict.fromkeys(name for name in found_in if name))
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield f"{place}: {message}" + (f" [{names[0]}{more}]" if names else "")
