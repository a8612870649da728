"""The values with which the chart is rendered. It must not render anything."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helm_check.chart import read_values

DEFAULTS = "defaults"
RELEASE = "demo"
NAMESPACE = "logging"
# The longest name that Helm accepts.
LONG_RELEASE = ("a-release-whose-name-is-as-long-as-helm-allows-" + "x" * 53)[:53]


@dataclass(frozen=True)
class Case:
    """A value file, by the name of its golden."""

    name: str
    path: Path | None
    values: dict[str, Any]

    @property
    def location(self) -> str:
        return f"{self.path.parent.name}/{self.path.name}" if self.path else "values.yaml"


@dataclass(frozen=True)
class Refused:
    """A value file that must be refused, with a text that the error message must contain."""

    path: Path
    sentence: str
    values: dict[str, Any]


def find_cases(chart: Path) -> list[Case]:
    """The defaults first, then `ci/*-values.yaml` and `examples/*.yaml`. Raises ChartError for a file that is not YAML."""
    named = [(f"ci-{path.name.removesuffix('-values.yaml')}", path) for path in sorted(chart.glob("ci/*-values.yaml"))]
    named += [(f"example-{path.stem}", path) for path in sorted(chart.glob("examples/*.yaml"))]
    cases = [Case(name, path, read_values(path.read_text(encoding="utf-8"))) for name, path in named]
    return [Case(DEFAULTS, None, {}), *cases]


def find_refused(folder: Path) -> list[Refused]:
    """Value files whose first comment is the text of the expected refusal."""
    value_files = []
    for path in sorted(folder.glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        comment = []
        while lines and lines[0].startswith("#"):
            comment.append(lines.pop(0).lstrip("#").strip())
        value_files.append(Refused(path, " ".join(comment), read_values(text)))
    return value_files
