"""Names, labels, selectors and namespaces: every object can be created, found and distinguished from the others."""

import re
from collections import Counter
from collections.abc import Iterator

from helm_check.findings import Finding
from helm_check.manifests import Document, Pod, Render, at, mapping, selects

_EXTRA = "templates/extra-objects.yaml"
_LONGEST = 63
# Kubernetes appends "-" and a hash of ten digits to a name in a label's value or a pod's name.
_LONGEST_STATEFUL_SET = 52
_LABELS = ("app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "helm.sh/chart")
# They change with a release, and a selector is immutable.
_NEVER_SELECTED = ("app.kubernetes.io/version", "helm.sh/chart", "app.kubernetes.io/managed-by")
_CLUSTER_WIDE = {
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "IngressClass",
    "Namespace",
    "PersistentVolume",
    "PriorityClass",
    "StorageClass",
}
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")


def check(render: Render) -> Iterator[Finding]:
    yield from check_names(render)
    for document in render.documents:
        for message in _labels(render, document):
            yield Finding(document.location("metadata", "labels"), message, render.case)
        if document.kind in _CLUSTER_WIDE:
            yield Finding(document.location(), "is cluster-wide; two releases would conflict", render.case)
        elif at(document.body, "metadata", "namespace") not in (None, render.namespace):
            message = f"is {at(document.body, 'metadata', 'namespace')}, not the release's, {render.namespace}"
            yield Finding(document.location("metadata", "namespace"), message, render.case)
    for pod in render.pods:
        for location, message in _selectors(render, pod):
            yield Finding(location, message, render.case)


def check_names(render: Render) -> Iterator[Finding]:
    """Problems that a long release name can cause."""
    seen = Counter((document.api_version.partition("/")[0], document.kind, document.name) for document in render.documents)
    for (_, kind, name), count in seen.items():
        if count > 1:
            sources = sorted({document.source for document in render.of_kind(kind) if document.name == name})
            yield Finding(f"{', '.join(sources)}: {kind} {name}", f"exists {count} times", render.case)
    for document in render.documents:
        longest = _LONGEST_STATEFUL_SET if document.kind == "StatefulSet" else _LONGEST
        if len(document.name) > longest:
            message = f"has {len(document.name)} characters with the release name {render.release}, more than {longest}"
            yield Finding(document.location("metadata", "name"), message, render.case)
        if not _NAME.fullmatch(document.name):
            yield Finding(
                document.location("metadata", "name"),
                "may contain only lower-case letters, digits and -, and must not start or end with -",
                render.case,
            )
        for key, value in document.labels.items():
            if len(str(value)) > _LONGEST or not _LABEL_VALUE.fullmatch(str(value)):
                yield Finding(
                    document.location("metadata", "labels", key), f"{value} cannot be a label's value", render.case
                )


def check_apart(first: Render, second: Render) -> Iterator[Finding]:
    """Two releases in one namespace share no object and no pod, unless the user named their objects."""
    if at(first.values, "fullnameOverride"):
        return
    names = {(document.kind, document.name) for document in second.documents}
    for document in first.documents:
        if (document.kind, document.name) in names and not _of_user(document):
            yield Finding(document.location("metadata", "name"), "is the same for every release in a namespace", first.case)
    for pod in first.pods:
        for stranger in second.pods:
            if selects(mapping(stranger.document.body, "spec", "selector", "matchLabels"), pod.labels):
                message = f"is selected by another release's {stranger.document.kind} {stranger.document.name}"
                yield Finding(pod.location("metadata", "labels"), message, first.case)


def _of_user(document: Document) -> bool:
    """From the value extraObjects, which is rendered as it is written."""
    return document.source == _EXTRA


def _labels(render: Render, document: Document) -> Iterator[str]:
    if _of_user(document):
        return
    for label in _LABELS:
        if label not in document.labels:
            yield f"lacks {label}"
    if document.labels.get("app.kubernetes.io/instance", render.release) != render.release:
        yield f"has another app.kubernetes.io/instance than the release, {render.release}"


def _selectors(render: Render, pod: Pod) -> Iterator[tuple[str, str]]:
    for label in _LABELS[:2]:
        if label not in pod.labels:
            yield pod.location("metadata", "labels"), f"lacks {label}"
    if not pod.component:
        yield pod.location("metadata", "labels"), "lacks app.kubernetes.io/component"
    selector = at(pod.document.body, "spec", "selector", "matchLabels")
    if pod.document.kind not in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"):
        return
    location = pod.document.location("spec", "selector")
    if not selector:
        yield location, "has no matchLabels"
        return
    for key, value in selector.items():
        if pod.labels.get(key) != value:
            yield location, f"{key}: {value} does not match the pods' label, {pod.labels.get(key)}"
    for label in _NEVER_SELECTED:
        if label in selector:
            yield location, f"has {label}, which a release changes; a selector can't be changed"
    for other in render.pods:
        if other.document is not pod.document and selects(selector, other.labels):
            yield location, f"selects the pods of {other.document.kind} {other.document.name} too"
