"""Objects held against schemas: Kubernetes' own, and ours for custom kinds."""

import json
from pathlib import Path
from typing import Any

import pytest
from helm_check import custom, kubernetes
from helm_check.findings import Finding
from helm_check.manifests import Render
from made_up import GONE, added, body, changed, lines, render, set_at

SCHEMAS = Path(__file__).parent.parent / "schemas"


def held(made: Render) -> list[Finding]:
    return list(custom.check([made], SCHEMAS))


def builtin(made: Render) -> list[Finding]:
    return kubernetes.check([made])


def test_four_versions_in_order() -> None:
    versions = kubernetes.versions()
    assert len(set(versions)) == 4
    assert versions == sorted(versions, key=lambda version: [int(part) for part in version.split(".")])


def test_takes_the_good_one() -> None:
    assert lines(builtin, render()) == []
    assert lines(held, render()) == []


def test_a_misspelt_field_is_refused() -> None:
    made = changed("Deployment", "demo-query", "spec", "template", "spec", "containers", 0, "redinessProbe", {})
    [said] = lines(builtin, made)
    location = "Deployment demo-query: spec.template.spec.containers[0]: Additional properties are not allowed"
    assert said == f"{location} ('redinessProbe' was unexpected) (Kubernetes {', '.join(kubernetes.versions())})"


def test_a_wrong_type_is_refused() -> None:
    [said] = lines(builtin, changed("Deployment", "demo-query", "spec", "replicas", "2"))
    assert said.startswith("Deployment demo-query: spec.replicas: '2' is not of type 'integer'")


def test_a_kind_that_kubernetes_does_not_have_is_refused() -> None:
    removed = {**body("PodDisruptionBudget", "demo-query"), "apiVersion": "policy/v1beta1"}
    [said] = lines(builtin, added(removed))
    assert said.startswith(
        "PodDisruptionBudget demo-query: policy/v1beta1 PodDisruptionBudget is not a kind of Kubernetes ("
    )


def test_the_same_object_of_two_cases_is_told_once() -> None:
    made = changed("Deployment", "demo-query", "spec", "replicas", "2")
    assert len(kubernetes.check([made, made])) == 1


def test_an_unknown_kind_is_refused() -> None:
    stranger = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "thing"}, "spec": {}}
    assert lines(held, added(stranger)) == ["Thing thing: example.com/v1 Thing has no schema in schemas/"]


def route(kind: str) -> dict[str, Any]:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": kind,
        "metadata": body("Service", "demo-query")["metadata"],
        "spec": {
            "parentRefs": [{"name": "public", "namespace": "gateways", "sectionName": "https"}],
            "hostnames": ["logs.example.com"],
            "rules": [{"backendRefs": [{"name": "demo-query", "port": 80}]}],
        },
    }


def rules() -> dict[str, Any]:
    rule = {
        "alert": "Down",
        "expr": "up == 0",
        "for": "5m",
        "labels": {"severity": "page"},
        "annotations": {"summary": "Down."},
    }
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": body("Service", "demo-query")["metadata"],
        "spec": {"groups": [{"name": "logstream", "rules": [rule, {"record": "logstream:up", "expr": "sum(up)"}]}]},
    }


def pod_monitor() -> dict[str, Any]:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": body("Service", "demo-query")["metadata"],
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "podMetricsEndpoints": [{"port": "admin", "interval": "1m30s"}]},
    }


def test_takes_good_ones_of_each_kind() -> None:
    assert lines(held, added(route("HTTPRoute"), route("GRPCRoute"), rules(), pod_monitor())) == []


@pytest.mark.parametrize(
    ("made", "path", "value", "said"),
    [
        (route("HTTPRoute"), ("spec", "parentRefs"), [], "spec.parentRefs: [] should be non-empty"),
        (
            route("HTTPRoute"),
            ("spec", "rules", 0, "timeouts"),
            {"request": "1.5s"},
            "spec.rules[0].timeouts.request: '1.5s' does not match",
        ),
        (
            route("HTTPRoute"),
            ("spec", "rules", 0, "backendRefs", 0, "port"),
            "http",
            "spec.rules[0].backendRefs[0].port: 'http' is not of type",
        ),
        (
            route("GRPCRoute"),
            ("spec", "rules", 0, "timeouts"),
            {"request": "1s"},
            "spec.rules[0]: Additional properties are not allowed",
        ),
        (rules(), ("spec", "groups", 0, "rules", 0, "expr"), GONE, "spec.groups[0].rules[0]"),
        (rules(), ("spec", "groups", 0, "rules", 0, "for"), "5 minutes", "spec.groups[0].rules[0]"),
        (rules(), ("spec", "groups", 0, "rules", 0, "annotation"), {}, "spec.groups[0].rules[0]"),
        (pod_monitor(), ("spec", "selector"), GONE, "spec: 'selector' is a required property"),
        (
            pod_monitor(),
            ("spec", "podMetricsEndpoints", 0, "interval"),
            "often",
            "spec.podMetricsEndpoints[0].interval: 'often' does not",
        ),
        (body("ServiceMonitor", "demo-worker"), ("spec", "endpoint"), [], "spec: Additional properties are not allowed"),
        (body("ServiceMonitor", "demo-worker"), ("spec", "selector"), {}, "spec.selector: {} "),
        (
            body("TriggerAuthentication", "demo-worker"),
            ("spec", "secretTargetRef", 0, "key"),
            GONE,
            "spec.secretTargetRef[0]: 'key' is a",
        ),
        (body("ScaledObject", "demo-worker"), ("spec", "minReplicas"), 2, "spec: Additional properties are not allowed"),
        (
            body("ScaledObject", "demo-worker"),
            ("spec", "fallback"),
            {"replicas": 2},
            "spec.fallback: 'failureThreshold' is a required",
        ),
        (
            body("ScaledObject", "demo-worker"),
            ("spec", "triggers", 0, "metadata", "value"),
            100,
            "spec.triggers[0].metadata.value: 100 is",
        ),
        (
            body("ScaledObject", "demo-worker"),
            ("spec", "triggers", 0, "metadata", "queue"),
            "x",
            "spec.triggers[0].metadata: Additional",
        ),
    ],
)
def test_a_wrong_custom_resource_is_refused(made: dict[str, Any], path: tuple[Any, ...], value: Any, said: str) -> None:
    wrong = json.loads(json.dumps(made))
    set_at(wrong, path, value)
    [finding] = held(render([wrong]))
    assert f"{finding.location.partition(': ')[2]}: {finding.message}".startswith(
        f"{wrong['kind']} {wrong['metadata']['name']}: {said}"
    )
