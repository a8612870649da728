"""Steps that need Helm, over a small chart."""

import tarfile
from pathlib import Path

import pytest
from helm_check import goldens, steps
from helm_check.chart import package, packaged_files
from helm_check.steps import Checks, packaged
from made_up_chart import FILES, make, said


@pytest.mark.parametrize("step", ["values", "lint", "render", "refused", "release names", "package", "upgrade"])
def test_takes_the_good_one(tmp_path: Path, step: str) -> None:
    assert said(make(tmp_path), step) == []


def test_cases_are_the_defaults_ci_and_examples(tmp_path: Path) -> None:
    checks = Checks(make(tmp_path))
    assert [(case.name, case.values) for case in checks.cases] == [
        ("defaults", {}),
        ("ci-many", {"replicas": 3}),
        ("example-labels", {"labels": {"component": "cache"}}),
    ]
    assert [render.find("StatefulSet", "demo-small") is not None for render in checks.renders] == [True] * 3


def test_goldens_hold_no_secret_and_stay_the_same(tmp_path: Path) -> None:
    folders = make(tmp_path)
    assert len(said(folders, "goldens")) == 3
    goldens.write(folders.goldens, Checks(folders).golden_contents)
    assert 'url: "redis://:<generated>@demo-small:6379"' in (folders.goldens / "defaults.yaml").read_text(encoding="utf-8")
    assert said(folders, "goldens") == []
    assert "# Installed demo." in (folders.goldens / "defaults.yaml").read_text(encoding="utf-8")


def test_a_template_that_breaks_is_told_by_lint_and_render(tmp_path: Path) -> None:
    folders = make(
        tmp_path,
        {
            "templates/statefulset.yaml": FILES["templates/statefulset.yaml"].replace(
                ".Values.replicas", ".Values.pods.count"
            )
        },
    )
    assert "templates/statefulset.yaml:6" in said(folders, "lint")[0]
    said_by_render = said(folders, "render")
    assert [line.partition(":")[0] for line in said_by_render] == [
        "values.yaml",
        "ci/many-values.yaml",
        "examples/labels.yaml",
    ]
    assert "nil pointer evaluating interface {}.count" in said_by_render[0]


def test_what_helm_s_linter_says_is_a_finding(tmp_path: Path) -> None:
    folders = make(tmp_path, {"templates/secret.yaml": FILES["templates/secret.yaml"].replace("-small\n", "-Small\n")})
    assert any("object name does not conform to Kubernetes naming requirements" in line for line in said(folders, "lint"))


def test_what_is_generated_and_no_secret_is_told(tmp_path: Path) -> None:
    text = FILES["templates/configmap.yaml"].replace("\ndata:\n", "\ndata:\n  key: {{ randAlphaNum 20 }}\n")
    messages = said(make(tmp_path, {"templates/configmap.yaml": text}), "render")
    line = "templates/configmap.yaml: ConfigMap demo-small: data.key: differs from one render to the next"
    assert [said_line.partition(";")[0] for said_line in messages] == [line] * 3


def test_a_chart_that_renders_nothing_is_told(tmp_path: Path) -> None:
    nothing = {name: "" for name in FILES if name.startswith("templates/") and name.endswith(".yaml")}
    assert said(make(tmp_path, nothing), "render")[0] == "values.yaml: nothing is rendered"


def test_what_is_no_yaml_is_told(tmp_path: Path) -> None:
    folders = make(tmp_path, {"templates/secret.yaml": FILES["templates/secret.yaml"] + "kind: Secret\n"})
    assert "values.yaml: templates/secret.yaml: not YAML: the key 'kind' is there twice" in said(folders, "render")[0]


def test_templates_must_not_ask_the_cluster_what_it_can_do(tmp_path: Path) -> None:
    folders = make(tmp_path, {"templates/NOTES.txt": '{{ .Capabilities.APIVersions.Has "v1" }}'})
    assert said(folders, "lint") == [
        "templates/NOTES.txt: uses the cluster's capabilities: the result there cannot be reviewed here"
    ]


def test_every_template_is_rendered_by_some_value_file(tmp_path: Path) -> None:
    text = "{{- if gt (int .Values.replicas) 3 }}\n" + FILES["templates/secret.yaml"] + "{{- end }}\n"
    folders = make(tmp_path, {"templates/secret.yaml": text})
    line = "templates/secret.yaml: no value file renders it, so no step checks it: add one to ci/"
    assert said(folders, "render") == [line]
    assert said(make(tmp_path, {"templates/secret.yaml": text, "ci/many-values.yaml": "replicas: 4\n"}), "render") == []


def test_an_example_with_an_unknown_value_is_told(tmp_path: Path) -> None:
    [line] = said(make(tmp_path, {"examples/labels.yaml": "label: a\n"}), "render")
    assert line.startswith("examples/labels.yaml: ")
    assert "additional properties 'label' not allowed" in line


