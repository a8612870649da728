"""values.yaml and its schema."""

import json
from pathlib import Path
from typing import Any

from helm_check import values_schema
from helm_check.findings import as_lines

VALUES = """# Of all.
gateway:
  # Pods.
  replicas: 2
  resources:
    requests: {cpu: 1}
# Free labels.
labels: {}
"""


def schema() -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "global": {"type": "object"},
            "gateway": {"$ref": "#/$defs/gateway"},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "$defs": {
            "gateway": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"replicas": {"type": "integer"}, "resources": {"type": "object"}},
            }
        },
    }


def said(folder: Path, values: str, its_schema: dict[str, Any] | None) -> list[str]:
    (folder / "values.yaml").write_text(values, encoding="utf-8")
    if its_schema is not None:
        (folder / "values.schema.json").write_text(json.dumps(its_schema), encoding="utf-8")
    return list(as_lines(values_schema.check(folder)))


def test_every_name_is_explained(tmp_path: Path) -> None:
    values = VALUES.replace("  # Pods.\n", "").replace("# Free labels.\n", "")
    assert said(tmp_path, values, schema())[:3] == [
        "values.yaml: gateway.replicas: has no comment above it",
        "values.yaml: gateway.resources: has no comment above it",
        "values.yaml: labels: has no comment above it",
    ]


def test_a_name_is_explained_once(tmp_path: Path) -> None:
    its_schema = schema()
    its_schema["properties"]["writer"] = its_schema["properties"]["gateway"]
    values = VALUES + "writer:\n  replicas: 2\n"
    uncommented = [line for line in said(tmp_path, values, its_schema) if "comment" in line]
    assert uncommented == ["values.yaml: gateway.resources: has no comment above it"]


def test_a_self_explanatory_name_needs_no_comment(tmp_path: Path) -> None:
    values = VALUES.replace("replicas", "enabled").replace("  # Pods.\n", "")
    uncommented = [line for line in said(tmp_path, values, schema()) if "comment" in line]
    assert uncommented == ["values.yaml: gateway.resources: has no comment above it"]


def test_the_shape_of_kubernetes_needs_its_comment_once(tmp_path: Path) -> None:
    assert said(tmp_path, VALUES, schema())[0] == "values.yaml: gateway.resources: has no comment above it"
    values = VALUES.replace("  resources:", "  # What it takes.\n  resources:")
    assert said(tmp_path, values, schema()) == [
        "values.schema.json: gateway.resources: has keys in values.yaml that are not in the schema"
    ]


def test_every_value_is_in_the_schema(tmp_path: Path) -> None:
    its_schema = schema()
    del its_schema["$defs"]["gateway"]["properties"]["replicas"]
    assert "values.schema.json: gateway.replicas: is in values.yaml and not in the schema" in said(
        tmp_path, VALUES, its_schema
    )
    its_schema["properties"]["writer"] = {"type": "integer"}
    assert "values.schema.json: writer: is in the schema and not in values.yaml" in said(tmp_path, VALUES, its_schema)


def test_every_object_is_closed(tmp_path: Path) -> None:
    its_schema = schema()
    del its_schema["$defs"]["gateway"]["additionalProperties"]
    line = "values.schema.json: gateway: accepts unknown keys: additionalProperties must be false"
    assert line in said(tmp_path, VALUES, its_schema)
    its_schema = schema()
    its_schema["additionalProperties"] = True
    line = "values.schema.json: the top: accepts unknown keys: additionalProperties must be false"
    assert line in said(tmp_path, VALUES, its_schema)


def test_objects_in_lists_are_closed(tmp_path: Path) -> None:
    its_schema = schema()
    its_schema["properties"]["labels"] = {"type": "array", "items": {"type": "object", "properties": {"a": {}}}}
    line = "values.schema.json: labels[0]: accepts unknown keys: additionalProperties must be false"
    assert line in said(tmp_path, VALUES, its_schema)


def test_what_is_no_yaml_is_told(tmp_path: Path) -> None:
    [line] = said(tmp_path, "a: [\n", schema())
    assert line.startswith("values.yaml: is not YAML: while parsing")


def test_there_is_a_schema(tmp_path: Path) -> None:
    assert said(tmp_path, VALUES, None)[-1] == "values.schema.json: is missing"
