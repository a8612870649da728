"""The table at the head of a golden."""

from typing import Any

import pytest
from helm_check.overview import overview, quantity
from made_up import added, changed, render, without

POLICY = ("NetworkPolicy", "demo-query", "spec")


def cells(text: str, component: str) -> list[str]:
    """The row of a component, by the columns of the head."""
    lines = [line.removeprefix("#   ") for line in text.splitlines()]
    [head] = [line for line in lines if line.startswith("component")]
    [row] = [line for line in lines if line.startswith(component)]
    starts = [head.index(name) for name in ("component", "pods", "each", "memory", "grace", "listens", "let in", "let out")]
    return [row[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]


def test_tells_what_a_workload_is() -> None:
    assert cells(overview(render()), "query") == [
        "query", "2", "100m", "64Mi, 256Mi", "30 s", "8080", "anywhere 8080", "database 5432",
    ]  # fmt: skip


def test_counts_kinds() -> None:
    assert "2 Deployment, 1 Ingress, 3 NetworkPolicy" in overview(render()).splitlines()[-1]


def facts(text: str) -> list[str]:
    """What stands between the table and the counts."""
    return [line.removeprefix("# ") for line in text.split("#\n")[-1].splitlines()[:-1]]


SCALER = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "demo-query"},
    "spec": {"scaleTargetRef": {"name": "demo-query"}, "minReplicas": 3, "maxReplicas": 9},
}


def test_an_autoscaler_decides() -> None:
    assert cells(overview(added(SCALER)), "query")[1] == "3-9"
    assert facts(overview(added(SCALER)))[0].startswith("At first 6 pods")
    assert facts(overview(without("ScaledObject", "demo-worker")))[0].startswith("4 pods")


def test_adds_up() -> None:
    query = ("Deployment", "demo-query", "spec", "template", "spec", "containers", 0, "resources")
    more = changed(*query, {"requests": {"cpu": "1.5", "memory": "1Gi"}, "limits": {"memory": "1Gi", "cpu": 3}})
    [before, after] = (facts(overview(made))[0] for made in (render(), more))
    assert before == "At first 5 pods, which ask for 0.5 cores and 320Mi. Limits: 1280Mi, no limit of cores."
    assert after == "At first 5 pods, which ask for 3.3 cores and 2240Mi. Limits: 2816Mi, 6 cores."


def test_says_whether_every_pod_is_restricted() -> None:
    template = ("Deployment", "demo-query", "spec", "template", "spec")
    assert facts(overview(render()))[1].startswith("Every pod: not root,")
    broken = changed(*template, "hostNetwork", True)
    assert facts(overview(broken))[1] == "Not every pod is as it should be: the check `pods` finds 1 things."


def test_names_ports_that_are_closed() -> None:
    ports = ("Deployment", "demo-query", "spec", "template", "spec", "containers", 0, "ports", 1)
    more = changed(*ports, {"name": "admin", "containerPort": 9464})
    assert "Nobody is let in to: query 9464." in facts(overview(more))
    assert not any("Nobody" in line for line in facts(overview(render())))


def test_tells_what_is_left() -> None:
    assert facts(overview(render()))[2:] == ["`helm uninstall` leaves: volume data of database (1Gi)."]
    text = overview(changed("Secret", "demo-addresses", "metadata", "annotations", {"helm.sh/resource-policy": "keep"}))
    assert facts(text)[2:] == ["`helm uninstall` leaves: volume data of database (1Gi), Secret demo-addresses."]


@pytest.mark.parametrize(
    ("text", "value"), [("250m", "0.25"), (1, "1"), (0.5, "0.5"), ("2Gi", str(2**31)), ("1e3", "1000"), ("1k", "1000")]
)
def test_quantities(text: object, value: str) -> None:
    assert format(quantity(text).normalize(), "f") == value


@pytest.mark.parametrize("text", ["", "Mi", "1 Mi", "1Zi", "-"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        quantity(text)


@pytest.mark.parametrize(
    ("peer", "text"),
    [
        ({"ipBlock": {"cidr": "10.0.0.0/8"}}, "10.0.0.0/8"),
        ({"namespaceSelector": {}}, "namespaces all"),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}, "namespaces monitoring"),
        ({"namespaceSelector": {"matchLabels": {"team": "shop"}}}, "namespaces team=shop"),
        ({"podSelector": {"matchLabels": {"app": "none"}}}, "no pod of these"),
    ],
)
def test_names_who_is_let_in(peer: dict[str, Any], text: str) -> None:
    head = overview(changed(*POLICY, "ingress", [{"from": [peer], "ports": [{"port": 8080}]}]))
    assert cells(head, "query")[6] == f"{text} 8080"


def test_what_no_rule_lets_in_is_nobody() -> None:
    assert cells(overview(changed(*POLICY, "ingress", [])), "query")[6:] == ["nobody", "database 5432"]


def test_without_a_policy_everybody_is_let_in() -> None:
    text = overview(without("NetworkPolicy", "demo-query"))
    assert cells(text, "query")[6:] == ["all (no policy)", "all (no policy)"]