def test_what_must_be_refused_is(tmp_path: Path) -> None:
    folders = make(tmp_path)
    (folders.refused / "fine.yaml").write_text("# not so\nreplicas: 2\n", encoding="utf-8")
    (folders.refused / "other.yaml").write_text("# seven at most\nreplicas: 10\n", encoding="utf-8")
    (folders.refused / "silent.yaml").write_text("replicas: 10\n", encoding="utf-8")
    taken, other, silent = said(folders, "refused")
    assert taken == "refused/fine.yaml: is accepted; it should be refused with 'not so'"
    assert other.startswith("refused/other.yaml: is refused, but not with 'seven at most': ")
    assert silent == "refused/silent.yaml: has no comment at the top with the expected message"


def test_every_sentence_is_met(tmp_path: Path) -> None:
    folders = make(tmp_path)
    (folders.refused / "too-many.yaml").unlink()
    assert said(folders, "refused") == ["templates/checks.yaml:2: no value file in refused/ triggers this `fail`"]


def test_a_name_that_a_long_release_breaks(tmp_path: Path) -> None:
    folders = make(
        tmp_path, {"templates/secret.yaml": FILES["templates/secret.yaml"].replace("-small\n", "-small-and-longer-yet\n")}
    )
    [line, *_] = said(folders, "release names")
    assert line.startswith("templates/secret.yaml: Secret a-release-whose-name-is-as-long")
    assert "has 74 characters" in line


def test_a_name_that_two_releases_share(tmp_path: Path) -> None:
    folders = make(
        tmp_path, {"templates/secret.yaml": FILES["templates/secret.yaml"].replace("{{ .Release.Name }}-small\n", "small\n")}
    )
    assert "templates/secret.yaml: Secret small: metadata.name: is the same for every release in a namespace" in said(
        folders, "release names"
    )


def test_links_are_files_in_the_package(tmp_path: Path) -> None:
    folders = make(tmp_path)
    files = packaged_files(package(folders.chart, tmp_path))
    assert files["files/server.conf"] == b"port 6379\n"
    assert not any(name.startswith("ci/") for name in files)
    assert list(packaged(folders.chart, files)) == []


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("files/server.conf", b"port 6380\n", "has another content in the package, or is not in it"),
        ("values.schema.json", None, "is not a plain file in the package"),
        ("ci/many-values.yaml", b"", "should not be in the package: add it to .helmignore"),
    ],
)
def test_a_wrong_package_is_told(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    folders = make(tmp_path)
    files = {**packaged_files(package(folders.chart, tmp_path)), name: content}
    assert (name, said) in [(finding.location, finding.message) for finding in packaged(folders.chart, files)]


def test_a_link_in_a_package_is_no_plain_file(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("/etc/hostname")
    with tarfile.open(tmp_path / "small.tgz", "w:gz") as archive:
        archive.add(tmp_path / "a", "small/files/a")
    assert packaged_files(tmp_path / "small.tgz") == {"files/a": None}


def test_a_link_to_nothing_is_told(tmp_path: Path) -> None:
    folders = make(tmp_path)
    files = packaged_files(package(folders.chart, tmp_path))
    (tmp_path / "server.conf").unlink()
    assert [finding.message for finding in packaged(folders.chart, files)] == ["is a link to nothing"]


def test_a_file_that_is_ignored_is_missed(tmp_path: Path) -> None:
    folders = make(tmp_path, {".helmignore": "ci/\nfiles/\n"})
    assert said(folders, "package") == ["files/server.conf: has another content in the package, or is not in it"]


def test_a_package_renders_as_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other").mkdir()
    text = FILES["templates/configmap.yaml"].replace("\ndata:\n", "\ndata:\n  more: a\n")
    other = make(tmp_path / "other", {"templates/configmap.yaml": text})
    monkeypatch.setattr(steps, "package", lambda _, destination: package(other.chart, destination))
    line = "templates/configmap.yaml: renders differently from the package"
    assert said(make(tmp_path), "package") == [line] * 3


def test_a_package_needs_its_schema_and_values(tmp_path: Path) -> None:
    folders = make(tmp_path)
    files = packaged_files(package(folders.chart, tmp_path))
    del files["values.schema.json"]
    findings = [(finding.location, finding.message) for finding in packaged(folders.chart, files)]
    assert findings == [("values.schema.json", "is not in the package")]


def test_folders_below_files_are_looked_into(tmp_path: Path) -> None:
    folders = make(tmp_path)
    (folders.chart / "files" / "more").mkdir()
    (folders.chart / "files" / "more" / "a.json").write_text("{}", encoding="utf-8")
    files = packaged_files(package(folders.chart, tmp_path))
    assert files["files/more/a.json"] == b"{}"
    assert list(packaged(folders.chart, files)) == []


def test_a_case_that_does_not_render_is_left_to_the_render_step(tmp_path: Path) -> None:
    assert said(make(tmp_path, {"ci/many-values.yaml": "replica: 3\n"}), "package") == []
