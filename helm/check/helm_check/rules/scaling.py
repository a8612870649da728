"""The number of pods has one owner, and nodes can be drained."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from helm_check.findings import Finding
from helm_check.manifests import Body, Document, Render, at, items, mapping, selects

_SCALERS = ("HorizontalPodAutoscaler", "ScaledObject")


def check(render: Render) -> Iterator[Finding]:
    targets = Counter(_target(scaler) for scaler in render.of_kind(*_SCALERS))
    for scaler in render.of_kind(*_SCALERS):
        for path, message in [*_scaler(render, scaler, targets), *_authentication(render, scaler)]:
            yield Finding(scaler.location("spec", *path), message, render.case)
    for workload in render.of_kind("Deployment", "StatefulSet"):
        owned = (workload.kind, workload.name) in targets
        replicas = at(workload.body, "spec", "replicas")
        if owned and replicas is not None:
            message = f"is {replicas} although an autoscaler owns it: each upgrade would set it back"
            yield Finding(workload.location("spec", "replicas"), message, render.case)
        if not owned and replicas is None:
            yield Finding(workload.location("spec", "replicas"), "is missing, and no autoscaler owns it", render.case)
    for budget in render.of_kind("PodDisruptionBudget"):
        for message in _budget(render, budget):
            yield Finding(budget.location("spec"), message, render.case)


def _target(scaler: Document) -> tuple[str, Any]:
    reference = mapping(scaler.body, "spec", "scaleTargetRef")
    # KEDA assumes a Deployment if no kind is given.
    return str(reference.get("kind", "Deployment")), reference.get("name")


def _scaler(render: Render, scaler: Document, targets: Counter[tuple[str, Any]]) -> Iterator[tuple[tuple[str, ...], str]]:
    kind, name = _target(scaler)
    if render.find(kind, name) is None:
        yield ("scaleTargetRef",), f"there is no {kind} {name}"
    if targets[kind, name] > 1:
        yield ("scaleTargetRef",), f"{kind} {name} has {targets[kind, name]} autoscalers; they would undo each other's work"
    low, high = ("minReplicas", "maxReplicas") if scaler.kind == _SCALERS[0] else ("minReplicaCount", "maxReplicaCount")
    least, most = at(scaler.body, "spec", low), at(scaler.body, "spec", high)
    if isinstance(least, int) and isinstance(most, int) and least > most:
        yield (low,), f"is {least}, more than {high}, {most}"
    if scaler.kind == _SCALERS[1] and least == 0:
        yield (low,), "is 0: without a writer nothing is stored until the queue is checked again"


def _authentication(render: Render, scaler: Document) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """KEDA's path to a password: trigger, TriggerAuthentication, Secret."""
    for index, trigger in enumerate(items(scaler.body, "spec", "triggers")):
        name = at(trigger, "authenticationRef", "name")
        if name is None:
            continue
        authentication = render.find("TriggerAuthentication", name)
        if authentication is None:
            yield ("triggers", index, "authenticationRef"), f"there is no TriggerAuthentication {name}"
            continue
        for reference in items(authentication.body, "spec", "secretTargetRef"):
            secret = render.find("Secret", at(reference, "name"))
            if secret is None and at(reference, "name") not in render.value_texts:
                yield ("triggers", index, "authenticationRef"), f"there is no Secret {at(reference, 'name')}"
            keys: Body = {**mapping(secret.body, "data"), **mapping(secret.body, "stringData")} if secret else {}
            if secret and at(reference, "key") not in keys:
                yield ("triggers", index, "authenticationRef"), f"Secret {secret.name} has no key {at(reference, 'key')}"


def _budget(render: Render, budget: Document) -> Iterator[str]:
    selector = mapping(budget.body, "spec", "selector", "matchLabels")
    owners = [pod.document for pod in render.pods if selector and selects(selector, pod.labels)]
    if len(owners) != 1:
        names = ", ".join(owner.name for owner in owners) or "none"
        yield f"selects the pods of {len(owners)} workloads, not of one: {names}"
    if at(budget.body, "spec", "maxUnavailable") in (0, "0%") or at(budget.body, "spec", "minAvailable") == "100%":
        yield "allows no disruption: a node with one of them could not be drained"
    for owner in owners:
        replicas, least = at(owner.body, "spec", "replicas"), at(budget.body, "spec", "minAvailable")
        if isinstance(replicas, int) and isinstance(least, int) and least >= replicas:
            yield f"keeps {least} of {replicas} pods: a node with one of them could not be drained"
