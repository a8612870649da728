"""The rendered chart as committed files, for review. They must never contain a secret: the texts are already masked."""

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from helm_check.cases import DEFAULTS
from helm_check.findings import Finding
from helm_check.manifests import is_manifest

# Printed lines of a difference.
_SHOWN_LINES = 20

_JSON = re.compile(r"^((?P<indent> +)\S+\.json): \|-?\n(?:(?P=indent) +.*\n|\n)+", re.MULTILINE)

Texts = Mapping[str, str]


def content(case: str, texts: Texts, defaults: Texts, *, overview: str = "") -> str:
    """A golden's content, with the overview at its head. Other cases than the defaults contain only the templates that
    render differently."""
    if case == DEFAULTS:
        head = "# The chart with no value set. Written by `make helm-goldens`.\n"
        return head + overview + "".join(_template(source, text) for source, text in texts.items() if text.strip())
    head = f"# What {case} renders differently from defaults.yaml. Written by `make helm-goldens`.\n"
    body = overview
    for source in sorted({*texts, *defaults}):
        text = texts.get(source, "")
        if text == defaults.get(source, ""):
            continue
        body += _template(source, text) if text.strip() else f"---\n# Source: {source}\n# renders nothing here\n"
    return head + body


def compare(folder: Path, goldens: Mapping[str, str]) -> Iterator[Finding]:
    """Compares the goldens' contents by case with the files in `folder`."""
    for case, text in goldens.items():
        path = folder / f"{case}.yaml"
        location = f"{folder.name}/{path.name}"
        if not path.exists():
            yield Finding(location, "is missing: run make helm-goldens")
            continue
        present = path.read_text(encoding="utf-8")
        if present != text:
            lines = list(difflib.unified_diff(present.splitlines(), text.splitlines(), "committed", "rendered", lineterm=""))
            shown = "\n    ".join(lines[:_SHOWN_LINES])
            more = f"\n    ... {len(lines) - _SHOWN_LINES} lines more" if len(lines) > _SHOWN_LINES else ""
            yield Finding(
                location, f"the chart renders something else; if that is intended, run make helm-goldens\n    {shown}{more}"
            )
    for path in sorted(folder.glob("*.yaml")):
        if path.stem not in goldens:
            yield Finding(f"{folder.name}/{path.name}", "this value file no longer exists: run make helm-goldens")


def write(folder: Path, goldens: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.yaml"):
        if path.stem not in goldens:
            path.unlink()
    for case, text in goldens.items():
        (folder / f"{case}.yaml").write_text(text, encoding="utf-8")


def _template(source: str, text: str) -> str:
    # A dashboard has thousands of lines that nobody reviews here, and is committed elsewhere.
    text = _JSON.sub(r"\1: # JSON, left out here\n", text)
    # NOTES.txt is the text that an installation prints, so it is kept as comments.
    if not is_manifest(source):
        text = "".join(f"# {line}".rstrip() + "\n" for line in text.strip().splitlines())
    lines = text.strip().removeprefix("---").strip().splitlines()
    return f"---\n# Source: {source}\n" + "".join(f"{line.rstrip()}\n" for line in lines)
