"""Changes since a released chart that an upgrade would refuse or that lose data. Compares renders of the same values."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.version import Version

from helm_check.chart import Chart
from helm_check.findings import Finding
from helm_check.manifests import Document, Render, at

# Fields that an API server refuses to change.
_IMMUTABLE: dict[str, tuple[tuple[str, ...], ...]] = {
    "Deployment": (("spec", "selector"),),
    "DaemonSet": (("spec", "selector"),),
    "StatefulSet": (
        ("spec", "selector"),
        ("spec", "serviceName"),
        ("spec", "podManagementPolicy"),
        ("spec", "volumeClaimTemplates"),
    ),
    "Service": (("spec", "clusterIP"),),
    "Job": (("spec", "selector"), ("spec", "template"), ("spec", "completionMode")),
    "PersistentVolumeClaim": (
        ("spec", "accessModes"),
        ("spec", "storageClassName"),
        ("spec", "volumeName"),
        ("spec", "volumeMode"),
    ),
    "Secret": (("type",),),
}
_HOLDS_DATA = ("StatefulSet", "PersistentVolumeClaim")


def released(folder: Path) -> list[Chart]:
    """The packages of released versions in `folder`, oldest first."""
    return sorted((Chart(path) for path in folder.glob("*.tgz")), key=lambda chart: Version(chart.version))


def compare(previous: Render, present: Render, version: str) -> Iterator[Finding]:
    """Findings for changes between two renders of the same case that cannot be made in place."""
    for old in previous.documents:
        new = _counterpart(old, present)
        if new is None:
            if old.kind in _HOLDS_DATA:
                yield Finding(old.location(), f"existed in {version} and is gone, with its data", present.case)
            continue
        for path in _IMMUTABLE.get(old.kind, ()):
            was, now = at(old.body, *path), at(new.body, *path)
            if was != now:
                message = f"cannot be changed in place; {version} has {_short(was)}, now it is {_short(now)}"
                yield Finding(new.location(*path), message, present.case)
        if at(old.body, "immutable") is True and old.body != new.body:
            yield Finding(new.location(), f"is immutable in {version}, and has changed", present.case)


def _counterpart(old: Document, present: Render) -> Document | None:
    return next((new for new in present.of_kind(old.kind) if new.name == old.name), None)


def _short(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= 120 else f"{text[:120]}..."


def values_refused(previous: Chart, present: Chart) -> str | None:
    """Why a user's full copy of the previous defaults would be refused, unless the version permits this."""
    was, now = Version(previous.version), Version(present.version)
    # Before 1.0.0 the minor version announces such a change.
    if now.major > was.major or (now.major == was.major == 0 and now.minor > was.minor):
        return None
    return present.refusal(previous.values)
