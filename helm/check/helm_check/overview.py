"""A render in a table: what runs, what it may take, whom it may reach. The head of a golden, to be read before the rest."""

from collections.abc import Iterator, Sequence
from typing import Any

from helm_check.manifests import Pod, Render, at, items, mapping, selects

_HEAD = ("component", "pods", "cpu", "memory, most", "grace", "listens on", "let in", "let out")
_NAME_LABEL = "kubernetes.io/metadata.name"
Row = tuple[str, ...]


def overview(render: Render) -> str:
    """Comment lines: a row for each workload of the render, then how many objects of each kind there are."""
    rows = [_HEAD, *(_row(render, pod) for pod in render.pods)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    table = "".join(f"#   {_line(row, widths)}\n" for row in rows)
    kinds = [document.kind for document in render.documents]
    counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds)))
    return f"#\n{table}#\n# {counted}.\n"


def _line(row: Row, widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(render: Render, pod: Pod) -> Row:
    container = items(pod.spec, "containers")[0]
    resources = mapping(container, "resources")
    ports = ", ".join(str(port["containerPort"]) for port in items(container, "ports"))
    return (
        pod.component,
        str(at(pod.document.body, "spec", "replicas") or "autoscaled"),
        str(at(resources, "requests", "cpu") or "-"),
        f"{at(resources, 'requests', 'memory') or '-'}, {at(resources, 'limits', 'memory') or '-'}",
        f"{at(pod.spec, 'terminationGracePeriodSeconds') or 30} s",
        ports or "-",
        "; ".join(_allowed(render, pod, "Ingress", "from")) or "nobody",
        "; ".join(_allowed(render, pod, "Egress", "to")) or "nowhere",
    )


def _allowed(render: Render, pod: Pod, direction: str, side: str) -> Iterator[str]:
    policies = [
        policy.body
        for policy in render.of_kind("NetworkPolicy")
        if direction in items(policy.body, "spec", "policyTypes")
        and selects(mapping(policy.body, "spec", "podSelector", "matchLabels"), pod.labels)
    ]
    if not policies:
        yield "all (no policy)"
    for rule in (rule for body in policies for rule in items(body, "spec", direction.lower())):
        ports = dict.fromkeys(str(port.get("port")) for port in items(rule, "ports"))
        peers = [_peer(render, peer) for peer in items(rule, side)] or ["anywhere"]
        yield f"{', '.join(peers)} {'/'.join(ports)}"


def _peer(render: Render, peer: Any) -> str:
    if at(peer, "ipBlock"):
        return str(at(peer, "ipBlock", "cidr"))
    if at(peer, "namespaceSelector") is not None:
        labels = mapping(peer, "namespaceSelector", "matchLabels")
        named = (str(value) if key == _NAME_LABEL else f"{key}={value}" for key, value in labels.items())
        return "namespaces " + (" ".join(named) or "all")
    wanted = mapping(peer, "podSelector", "matchLabels")
    return "/".join(pod.component for pod in render.pods if selects(wanted, pod.labels)) or "no pod of these"
