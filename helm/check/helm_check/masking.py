"""Makes two renders of the same values equal: generated secrets are masked. Other differences are findings."""

import re
from collections.abc import Iterator
from typing import Any

from helm_check.findings import Finding
from helm_check.manifests import Document, Render

MASK = "<generated>"

Path = tuple[str | int, ...]


def masked_texts(render: Render, again: Render) -> tuple[dict[str, str], list[Finding]]:
    """The templates' texts with differences from a second render masked, and findings for those that are not secrets."""
    texts = dict(render.texts)
    findings = []
    for document, other in zip(render.documents, again.documents, strict=True):
        for path, value, other_value in _differences(document.body, other.body, ()):
            mask = _mask(document, path, value, other_value)
            if mask is None:
                findings.append(
                    Finding(
                        document.location(*path),
                        "differs from one render to the next; only a Secret may be generated",
                        render.case,
                    )
                )
            # A text that is long enough for a secret appears unchanged in the template's text, quoted or not.
            texts[document.source] = texts[document.source].replace(str(value), mask or MASK)
    return texts, findings


def _mask(document: Document, path: Path, value: Any, other: Any) -> str | None:
    if document.kind == "Secret" and path[0] == "data":
        return MASK
    if document.kind == "Secret" and path[0] == "stringData":
        return _mask_words(str(value), str(other))
    # The checksum of a Secret in the same render, which restarts pods when the Secret changes.
    if len(path) > 1 and path[-2] == "annotations" and str(path[-1]).startswith("checksum/"):
        return MASK
    return None


def _mask_words(value: str, other: str) -> str:
    """An address keeps its structure: only a text's differing words are masked, or all of it if their number differs."""
    parts, others = re.split(r"([^A-Za-z0-9]+)", value), re.split(r"([^A-Za-z0-9]+)", other)
    if len(parts) != len(others):
        return MASK
    return "".join(part if part == other_part else MASK for part, other_part in zip(parts, others, strict=True))


def _differences(value: Any, other: Any, path: Path) -> Iterator[tuple[Path, Any, Any]]:
    if isinstance(value, dict) and isinstance(other, dict) and value.keys() == other.keys():
        for key in value:
            yield from _differences(value[key], other[key], (*path, key))
    elif isinstance(value, list) and isinstance(other, list) and len(value) == len(other):
        for index, inner in enumerate(value):
            yield from _differences(inner, other[index], (*path, index))
    elif value != other:
        yield path, value, other
