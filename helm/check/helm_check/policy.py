"""Runs the policy scanner checkov over all renders. A failed check needs a written reason, and a reason a failed check."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

from helm_check.findings import Finding
from helm_check.manifests import Render


class PolicyError(Exception):
    """The scanner did not run, or the file of skipped checks cannot be read."""


@dataclass
class Skip:
    """A check that need not pass, and the reason; for objects whose `Kind/name` matches a pattern, or for all."""

    reason: str
    only: list[str]
    used: set[str] = field(default_factory=set)

    def covers(self, resource: str) -> bool:
        for pattern in self.only:
            if fnmatch(resource, pattern):
                self.used.add(pattern)
                return True
        return False


def read_skips(path: Path) -> dict[str, Skip]:
    """By check id. Raises PolicyError."""
    skips = {}
    for check, entry in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).items():
        if not isinstance(entry, dict) or not str(entry.get("reason", "")).strip() or not set(entry) <= {"reason", "only"}:
            raise PolicyError(f"{path.name}: {check} needs a `reason`, and may have `only`, a list of patterns of Kind/name")
        skips[str(check)] = Skip(str(entry["reason"]), [str(pattern) for pattern in entry.get("only", ["*"])])
    return skips


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A check that an object failed. `resource` is Kind/name."""

    check: str
    name: str
    resource: str
    source: str
    case: str
    fields: str


def check(renders: Iterable[Render], skipped: Path) -> Iterator[Finding]:
    """Raises PolicyError."""
    skips = read_skips(skipped)
    return judge(scan(renders), skips, skipped.name)


def judge(failures: Iterable[Failed], skips: dict[str, Skip], skipped: str) -> Iterator[Finding]:
    """Failures without a reason, and reasons (in the file `skipped`) without a failure."""
    for failed in failures:
        skip = skips.get(failed.check)
        if skip is None or not skip.covers(failed.resource):
            location = f"{failed.source}: {failed.resource.replace('/', ' ')}" + (
                f": {failed.fields}" if failed.fields else ""
            )
            yield Finding(location, f"{failed.check}: {failed.name}", failed.case)
    for check_id, skip in skips.items():
        for pattern in skip.only:
            if pattern not in skip.used:
                yield Finding(skipped, f"{check_id} no longer fails for {pattern}: remove it")


def scan(renders: Iterable[Render]) -> list[Failed]:
    """One run of checkov over all renders, because it takes seconds to start. Raises PolicyError."""
    with tempfile.TemporaryDirectory() as scratch:
        for render in renders:
            # All objects of a render are in one folder, so that the scanner finds a pod's network policy.
            folder = Path(scratch, render.case)
            folder.mkdir()
            for document in render.documents:
                target = folder / document.source.replace("/", "+")
                # An object without a namespace belongs to the release's namespace.
                body = {**document.body, "metadata": {"namespace": render.namespace, **document.body["metadata"]}}
                with target.open("a", encoding="utf-8") as file:
                    file.write(f"---\n{yaml.dump(body, Dumper=yaml.CSafeDumper, sort_keys=False)}")
        return [_failed(report) for report in failed_checks(_run(Path(scratch)))]


def _failed(report: dict[str, Any]) -> Failed:
    _, case, source = report["file_path"].split("/", 2)
    kind, _, name = report["resource"].split(".", 2)
    fields = ", ".join(report["check_result"].get("evaluated_keys") or [])
    return Failed(
        check=report["check_id"],
        name=report["check_name"],
        resource=f"{kind}/{name}",
        source=source.replace("+", "/"),
        case=case,
        fields=fields,
    )


def _run(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "checkov.main", "--directory", str(folder), "--framework", "kubernetes"]
    # It must not contact its vendor.
    command += ["--skip-download", "--quiet", "--compact", "--output", "json", "--soft-fail"]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LOG_LEVEL": "ERROR"})


def failed_checks(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """The failed checks in checkov's report. A run that read nothing has no report and raises PolicyError."""
    try:
        report = json.loads(done.stdout)
        failed: list[dict[str, Any]] = report["results"]["failed_checks"]
        unread = report["summary"]["parsing_errors"]
    except (ValueError, KeyError, TypeError):
        raise PolicyError(f"checkov ended with {done.returncode}: {(done.stderr or done.stdout)[-500:]}") from None
    if unread:
        raise PolicyError(f"checkov could not read {unread} files")
    return failed
