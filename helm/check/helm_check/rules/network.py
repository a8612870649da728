"""Pods have only the connections that network policies allow, and the policies allow all connections that pods need. Each
connection in the rendered objects is checked against the policies, because in a cluster it would only time out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from helm_check.findings import Finding
from helm_check.manifests import Body, Document, Pod, Render, at, items, mapping, secret_texts, selects

# A Service and a port in a setting or a Secret of a pod.
_ADDRESS = re.compile(r"\b([a-z][a-z0-9-]*)\.[a-z0-9-]+\.svc(?:\.[a-z0-9.-]+)?:([0-9]+)")

# Addresses that the page only displays; no pod connects to them.
_SHOWN = {"LOGSTREAM_PAGE_GATEWAY", "LOGSTREAM_PAGE_TRACE_URL"}

Path = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A connection to a Service's port; `client` is None if it comes from outside the chart."""

    location: str
    client: Pod | None
    service: Document
    port: Any


def check(render: Render) -> Iterator[Finding]:
    policies = render.of_kind("NetworkPolicy")
    if at(render.values, "networkPolicy", "enabled") is False:
        if policies:
            yield Finding(policies[0].location(), "is there although networkPolicy.enabled is false", render.case)
        return
    for pod in render.pods:
        for direction in ("Ingress", "Egress"):
            if not _of_type(policies, pod, direction):
                message = f"no NetworkPolicy of type {direction} selects this pod: all connections are allowed"
                yield Finding(pod.document.location(), message, render.case)
    for policy in policies:
        for path, message in _policy(render, policy):
            yield Finding(policy.location(*path), message, render.case)
    for connection in _connections(render):
        for message in _blocked(render, policies, connection):
            yield Finding(connection.location, message, render.case)


def _of_type(policies: list[Document], pod: Pod, direction: str) -> list[Document]:
    return [
        policy
        for policy in policies
        if selects(mapping(policy.body, "spec", "podSelector", "matchLabels"), pod.labels)
        and direction in items(policy.body, "spec", "policyTypes")
    ]


def _policy(render: Render, policy: Document) -> Iterator[tuple[Path, str]]:
    if not any(selects(mapping(policy.body, "spec", "podSelector", "matchLabels"), pod.labels) for pod in render.pods):
        yield ("spec", "podSelector"), "selects no pod of the chart"
    for direction, side in (("ingress", "from"), ("egress", "to")):
        if items(policy.body, "spec", direction) and direction.capitalize() not in items(policy.body, "spec", "policyTypes"):
            yield ("spec", "policyTypes"), f"lacks {direction.capitalize()}, so its rules have no effect"
        for number, rule in enumerate(items(policy.body, "spec", direction)):
            if not rule:
                yield ("spec", direction, number), "an empty rule allows everything"
            for index, peer in enumerate(items(rule, side)):
                wanted = at(peer, "podSelector", "matchLabels")
                # A peer from the user's values is outside the chart.
                if not wanted or "namespaceSelector" in peer or set(wanted.values()) <= render.value_texts:
                    continue
                if not any(selects(wanted, pod.labels) for pod in render.pods):
                    yield ("spec", direction, number, side, index), f"selects no pod of the chart: {wanted}"


def _connections(render: Render) -> Iterator[Connection]:
    for pod in render.pods:
        for location, text in _texts(render, pod):
            for name, port in _ADDRESS.findall(text):
                service = render.find("Service", name)
                if service is not None:
                    yield Connection(location=location, client=pod, service=service, port=int(port))
    for document in render.documents:
        for name, port in _backends(document):
            service = render.find("Service", name)
            if service is not None:
                yield Connection(location=document.location(), client=None, service=service, port=port)
        if document.kind == "ServiceMonitor":
            wanted = mapping(document.body, "spec", "selector", "matchLabels")
            for service in render.of_kind("Service"):
                for endpoint in items(document.body, "spec", "endpoints") if selects(wanted, service.labels) else ():
                    yield Connection(location=document.location(), client=None, service=service, port=at(endpoint, "port"))
        if document.kind == "Service" and at(document.body, "spec", "type") in ("NodePort", "LoadBalancer"):
            for port in items(document.body, "spec", "ports"):
                yield Connection(location=document.location(), client=None, service=document, port=at(port, "port"))


