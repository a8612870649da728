"""A small chart in a folder, for tests of what needs Helm."""

from pathlib import Path

from helm_check.steps import Checks, Folders

FILES = {
    "Chart.yaml": "apiVersion: v2\nname: small\nversion: 0.1.0\ntype: application\n",
    "values.yaml": "# Pods.\nreplicas: 1\n# Free.\nlabels: {}\n",
    "values.schema.json": (
        '{"type": "object", "additionalProperties": false, "properties": {"replicas": {"type": "integer", "minimum": 1},'
        ' "labels": {"type": "object", "additionalProperties": {"type": "string"}}}}'
    ),
    ".helmignore": "ci/\n",
    "templates/NOTES.txt": "Installed {{ .Release.Name }}.\n",
    "templates/checks.yaml": '{{- if gt (int .Values.replicas) 9 }}\n{{- fail "replicas: nine at most" }}\n{{- end }}\n',
    "templates/configmap.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-small\n"
        '  labels: {app.kubernetes.io/component: "{{ .Values.labels.component }}"}\n'
        'data:\n  server.conf: |\n    {{- .Files.Get "files/server.conf" | nindent 4 }}\n'
    ),
    "templates/secret.yaml": (
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {{ .Release.Name }}-small\n"
        'stringData:\n  url: "redis://:{{ randAlphaNum 20 }}@{{ .Release.Name }}-small:6379"\n'
    ),
    "templates/statefulset.yaml": (
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata:\n  name: {{ .Release.Name | trunc 40 }}-small\n"
        "spec:\n  replicas: {{ .Values.replicas }}\n  serviceName: {{ .Release.Name }}-small\n"
        "  selector:\n    matchLabels: {app.kubernetes.io/name: small, app.kubernetes.io/instance: {{ .Release.Name }}}\n"
        "  template:\n    metadata:\n"
        "      labels: {app.kubernetes.io/name: small, app.kubernetes.io/instance: {{ .Release.Name }}}\n"
        "    spec: {containers: [{name: small, image: a}]}\n"
    ),
    "ci/many-values.yaml": "replicas: 3\n",
    "examples/labels.yaml": "labels: {component: cache}\n",
}
REFUSED = {
    "too-many": "# replicas: nine at most\nreplicas: 10\n",
    "unknown": "# additional properties 'replica' not allowed\nreplica: 1\n",
}


def make(folder: Path, changed: dict[str, str] | None = None) -> Folders:
    """The chart, with the content of some files changed, and what belongs to it."""
    chart = folder / "small"
    files = {**FILES, **(changed or {})}
    for name, content in files.items():
        (chart / name).parent.mkdir(parents=True, exist_ok=True)
        (chart / name).write_text(content, encoding="utf-8")
    (chart / "files").mkdir(exist_ok=True)
    (folder / "server.conf").write_text("port 6379\n", encoding="utf-8")
    link = chart / "files" / "server.conf"
    if not link.is_symlink():
        link.symlink_to("../../server.conf")
    refused = folder / "refused"
    refused.mkdir(exist_ok=True)
    for name, content in REFUSED.items():
        (refused / f"{name}.yaml").write_text(content, encoding="utf-8")
    (folder / "configuration.md").write_text("# Configuration\n", encoding="utf-8")
    (folder / "released").mkdir(exist_ok=True)
    return Folders(
        chart=chart,
        goldens=folder / "goldens",
        released=folder / "released",
        refused=refused,
        schemas=Path(__file__).parent.parent / "schemas",
        skipped=folder / "skipped.yaml",
        configuration=folder / "configuration.md",
    )


def said(folders: Folders, step: str) -> list[str]:
    """What one step finds, as `location: message`."""
    [step_] = [candidate for candidate in Checks(folders).steps() if candidate.name == step]
    return [f"{finding.location}: {finding.message}" for finding in step_.run().findings]
