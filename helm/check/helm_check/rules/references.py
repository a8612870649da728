"""Everything that an object refers to exists: in the render, or in the values, in which the user names existing objects."""

import json
import re
from collections.abc import Iterator
from typing import Any

from helm_check.findings import Finding
from helm_check.manifests import Body, Document, Pod, Render, at, items, mapping, secret_texts, selects

# The host name of a Service in a setting or a Secret.
_HOST = re.compile(r"\b([a-z][a-z0-9-]*)\.([a-z0-9-]+)\.svc\b")

Path = tuple[str | int, ...]


def check(render: Render) -> Iterator[Finding]:
    for pod in render.pods:
        for path, kind, name, key, optional in _named(pod):
            message = None if optional else _missing(render, kind, name, key)
            if message:
                yield Finding(pod.document.location(*path), message, render.case)
    for document in render.documents:
        for path, message in [*_services(render, document), *_hosts(render, document), *_routes(render, document)]:
            yield Finding(document.location(*path), message, render.case)
        for key, text in mapping(document.body, "data").items() if document.kind == "ConfigMap" else ():
            if str(key).endswith(".json"):
                try:
                    json.loads(text)
                except ValueError as error:
                    yield Finding(document.location("data", key), f"is not JSON: {error}", render.case)


def _named(pod: Pod) -> Iterator[tuple[Path, str, Any, Any, bool]]:
    """Path in the document, kind, name, key if given, and whether it is optional."""
    prefix: Path = (*pod.path, "spec")
    account = at(pod.spec, "serviceAccountName")
    if account is not None:
        yield (*prefix, "serviceAccountName"), "ServiceAccount", account, None, False
    for index, secret in enumerate(items(pod.spec, "imagePullSecrets")):
        yield (*prefix, "imagePullSecrets", index), "Secret", at(secret, "name"), None, False
    for index, volume in enumerate(items(pod.spec, "volumes")):
        path: Path = (*prefix, "volumes", index)
        claim = at(volume, "persistentVolumeClaim", "claimName")
        if claim is not None:
            yield (*path, "persistentVolumeClaim"), "PersistentVolumeClaim", claim, None, False
        yield from _volume_source(path, volume, "secretName")
        for position, source in enumerate(items(volume, "projected", "sources")):
            yield from _volume_source((*path, "projected", "sources", position), source, "name")
    for path, container in pod.containers():
        for index, variable in enumerate(items(container, "env")):
            for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
                reference = at(variable, "valueFrom", field)
                if reference is not None:
                    name, key, optional = (at(reference, part) for part in ("name", "key", "optional"))
                    yield (*path, "env", index, "valueFrom", field), kind, name, key, bool(optional)
        for index, source in enumerate(items(container, "envFrom")):
            for field, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
                reference = at(source, field)
                if reference is not None:
                    optional = bool(at(reference, "optional"))
                    yield (*path, "envFrom", index, field), kind, at(reference, "name"), None, optional


def _volume_source(path: Path, source: Body, secret_field: str) -> Iterator[tuple[Path, str, Any, Any, bool]]:
    for field, kind, name_field in (("secret", "Secret", secret_field), ("configMap", "ConfigMap", "name")):
        reference = at(source, field)
        if reference is None:
            continue
        name, optional = at(reference, name_field), bool(at(reference, "optional"))
        yield (*path, field), kind, name, None, optional
        for index, item in enumerate(items(reference, "items")):
            yield (*path, field, "items", index), kind, name, at(item, "key"), optional


def _missing(render: Render, kind: str, name: Any, key: Any) -> str | None:
    document = render.find(kind, name)
    if document is None:
        return None if name in render.value_texts else f"there is no {kind} {name}, in the render or in the values"
    if key is None:
        return None
    keys = {*mapping(document.body, "data"), *mapping(document.body, "stringData"), *mapping(document.body, "binaryData")}
    return None if key in keys else f"{kind} {name} has no key {key}; it has {', '.join(sorted(keys)) or 'none'}"


