"""Rendered templates as Kubernetes objects, and access to their parts. It must not judge, except unreadable YAML."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml

Body = dict[str, Any]

_POD_TEMPLATE = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "Pod": (),
}


class ManifestError(Exception):
    """A template's text is not a list of Kubernetes objects; the message says where."""


class _Loader(yaml.CSafeLoader):
    """YAML 1.1 as Kubernetes reads it, except that a repeated key is an error: an API server would keep one of the two."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is there twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


# A date without quotes stays a text: Kubernetes has no YAML dates.
_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def at(body: Any, *path: str | int) -> Any:
    """The value at a path of keys and indexes, or None."""
    for step in path:
        if isinstance(body, dict):
            body = body.get(step)
        elif isinstance(body, list) and isinstance(step, int):
            body = body[step] if step < len(body) else None
        else:
            return None
    return body


def items(body: Any, *path: str | int) -> list[Any]:
    """The list at a path, or an empty list."""
    value = at(body, *path)
    return value if isinstance(value, list) else []


def mapping(body: Any, *path: str | int) -> Body:
    """The mapping at a path, or an empty mapping."""
    value = at(body, *path)
    return value if isinstance(value, dict) else {}


@dataclass(frozen=True)
class Document:
    """A Kubernetes object of a render, and its template."""

    source: str
    body: Body = field(hash=False)

    @property
    def kind(self) -> str:
        return str(self.body["kind"])

    @property
    def api_version(self) -> str:
        return str(self.body["apiVersion"])

    @property
    def name(self) -> str:
        return str(at(self.body, "metadata", "name"))

    @property
    def labels(self) -> dict[str, str]:
        return mapping(self.body, "metadata", "labels")

    def location(self, *path: str | int) -> str:
        """For a finding: the template, the object, and the field, if given."""
        text = f"{self.source}: {self.kind} {self.name}"
        return f"{text}: {dotted(path)}" if path else text


@dataclass(frozen=True)
class Pod:
    """A pod, or the pod template of a workload."""

    document: Document
    path: tuple[str, ...]

    @property
    def spec(self) -> Body:
        return mapping(self.document.body, *self.path, "spec")

    @property
    def labels(self) -> dict[str, str]:
        return mapping(self.document.body, *self.path, "metadata", "labels")

    @property
    def component(self) -> str:
        return str(self.labels.get("app.kubernetes.io/component", ""))

    def containers(self, *, init: bool = True) -> Iterator[tuple[tuple[str | int, ...], Body]]:
        """Containers with their paths in the document, `initContainers` first."""
        for group in ("initContainers", "containers") if init else ("containers",):
            for index, container in enumerate(items(self.spec, group)):
                yield (*self.path, "spec", group, index), container

    def location(self, *path: str | int) -> str:
        return self.document.location(*self.path, *path)


@dataclass(frozen=True, kw_only=True)
class Render:
    """All objects of one case: a value file, a release name and a namespace."""

    case: str
    release: str
    namespace: str
    values: Body = field(hash=False)
    texts: dict[str, str] = field(hash=False)

    @cached_property
    def documents(self) -> list[Document]:
        """In the order of the templates. Raises ManifestError."""
        return [document for source, text in self.texts.items() if is_manifest(source) for document in parse(source, text)]

    @cached_property
    def pods(self) -> list[Pod]:
        return [Pod(document, _POD_TEMPLATE[document.kind]) for document in self.documents if document.kind in _POD_TEMPLATE]

    @cached_property
    def value_texts(self) -> set[str]:
        """All texts in the values: names of objects that exist according to the user."""
        return set(_texts(self.values))

    def of_kind(self, *kinds: str) -> list[Document]:
        return [document for document in self.documents if document.kind in kinds]

    def find(self, kind: str, name: Any) -> Document | None:
        return next((document for document in self.of_kind(kind) if document.name == name), None)


def is_manifest(source: str) -> bool:
    return source.endswith((".yaml", ".yml"))


def parse(source: str, text: str) -> Iterator[Document]:
    """The objects of a rendered template. Raises ManifestError."""
    try:
        bodies = list(yaml.load_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        raise ManifestError(f"{source}: not YAML: {' '.join(str(error).split())}") from None
    for body in bodies:
        if body is None:
            continue
        if not isinstance(body, dict) or not all(
            at(body, *path) for path in (("apiVersion",), ("kind",), ("metadata", "name"))
        ):
            raise ManifestError(
                f"{source}: not an object of Kubernetes with apiVersion, kind and metadata.name: {str(body)[:100]}"
            )
        yield Document(source, body)


def selects(match_labels: Body, labels: dict[str, str]) -> bool:
    """Whether all labels of a selector are present; an empty selector selects everything."""
    return all(labels.get(key) == value for key, value in match_labels.items())


def secret_texts(document: Document) -> dict[str, str]:
    """A Secret's values by key, decoded. Bytes that are not text are left out."""
    texts = {key: str(value) for key, value in mapping(document.body, "stringData").items()}
    for key, value in mapping(document.body, "data").items():
        try:
            texts[key] = base64.b64decode(str(value), validate=True).decode()
        except ValueError:  # not base64, or not text
            continue
    return texts


def dotted(path: tuple[str | int, ...] | list[str | int]) -> str:
    """A path in readable form: spec.containers[0].image."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f"{'.' if text else ''}{step}"
    return text


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