def _texts(render: Render, pod: Pod) -> Iterator[tuple[str, str]]:
    """Texts that a pod receives: settings, and the keys of Secrets that it mounts or has in its environment."""
    wanted: list[tuple[Any, Any]] = []
    for path, container in pod.containers():
        for index, variable in enumerate(items(container, "env")):
            if at(variable, "value") is not None and at(variable, "name") not in _SHOWN:
                yield pod.document.location(*path, "env", index), str(at(variable, "value"))
            reference = mapping(variable, "valueFrom", "secretKeyRef")
            wanted.append((reference.get("name"), reference.get("key")))
    for volume in items(pod.spec, "volumes"):
        sources = [(at(volume, "secret"), at(volume, "secret", "secretName"))]
        sources += [(at(source, "secret"), at(source, "secret", "name")) for source in items(volume, "projected", "sources")]
        for secret, name in sources:
            wanted += [(name, at(item, "key")) for item in items(secret, "items")]
    for name, key in wanted:
        document = render.find("Secret", name) if name else None
        text = secret_texts(document).get(str(key)) if document else None
        if document and text:
            yield f"{pod.document.location()}: {key} of Secret {document.name}", text


def _backends(document: Document) -> Iterator[tuple[Any, Any]]:
    for rule in items(document.body, "spec", "rules") if document.kind in ("Ingress", "HTTPRoute", "GRPCRoute") else ():
        for backend in items(rule, "backendRefs"):
            yield at(backend, "name"), at(backend, "port")
        for path in items(rule, "http", "paths"):
            service = mapping(path, "backend", "service")
            yield service.get("name"), at(service, "port", "name") or at(service, "port", "number")


def _blocked(render: Render, policies: list[Document], connection: Connection) -> Iterator[str]:
    selector = mapping(connection.service.body, "spec", "selector")
    entry = next(
        (
            port
            for port in items(connection.service.body, "spec", "ports")
            if connection.port in (at(port, "name"), at(port, "port"))
        ),
        None,
    )
    if entry is None:
        yield f"Service {connection.service.name} has no port {connection.port}"
        return
    for server in render.pods:
        if not selector or not selects(selector, server.labels):
            continue
        number, names = _port(server, at(entry, "targetPort") or at(entry, "port"))
        ways = [("ingress", "from", server, connection.client)]
        if connection.client is not None:
            ways.append(("egress", "to", connection.client, server))
        for direction, side, owner, other in ways:
            rules = [
                rule
                for policy in _of_type(policies, owner, direction.capitalize())
                for rule in items(policy.body, "spec", direction)
            ]
            if not any(_allows(rule, side, other, {number, *names}) for rule in rules):
                whom = f"{other.document.kind} {other.document.name}" if other else "anybody"
                own = f"{owner.document.kind} {owner.document.name}"
                yield f"no NetworkPolicy of {own} allows {direction} {side} {whom} at port {number}"


def _allows(rule: Body, side: str, other: Pod | None, ports: set[Any]) -> bool:
    if items(rule, "ports") and not any(_port_is(port, ports) for port in items(rule, "ports")):
        return False
    peers = items(rule, side)
    # For connections from outside, any rule for the port is sufficient: the user decides about peers.
    if not peers or other is None:
        return True
    return any(
        "namespaceSelector" not in peer and selects(mapping(peer, "podSelector", "matchLabels"), other.labels)
        for peer in peers
        if "podSelector" in peer
    )


def _port_is(port: Body, wanted: set[Any]) -> bool:
    return at(port, "port") is None or at(port, "port") in wanted


def _port(pod: Pod, target: Any) -> tuple[Any, set[Any]]:
    """A port's number, and its names in the pod."""
    for _, container in pod.containers():
        for port in items(container, "ports"):
            if target in (at(port, "name"), at(port, "containerPort")):
                return at(port, "containerPort"), {at(port, "name")} - {None}
    return target, set()
