"""Renders that no chart made, for tests: the good one, and copies of it with one thing changed."""

import copy
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml
from helm_check.findings import Finding, as_lines
from helm_check.manifests import Render

GONE = object()
_SOURCE = "templates/all.yaml"
# Through JSON, so that no two objects share a part that a test changes in one of them.
_GOOD: list[dict[str, Any]] = json.loads(json.dumps(yaml.safe_load(Path(__file__).with_name("good.yaml").read_bytes())))


def render(bodies: list[dict[str, Any]] | None = None, values: dict[str, Any] | None = None) -> Render:
    text = yaml.dump_all(_GOOD if bodies is None else bodies, Dumper=yaml.CSafeDumper, sort_keys=False)
    return Render(case="defaults", release="demo", namespace="logging", values=values or {}, texts={_SOURCE: text})


def changed(kind: str, name: str, *path_and_value: Any, values: dict[str, Any] | None = None) -> Render:
    """The good render with the value at a path of one object set, or taken away for GONE."""
    *path, value = path_and_value
    bodies = copy.deepcopy(_GOOD)
    [inner] = [body for body in bodies if (body["kind"], body["metadata"]["name"]) == (kind, name)]
    set_at(inner, path, value)
    return render(bodies, values)


def set_at(inner: Any, path: Sequence[Any], value: Any) -> None:
    """Sets the value at a path, appends it right behind a list's end, or takes it away for GONE."""
    for step in path[:-1]:
        inner = inner[step]
    if value is GONE:
        del inner[path[-1]]
    elif isinstance(inner, list) and path[-1] == len(inner):
        inner.append(value)
    else:
        inner[path[-1]] = value


def without(kind: str, name: str, values: dict[str, Any] | None = None) -> Render:
    kept = [body for body in _GOOD if (body["kind"], body["metadata"]["name"]) != (kind, name)]
    assert len(kept) == len(_GOOD) - 1
    return render(kept, values)


def added(*more: dict[str, Any]) -> Render:
    return render([*_GOOD, *more])


def body(kind: str, name: str) -> dict[str, Any]:
    """A copy of an object of the good render."""
    [match] = [body for body in _GOOD if (body["kind"], body["metadata"]["name"]) == (kind, name)]
    return copy.deepcopy(match)


def lines(check: Callable[[Render], Iterable[Finding]], made: Render) -> list[str]:
    """What a check says of a render, without what is the same in all."""
    return [line.removeprefix(f"{_SOURCE}: ").removesuffix(" [defaults]") for line in as_lines(check(made))]
