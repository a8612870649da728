"""Rules for the number of pods."""

from helm_check.rules import scaling
from made_up import GONE, added, body, changed, lines, render, without

SCALER = "ScaledObject demo-worker: spec"


def test_takes_the_good_one() -> None:
    assert lines(scaling.check, render()) == []


def test_a_deployment_has_one_autoscaler() -> None:
    autoscaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": body("Deployment", "demo-worker")["metadata"],
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "demo-worker"}, "minReplicas": 2, "maxReplicas": 8},
    }
    said = "scaleTargetRef: Deployment demo-worker has 2 autoscalers; they would undo each other's work"
    assert lines(scaling.check, added(autoscaler)) == [
        f"ScaledObject demo-worker: spec.{said}",
        f"HorizontalPodAutoscaler demo-worker: spec.{said}",
    ]


def test_the_autoscaler_owns_the_number() -> None:
    made = changed("Deployment", "demo-worker", "spec", "replicas", 2)
    said = "is 2 although an autoscaler owns it: each upgrade would set it back"
    assert lines(scaling.check, made) == [f"Deployment demo-worker: spec.replicas: {said}"]
    made = changed("Deployment", "demo-query", "spec", "replicas", GONE)
    assert lines(scaling.check, made) == ["Deployment demo-query: spec.replicas: is missing, and no autoscaler owns it"]


def test_the_target_exists() -> None:
    made = changed("ScaledObject", "demo-worker", "spec", "scaleTargetRef", "name", "demo-writer")
    assert f"{SCALER}.scaleTargetRef: there is no Deployment demo-writer" in lines(scaling.check, made)


def test_the_range_is_one() -> None:
    made = changed("ScaledObject", "demo-worker", "spec", "minReplicaCount", 9)
    assert lines(scaling.check, made) == [f"{SCALER}.minReplicaCount: is 9, more than maxReplicaCount, 8"]
    [said] = lines(scaling.check, changed("ScaledObject", "demo-worker", "spec", "minReplicaCount", 0))
    assert said.startswith(f"{SCALER}.minReplicaCount: is 0")


def test_the_password_is_found() -> None:
    location = f"{SCALER}.triggers[0].authenticationRef"
    assert lines(scaling.check, without("TriggerAuthentication", "demo-worker")) == [
        f"{location}: there is no TriggerAuthentication demo-worker"
    ]
    assert lines(scaling.check, without("Secret", "demo-addresses")) == [f"{location}: there is no Secret demo-addresses"]
    assert lines(scaling.check, without("Secret", "demo-addresses", values={"a": ["demo-addresses"]})) == []
    made = changed("TriggerAuthentication", "demo-worker", "spec", "secretTargetRef", 0, "key", "url")
    assert lines(scaling.check, made) == [f"{location}: Secret demo-addresses has no key url"]


def test_a_trigger_need_not_have_one() -> None:
    made = changed("ScaledObject", "demo-worker", "spec", "triggers", 0, "authenticationRef", GONE)
    assert lines(scaling.check, made) == []


def test_a_budget_is_for_one_workload_and_lets_one_go() -> None:
    location = "PodDisruptionBudget demo-query: spec"
    made = changed("PodDisruptionBudget", "demo-query", "spec", "selector", "matchLabels", {"a": "b"})
    assert lines(scaling.check, made) == [f"{location}: selects the pods of 0 workloads, not of one: none"]
    made = changed("PodDisruptionBudget", "demo-query", "spec", "maxUnavailable", 0)
    assert lines(scaling.check, made) == [f"{location}: allows no disruption: a node with one of them could not be drained"]
    made = changed("PodDisruptionBudget", "demo-query", "spec", "minAvailable", 2)
    assert lines(scaling.check, made) == [f"{location}: keeps 2 of 2 pods: a node with one of them could not be drained"]