def _services(render: Render, document: Document) -> Iterator[tuple[Path, str]]:
    """A Service selects pods, a ServiceMonitor selects Services."""
    if document.kind == "Service" and at(document.body, "spec", "type") != "ExternalName":
        selector = mapping(document.body, "spec", "selector")
        pods = [pod for pod in render.pods if selector and selects(selector, pod.labels)]
        if not pods:
            yield ("spec", "selector"), "selects no pod of the chart"
        for index, port in enumerate(items(document.body, "spec", "ports")):
            target = at(port, "targetPort") if at(port, "targetPort") is not None else at(port, "port")
            for pod in pods:
                if target not in _ports(pod):
                    yield (
                        ("spec", "ports", index, "targetPort"),
                        f"{pod.document.kind} {pod.document.name} has no port {target}",
                    )
        owners = {pod.document.name for pod in pods}
        if len(owners) > 1:
            yield ("spec", "selector"), f"selects pods of several workloads: {', '.join(sorted(owners))}"
    if document.kind == "StatefulSet" and render.find("Service", at(document.body, "spec", "serviceName")) is None:
        yield ("spec", "serviceName"), f"there is no Service {at(document.body, 'spec', 'serviceName')}"
    if document.kind in ("ServiceMonitor", "PodMonitor"):
        yield from _monitored(render, document)


def _monitored(render: Render, document: Document) -> Iterator[tuple[Path, str]]:
    selector = mapping(document.body, "spec", "selector", "matchLabels")
    if document.kind == "ServiceMonitor":
        field, what = "endpoints", "Service"
        targets = [service for service in render.of_kind("Service") if selects(selector, service.labels)]
        ports = [{at(port, "name") for port in items(service.body, "spec", "ports")} for service in targets]
    else:
        field, what = "podMetricsEndpoints", "pod"
        pods = [pod for pod in render.pods if selects(selector, pod.labels)]
        targets, ports = [pod.document for pod in pods], [_ports(pod) for pod in pods]
    if not targets:
        yield ("spec", "selector"), f"selects no {what} of the chart"
    for index, endpoint in enumerate(items(document.body, "spec", field)):
        for target, names in zip(targets, ports, strict=True):
            if at(endpoint, "port") not in names:
                yield ("spec", field, index, "port"), f"{what} {target.name} has no port named {at(endpoint, 'port')}"


def _ports(pod: Pod) -> set[Any]:
    """Names and numbers of a pod's ports."""
    ports = [port for _, container in pod.containers() for port in items(container, "ports")]
    return {at(port, field) for port in ports for field in ("name", "containerPort")} - {None}


def _hosts(render: Render, document: Document) -> Iterator[tuple[Path, str]]:
    """Addresses of Services in settings and Secrets."""
    texts: list[tuple[Path, str]] = [(("data", key), text) for key, text in secret_texts(document).items()]
    if document.kind == "ConfigMap":
        texts += [(("data", key), str(text)) for key, text in mapping(document.body, "data").items()]
    for pod in render.pods:
        if pod.document is document:
            for path, container in pod.containers():
                for index, variable in enumerate(items(container, "env")):
                    texts.append(((*path, "env", index, "value"), str(at(variable, "value"))))
    for path, text in texts:
        for name, namespace in _HOST.findall(text):
            if namespace == render.namespace and render.find("Service", name) is None:
                yield path, f"there is no Service {name}"
            elif namespace != render.namespace and render.find("Service", name) is not None:
                yield path, f"Service {name} is in the release's namespace, not in {namespace}"


def _routes(render: Render, document: Document) -> Iterator[tuple[Path, str]]:
    """The Services behind an Ingress, an HTTPRoute and a GRPCRoute."""
    if document.kind == "Ingress":
        for number, rule in enumerate(items(document.body, "spec", "rules")):
            for index, path in enumerate(items(rule, "http", "paths")):
                backend = mapping(path, "backend", "service")
                location: Path = ("spec", "rules", number, "http", "paths", index, "backend", "service")
                port = at(backend, "port", "name") or at(backend, "port", "number")
                yield from _backend(render, location, at(backend, "name"), port)
    if document.kind in ("HTTPRoute", "GRPCRoute"):
        for number, rule in enumerate(items(document.body, "spec", "rules")):
            for index, backend in enumerate(items(rule, "backendRefs")):
                yield from _backend(
                    render, ("spec", "rules", number, "backendRefs", index), at(backend, "name"), at(backend, "port")
                )


def _backend(render: Render, path: Path, name: Any, port: Any) -> Iterator[tuple[Path, str]]:
    service = render.find("Service", name)
    if service is None:
        yield path, f"there is no Service {name}"
        return
    ports = {at(entry, field) for entry in items(service.body, "spec", "ports") for field in ("name", "port")}
    if port not in ports:
        yield path, f"Service {name} has no port {port}"
