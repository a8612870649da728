"""values.yaml explains every name that does not explain itself; values.schema.json knows every key and takes no other."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from helm_check.findings import Finding
from helm_check.manifests import at, dotted, mapping

# Values whose own keys are those of Kubernetes or of the user, which need no explanation here.
_OPAQUE = {"resources", "labels"}
# Names that a comment could only repeat.
_SELF_EXPLANATORY = {
    "affinity",
    "enabled",
    "host",
    "hostnames",
    "maxReplicas",
    "minReplicas",
    "nodeSelector",
    "podAnnotations",
    "podLabels",
    "priorityClassName",
    "repository",
    "tolerations",
}
# Helm passes it to every subchart.
_OF_HELM = {"global"}

Path_ = tuple[str | int, ...]


def check(chart: Path) -> Iterator[Finding]:
    text = (chart / "values.yaml").read_text(encoding="utf-8")
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        yield Finding("values.yaml", f"is not YAML: {' '.join(str(error).split())}")
        return
    for path in uncommented(text):
        yield Finding(f"values.yaml: {dotted(path)}", "has no comment above it")
    schema_file = chart / "values.schema.json"
    if not schema_file.exists():
        yield Finding(schema_file.name, "is missing")
        return
    schema = json.loads(schema_file.read_text(encoding="utf-8"))
    for path, message in [*unknown(schema, values, ()), *open_objects(schema)]:
        yield Finding(f"values.schema.json: {dotted(path) or 'the top'}", message)


def uncommented(text: str) -> Iterator[Path_]:
    """Keys that hold a value (no further keys) and have no comment on the line above, although their name is neither
    explained at another component nor self-explanatory."""
    leaves = list(_leaves(yaml.compose(text, Loader=yaml.SafeLoader), text.splitlines(), ()))
    explained = {path[-1] for path, commented in leaves if commented} | _SELF_EXPLANATORY
    yield from (path for path, _ in leaves if path[-1] not in explained)


def _leaves(node: yaml.Node | None, lines: list[str], path: Path_) -> Iterator[tuple[Path_, bool]]:
    """Keys that hold a value, and whether a comment is on the line above."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        here = (*path, key.value)
        commented = key.start_mark.line > 0 and lines[key.start_mark.line - 1].lstrip().startswith("#")
        if isinstance(value, yaml.MappingNode) and value.value and not value.flow_style and key.value not in _OPAQUE:
            yield from _leaves(value, lines, here)
        else:
            yield here, commented


def unknown(schema: dict[str, Any], values: Any, path: Path_) -> Iterator[tuple[Path_, str]]:
    """Keys of the defaults that are not in the schema."""
    yield from _unknown(schema, schema, values, path)


def _unknown(root: dict[str, Any], schema: Any, values: Any, path: Path_) -> Iterator[tuple[Path_, str]]:
    schema = _resolved(root, schema)
    if not isinstance(values, dict) or not isinstance(schema, dict):
        return
    properties = mapping(schema, "properties")
    # A map of free keys, such as annotations. If it has default keys, the schema must allow them explicitly.
    if not properties and schema.get("additionalProperties") is not False:
        if values and "additionalProperties" not in schema:
            yield path, "has keys in values.yaml that are not in the schema"
        return
    for key, value in values.items():
        if key in properties:
            yield from _unknown(root, properties[key], value, (*path, key))
        else:
            yield (*path, key), "is in values.yaml and not in the schema"
    for key in properties:
        # Below the top level a key may have no default, such as a limit that is not set.
        if path == () and key not in values and key not in _OF_HELM:
            yield (key,), "is in the schema and not in values.yaml"


def open_objects(schema: dict[str, Any]) -> Iterator[tuple[Path_, str]]:
    """Objects with named properties that also accept others."""
    yield from _open(schema, schema, ())


def _open(root: dict[str, Any], schema: Any, path: Path_) -> Iterator[tuple[Path_, str]]:
    schema = _resolved(root, schema)
    if not isinstance(schema, dict):
        return
    if "properties" in schema and schema.get("additionalProperties") is not False:
        yield path, "accepts unknown keys: additionalProperties must be false"
    for key, inner in mapping(schema, "properties").items():
        yield from _open(root, inner, (*path, key))
    if isinstance(schema.get("items"), dict):
        yield from _open(root, schema["items"], (*path, 0))


def _resolved(root: dict[str, Any], schema: Any) -> Any:
    """Follows a local $ref."""
    reference = at(schema, "$ref")
    if not isinstance(reference, str):
        return schema
    return _resolved(root, at(root, *reference.removeprefix("#/").split("/")))
