"""The chart as Helm sees it: lint, render, package. Only this module uses Helm's SDK; it raises its errors as ChartError."""

import json
import os
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import helm_python

# Severity of a lint message; 1 is a hint, such as a missing icon.
_WARNING = 2


class ChartError(Exception):
    """Helm refused the chart or the values; the text is Helm's own message."""


@contextmanager
def _translated() -> Iterator[None]:
    try:
        with _without_link_notices():
            yield
    except helm_python.HelmError as error:
        raise ChartError(str(error)) from None


@contextmanager
def _without_link_notices() -> Iterator[None]:
    """Helm's library writes at each load, bypassing Python's logging, that it follows links. Other lines are passed on."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            caught.seek(0)
            for line in caught:
                if b"found symbolic link in path" not in line:
                    os.write(2, line)


@dataclass(frozen=True)
class Output:
    """Helm's result for a chart and values: the texts by template, and the effective values."""

    texts: dict[str, str]
    values: dict[str, Any]


class Chart:
    """A chart in a folder or in a package. Loaded once; every call may raise ChartError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with _translated():
            self._chart = helm_python.Chart.load(path)
            self.metadata: dict[str, Any] = self._chart.metadata
            self.values: dict[str, Any] = self._chart.values
            self.schema: dict[str, Any] | None = self._chart.schema

    @property
    def name(self) -> str:
        return str(self.metadata["name"])

    @property
    def version(self) -> str:
        return str(self.metadata["version"])

    def render(self, values: dict[str, Any], release: str, namespace: str, *, upgrade: bool = False) -> Output:
        """The templates' texts by path below the chart. Checks schema and `kubeVersion` as an installation does."""
        with _translated():
            self._chart.validate_schema(values)
            texts = self._chart.render(values, name=release, namespace=namespace, is_install=not upgrade, is_upgrade=upgrade)
            merged = self._chart.merge_values(values)
        prefix = f"{self.name}/"
        return Output({path.removeprefix(prefix): text for path, text in sorted(texts.items())}, merged)

    def refusal(self, values: dict[str, Any]) -> str | None:
        """Why the schema refuses these values, or None if it accepts them."""
        try:
            with _translated():
                self._chart.validate_schema(values)
        except ChartError as error:
            return str(error)
        return None

    def templates(self) -> dict[str, str]:
        """The templates' sources by path below the chart."""
        with _translated():
            return {template["name"]: template["data"] for template in self._chart.templates}


def lint(path: Path, values: dict[str, Any], namespace: str) -> list[tuple[str, str]]:
    """Messages of Helm's linter for a chart folder, including warnings: pairs of file and message."""
    with _translated():
        report = helm_python.lint(path, values, strict=True, namespace=namespace)
    messages = [
        (str(message["path"]), str(message["error"])) for message in report["messages"] if message["severity"] >= _WARNING
    ]
    known = " ".join(message for _, message in messages)
    return messages + [(path.name, str(error)) for error in report["errors"] if str(error) not in known]


def package(path: Path, destination: Path) -> Path:
    """Pack a chart folder; the path of the .tgz in `destination`."""
    with _translated():
        return Path(helm_python.package(path, destination=destination))


def packaged_files(package: Path) -> dict[str, bytes | None]:
    """Contents of a package by path below the chart; None for an entry that is not a plain file, such as a link."""
    files: dict[str, bytes | None] = {}
    with tarfile.open(package) as archive:
        for member in archive:
            if member.isdir():
                continue
            content = archive.extractfile(member) if member.isfile() else None
            files[member.name.partition("/")[2]] = content.read() if content else None
    return files


def read_values(text: str) -> dict[str, Any]:
    """A values file as Helm reads it."""
    with _translated():
        values: dict[str, Any] = json.loads(json.dumps(helm_python.values_from_yaml(text)))
    return values
