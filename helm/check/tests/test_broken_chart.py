"""The chart itself with one thing broken: the check that must detect it does."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from helm_check.__main__ import folders, main
from helm_check.steps import Checks


def chart_copy(folder: Path, *, with_cases: bool = False) -> Path:
    """The chart's folder with its links made files, as in a package."""
    copy = shutil.copytree(folders().chart, folder / "logstream")
    if not with_cases:
        shutil.rmtree(copy / "ci")
        shutil.rmtree(copy / "examples")
    return copy


# Steps that need the other value files to detect it. The other steps get only the defaults, to be fast.
WITH_CASES = {"scaling", "custom kinds", "package"}
POD = "templates/_pods.tpl"
NAMES = "templates/_names.tpl"
GATEWAY = "templates/gateway/deployment.yaml"
QUERY = "templates/query/deployment.yaml"
SCALED = "templates/writer/scaledobject.yaml"
INSTANCE = "app.kubernetes.io/instance: {{ (first .).Release.Name }}\n"
AUTOSCALED = "{{- if not .Values.gateway.autoscaling.enabled }}"
SERVER_PORT = "port: {{ index . 2 }}"


@pytest.mark.parametrize(
    ("step", "file", "old", "new", "said"),
    [
        ("render", GATEWAY, "{{- end }}", "", "unexpected EOF"),
        ("lint", GATEWAY, ".Values.gateway.replicas", ".Values.gateways.replicas", "nil pointer"),
        ("kubernetes", GATEWAY, "readinessProbe:", "redinessProbe:", "'redinessProbe' was unexpected"),
        ("pods", POD, "  readOnlyRootFilesystem: true\n", "", "readOnlyRootFilesystem: must be true"),
        ("pods", POD, "  capabilities:\n    drop:\n      - ALL\n", "", "capabilities.drop: must have ALL"),
        ("pods", POD, "  runAsNonRoot: true\n", "", "runAsNonRoot: must be true, here or in the pod"),
        ("settings", GATEWAY, "LOGSTREAM_SHUTDOWN_S", "LOGSTREAM_SHUTDOWN", "gateway has no setting LOGSTREAM_SHUTDOWN;"),
        (
            "settings",
            QUERY,
            "LOGSTREAM_DATABASE_URL_FILE",
            "DATABASE_URL",
            "lacks LOGSTREAM_DATABASE_URL, which query requires",
        ),
        ("references", "templates/gateway/service.yaml", "targetPort: grpc", "targetPort: grcp", "has no port grcp"),
        ("references", "templates/timescaledb/secret.yaml", "  url:", "  address:", "has no key url; it has"),
        ("network", "templates/_network.tpl", SERVER_PORT, "port: 1", "allows egress to StatefulSet"),
        ("network", "templates/rabbitmq/networkpolicy.yaml", '"writer"', '"query"', "from Deployment demo-logstream-writer"),
        ("scaling", GATEWAY, AUTOSCALED, "{{- if true }}", "is 2 although an autoscaler owns it"),
        ("naming", NAMES, INSTANCE, "", "lacks app.kubernetes.io/instance"),
        ("release names", NAMES, "trunc 40", "trunc 60", "more than 52"),
        ("custom kinds", SCALED, "minReplicaCount:", "minReplicas:", "'minReplicas' was unexpected"),
        ("refused", "templates/checks.yaml", "set both", "set either", "is refused, but not with"),
        ("values", "values.yaml", "# The cluster's DNS domain.\n", "", "clusterDomain: has no comment above it"),
        ("package", ".helmignore", "ci/\n", "", "ci/keda-values.yaml: should not be in the package"),
        (
            "goldens",
            "values.yaml",
            "pullPolicy: If",
            "pullPolicy: Always # If",
            "PullPolicy: IfNotPresent\n    +          imagePullPolicy: Always",
        ),
    ],
)
def test_the_check_sees_it(tmp_path: Path, step: str, file: str, old: str, new: str, said: str) -> None:
    copy = chart_copy(tmp_path, with_cases=step in WITH_CASES)
    text = (copy / file).read_text(encoding="utf-8")
    assert old in text
    (copy / file).write_text(text.replace(old, new), encoding="utf-8")
    [step_] = [candidate for candidate in Checks(replace(folders(), chart=copy)).steps() if candidate.name == step]
    messages = [f"{finding.location}: {finding.message}" for finding in step_.run().findings]
    assert any(said in line for line in messages), messages


def test_the_program_ends_with_one_and_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = chart_copy(tmp_path)
    arguments = ["--chart", str(copy), "--only", "settings", "--only", "pods"]
    assert main(arguments) == 0
    template = copy / "templates" / "gateway" / "deployment.yaml"
    template.write_text(template.read_text(encoding="utf-8").replace("resources:", "resource:"), encoding="utf-8")
    capsys.readouterr()
    assert main(arguments) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("FAIL  pods: ")
    assert "ok    settings: 1 value files" in lines
    location = "templates/gateway/deployment.yaml: Deployment demo-logstream-gateway: spec.template.spec.containers[0]"
    assert any(line.startswith(f"  {location}.resources.limits.memory: is missing [defaults]") for line in lines)


def test_goldens_are_not_written_of_what_does_not_render(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = chart_copy(tmp_path)
    (copy / "templates" / "broken.yaml").write_text("{{ .Values.none.none }}", encoding="utf-8")
    assert main(["--chart", str(copy), "--goldens", str(tmp_path / "goldens"), "--write"]) == 1
    assert "nil pointer" in capsys.readouterr().out
    assert not (tmp_path / "goldens").exists()


def test_a_release_is_kept_once_all_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = chart_copy(tmp_path)
    arguments = ["--chart", str(copy), "--released", str(tmp_path / "released"), "--only", "upgrade"]
    assert main([*arguments, "--release"]) == 0
    [package] = (tmp_path / "released").iterdir()
    assert f"kept {package.name}" in capsys.readouterr().out
    template = copy / "templates" / "_names.tpl"
    text = template.read_text(encoding="utf-8").replace("app.kubernetes.io/component: ", "app.kubernetes.io/tier: ")
    template.write_text(text, encoding="utf-8")
    assert main(arguments) == 1
    assert "spec.selector: cannot be changed in place" in capsys.readouterr().out
