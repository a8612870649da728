"""Validates objects with Kubernetes' own schemas, without unknown fields. The only module that uses kubernetes-validate."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache

import kubernetes_validate
from kubernetes_validate import utils

from helm_check.findings import Finding
from helm_check.manifests import Document, Render

_VERSIONS = 4
# Kubernetes' own groups end with .k8s.io or have no dot; gateway.networking.k8s.io is a group of custom resources anyway.
_CUSTOM_GROUPS = ("gateway.networking.k8s.io",)


@cache
def versions() -> list[str]:
    """The newest Kubernetes versions that have schemas here, oldest first."""
    # Each is listed once more for its strict schemas.
    return list(dict.fromkeys(version.rpartition(".")[0] for version in utils.all_versions()))[-_VERSIONS:]


def is_builtin(api_version: str) -> bool:
    group, _, version = api_version.rpartition("/")
    return bool(version) and ("." not in group or (group.endswith(".k8s.io") and group not in _CUSTOM_GROUPS))


def check(renders: Iterable[Render]) -> list[Finding]:
    """Checks each object once, regardless of the number of cases that have it."""
    seen: set[str] = set()
    findings: list[Finding] = []
    with _schemas_read_once():
        for render in renders:
            for document in render.documents:
                text = json.dumps([document.source, document.body], sort_keys=True)
                if is_builtin(document.api_version) and text not in seen:
                    seen.add(text)
                    findings += _check(document, render.case)
    return findings


_contents = cache(utils.schema_contents)


@contextmanager
def _schemas_read_once() -> Iterator[None]:
    """The library reads and parses a megabyte of definitions for each object, which would take most of the total time."""
    original = utils.schema_contents
    utils.schema_contents = _contents
    try:
        yield
    finally:
        utils.schema_contents = original


def _check(document: Document, case: str) -> Iterator[Finding]:
    wrong: dict[tuple[str, str], list[str]] = {}
    for version in versions():
        try:
            kubernetes_validate.validate(document.body, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            wrong.setdefault((document.location(*error.absolute_path), error.message), []).append(version)
        except kubernetes_validate.SchemaNotFoundError:
            wrong.setdefault(
                (document.location(), f"{document.api_version} {document.kind} is not a kind of Kubernetes"), []
            ).append(version)
    for (location, message), in_versions in wrong.items():
        yield Finding(location, f"{_short(message)} (Kubernetes {', '.join(in_versions)})", case)


def _short(message: str) -> str:
    return message if len(message) <= 300 else f"{message[:300]}..."
