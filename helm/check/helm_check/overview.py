"""A summary of a render at the head of a golden: pods, resources, allowed connections, and what an uninstall keeps."""

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from helm_check.manifests import Body, Pod, Render, at, items, mapping, selects
from helm_check.rules import pods

_HEAD = ("component", "pods", "each: cpu", "memory, limit", "grace", "listens on", "let in", "let out")
_NAME_LABEL = "kubernetes.io/metadata.name"
# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_FACTORS: Final = {
    "m": Decimal("0.001"), "": Decimal(1),
    "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40),
}  # fmt: skip
_QUANTITY: Final = re.compile(r"(?P<number>[0-9.]+(?:[eE][+-]?[0-9]+)?)(?P<suffix>[A-Za-z]*)")
Row = tuple[str, ...]


def overview(render: Render) -> str:
    """Comment lines: a row for each workload, facts about all pods, what `helm uninstall` leaves, and the kinds' numbers."""
    rows = [_HEAD, *(_row(render, pod) for pod in render.pods)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    table = "".join(f"#   {_line(row, widths)}\n" for row in rows)
    kinds = [document.kind for document in render.documents]
    counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds)))
    facts = "".join(f"# {line}\n" for line in (_sums(render), _restricted(render), *_closed(render), *_kept(render)))
    return f"#\n{table}#\n{facts}# {counted}.\n"


def _sums(render: Render) -> str:
    replicas = [_replicas(render, pod) for pod in render.pods]
    containers = [
        (fewest, container)
        for (fewest, *_), pod in zip(replicas, render.pods, strict=True)
        for _, container in pod.containers(init=False)
    ]

    def total(group: str, name: str) -> Decimal:
        amounts = (count * quantity(at(container, "resources", group, name) or 0) for count, container in containers)
        return sum(amounts, Decimal(0))

    scaled = any(len(ends) > 1 for ends in replicas)
    pods_text = f"{'At first ' if scaled else ''}{sum(ends[0] for ends in replicas)} pods"
    requested, limit = (_mebibytes(total(group, "memory")) for group in ("requests", "limits"))
    cores, core_limit = (total(group, "cpu") for group in ("requests", "limits"))
    limits = f"{limit}, {f'{core_limit.normalize():f} cores' if core_limit else 'no limit of cores'}"
    return f"{pods_text}, which ask for {cores.normalize():f} cores and {requested}. Limits: {limits}."


def _restricted(render: Render) -> str:
    findings = list(pods.check(render))
    if findings:
        return f"Not every pod is as it should be: the check `pods` finds {len(findings)} things."
    restricted = "not root, no capability, a read-only root file system, no token, nothing of the node"
    return f"Every pod: {restricted}, a memory limit, probes."


def _closed(render: Render) -> Iterator[str]:
    """Ports of pods to which no policy allows connections."""
    closed = []
    for pod in render.pods:
        policies = _policies(render, pod, "Ingress")
        rules = [rule for policy in policies for rule in items(policy, "spec", "ingress")]
        opened = {port.get("port") for rule in rules for port in items(rule, "ports")}
        if policies and all(items(rule, "ports") for rule in rules):
            closed += [f"{pod.component} {port}" for port in _ports(pod) if port not in opened]
    if closed:
        yield f"Nobody is let in to: {', '.join(closed)}."


def _kept(render: Render) -> Iterator[str]:
    claims = [
        f"volume {at(claim, 'metadata', 'name')} of {pod.component}"
        f" ({at(claim, 'spec', 'resources', 'requests', 'storage')})"
        for pod in render.pods
        for claim in items(pod.document.body, "spec", "volumeClaimTemplates")
    ]
    marked = [
        f"{document.kind} {document.name}"
        for document in render.documents
        if at(document.body, "metadata", "annotations", "helm.sh/resource-policy") == "keep"
    ]
    if claims or marked:
        yield f"`helm uninstall` leaves: {', '.join([*claims, *marked])}."


def _replicas(render: Render, pod: Pod) -> tuple[int, ...]:
    """The number of pods, or the minimum and maximum of an autoscaler."""
    for scaler in render.of_kind("HorizontalPodAutoscaler", "ScaledObject"):
        if at(scaler.body, "spec", "scaleTargetRef", "name") == pod.document.name:
            spec = mapping(scaler.body, "spec")
            fewest, most = ((spec.get(f"{end}Replicas"), spec.get(f"{end}ReplicaCount")) for end in ("min", "max"))
            return _first(fewest, 1), _first(most, 1)
    return (_first([at(pod.document.body, "spec", "replicas")], 1),)


def _first(candidates: Iterable[Any], otherwise: int) -> int:
    return next((int(candidate) for candidate in candidates if candidate is not None), otherwise)


def quantity(text: object) -> Decimal:
    """A quantity of Kubernetes such as 250m or 2Gi, in its unit. Raises ValueError."""
    match = _QUANTITY.fullmatch(str(text))
    if not match or match["suffix"] not in _FACTORS:
        raise ValueError(f"{text!r} is not a quantity")
    return Decimal(match["number"]) * _FACTORS[match["suffix"]]


def _mebibytes(amount: Decimal) -> str:
    return f"{(amount / _FACTORS['Mi']).to_integral_value():f}Mi"


def _line(row: Row, widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(render: Render, pod: Pod) -> Row:
    resources = mapping(items(pod.spec, "containers")[0], "resources")
    return (
        pod.component,
        "-".join(map(str, _replicas(render, pod))),
        str(at(resources, "requests", "cpu") or "-"),
        f"{at(resources, 'requests', 'memory') or '-'}, {at(resources, 'limits', 'memory') or '-'}",
        f"{at(pod.spec, 'terminationGracePeriodSeconds') or 30} s",
        ", ".join(map(str, _ports(pod))) or "-",
        "; ".join(_allowed(render, pod, "Ingress", "from")) or "nobody",
        "; ".join(_allowed(render, pod, "Egress", "to")) or "nowhere",
    )


def _ports(pod: Pod) -> list[int]:
    return [port["containerPort"] for _, container in pod.containers(init=False) for port in items(container, "ports")]


def _policies(render: Render, pod: Pod, direction: str) -> list[Body]:
    return [
        policy.body
        for policy in render.of_kind("NetworkPolicy")
        if direction in items(policy.body, "spec", "policyTypes")
        and selects(mapping(policy.body, "spec", "podSelector", "matchLabels"), pod.labels)
    ]


def _allowed(render: Render, pod: Pod, direction: str, side: str) -> Iterator[str]:
    policies = _policies(render, pod, direction)
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
