"""Validates custom resources with the schemas in `schemas/`. A kind without a schema is a finding, not ignored."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from helm_check.findings import Finding
from helm_check.kubernetes import is_builtin
from helm_check.manifests import Render


def load(folder: Path) -> dict[tuple[str, str], Draft202012Validator]:
    """Validators by apiVersion and kind, which each schema contains."""
    validators = {}
    for path in sorted(folder.glob("*.json")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        Draft202012Validator.check_schema(schema)
        properties = schema["properties"]
        validators[properties["apiVersion"]["const"], properties["kind"]["const"]] = Draft202012Validator(schema)
    return validators


def check(renders: Iterable[Render], folder: Path) -> Iterator[Finding]:
    validators = load(folder)
    for render in renders:
        for document in render.documents:
            if is_builtin(document.api_version):
                continue
            validator = validators.get((document.api_version, document.kind))
            if validator is None:
                yield Finding(
                    document.location(),
                    f"{document.api_version} {document.kind} has no schema in {folder.name}/",
                    render.case,
                )
                continue
            error = best_match(validator.iter_errors(document.body))
            if error is not None:
                yield Finding(document.location(*error.absolute_path), error.message, render.case)
