"""Upgrades from released charts, by a made-up pair of versions."""

from pathlib import Path

import pytest
from helm_check import upgrade
from helm_check.chart import package
from helm_check.steps import Folders
from made_up import changed, render, without
from made_up_chart import FILES, make, said

NEXT = FILES["Chart.yaml"].replace("0.1.0", "0.1.1")


@pytest.fixture
def released(tmp_path: Path) -> Folders:
    """The small chart, its version 0.1.0 released."""
    folders = make(tmp_path)
    package(folders.chart, folders.released)
    return folders


def test_the_same_is_fine(released: Folders) -> None:
    assert said(released, "upgrade") == []


def test_a_released_version_does_not_change(released: Folders, tmp_path: Path) -> None:
    changed_notes = make(tmp_path, {"templates/NOTES.txt": "Bye.\n"})
    line = "Chart.yaml: version: 0.1.0 is released and rendered something else: raise the version"
    assert said(changed_notes, "upgrade") == [line] * 3
    assert said(make(tmp_path, {"templates/NOTES.txt": "Bye.\n", "Chart.yaml": NEXT}), "upgrade") == []


def test_a_selector_stays(released: Folders, tmp_path: Path) -> None:
    template = FILES["templates/statefulset.yaml"].replace("app.kubernetes.io/name: small", "app.kubernetes.io/part: small")
    folders = make(tmp_path, {"templates/statefulset.yaml": template, "Chart.yaml": NEXT})
    location = "templates/statefulset.yaml: StatefulSet demo-small: spec.selector"
    messages = said(folders, "upgrade")
    assert len(messages) == 3
    assert messages[0].startswith(f"{location}: cannot be changed in place; 0.1.0 has ")
    assert '"app.kubernetes.io/name": "small"' in messages[0].partition(", now it is ")[0]
    assert '"app.kubernetes.io/part": "small"' in messages[0].partition(", now it is ")[2]


def test_values_of_before_are_taken_until_the_version_says_otherwise(released: Folders, tmp_path: Path) -> None:
    renamed = {
        "values.yaml": FILES["values.yaml"].replace("replicas", "pods"),
        "values.schema.json": FILES["values.schema.json"].replace("replicas", "pods"),
        "templates/checks.yaml": "",
        "templates/statefulset.yaml": FILES["templates/statefulset.yaml"].replace(".Values.replicas", ".Values.pods"),
        "ci/many-values.yaml": "pods: 3\n",
    }
    [line] = said(make(tmp_path, {"Chart.yaml": NEXT, **renamed}), "upgrade")
    assert line.startswith("values.schema.json: refuses the default values of 0.1.0: ")
    assert "additional properties 'replicas' not allowed" in line
    minor = FILES["Chart.yaml"].replace("0.1.0", "0.2.0")
    assert said(make(tmp_path, {"Chart.yaml": minor, **renamed}), "upgrade") == []


@pytest.mark.parametrize(
    ("kind", "name", "path", "value"),
    [
        ("StatefulSet", "demo-database", ("spec", "serviceName"), "other"),
        (
            "StatefulSet",
            "demo-database",
            ("spec", "volumeClaimTemplates", 0, "spec", "resources", "requests", "storage"),
            "2Gi",
        ),
        ("StatefulSet", "demo-database", ("spec", "podManagementPolicy"), "Parallel"),
        ("Deployment", "demo-query", ("spec", "selector", "matchLabels", "app.kubernetes.io/part-of"), "logstream"),
        ("Service", "demo-worker", ("spec", "clusterIP"), "10.0.0.1"),
        ("Secret", "demo-addresses", ("type",), "kubernetes.io/tls"),
    ],
)
def test_what_an_api_server_refuses_to_change(kind: str, name: str, path: tuple[str | int, ...], value: str) -> None:
    [finding] = upgrade.compare(render(), changed(kind, name, *path, value), "0.1.0")
    assert finding.location.startswith(f"templates/all.yaml: {kind} {name}: ")
    assert finding.message.startswith("cannot be changed in place; 0.1.0 has ")


def test_what_may_change_may() -> None:
    assert list(upgrade.compare(render(), changed("Deployment", "demo-query", "spec", "replicas", 5), "0.1.0")) == []


def test_what_holds_data_stays() -> None:
    [finding] = upgrade.compare(render(), without("StatefulSet", "demo-database"), "0.1.0")
    assert finding.message == "existed in 0.1.0 and is gone, with its data"
    assert list(upgrade.compare(render(), without("ConfigMap", "demo-files"), "0.1.0")) == []


def test_what_is_immutable_stays() -> None:
    before = changed("ConfigMap", "demo-files", "immutable", True)
    [finding] = upgrade.compare(before, render(), "0.1.0")
    assert finding.message == "is immutable in 0.1.0, and has changed"


def test_versions_are_in_the_order_of_versions(tmp_path: Path) -> None:
    for version in ("0.10.0", "0.9.0"):
        folders = make(tmp_path, {"Chart.yaml": FILES["Chart.yaml"].replace("0.1.0", version)})
        package(folders.chart, folders.released)
    assert [chart.version for chart in upgrade.released(tmp_path / "released")] == ["0.9.0", "0.10.0"]
