"""The table at the head of a golden."""

from typing import Any

import pytest
from helm_check.overview import overview
from made_up import GONE, changed, render, without

POLICY = ("NetworkPolicy", "demo-query", "spec")


def cells(text: str, component: str) -> list[str]:
    """The row of a component, by the columns of the head."""
    lines = [line.removeprefix("#   ") for line in text.splitlines()]
    [head] = [line for line in lines if line.startswith("component")]
    [row] = [line for line in lines if line.startswith(component)]
    starts = [head.index(name) for name in ("component", "pods", "cpu", "memory", "grace", "listens", "let in", "let out")]
    return [row[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]


def test_tells_what_a_workload_is() -> None:
    assert cells(overview(render()), "query") == [
        "query", "2", "100m", "64Mi, 256Mi", "30 s", "8080", "anywhere 8080", "database 5432",
    ]  # fmt: skip


def test_counts_kinds() -> None:
    assert "2 Deployment, 1 Ingress, 3 NetworkPolicy" in overview(render()).splitlines()[-1]


def test_an_autoscaler_decides() -> None:
    assert cells(overview(changed("Deployment", "demo-query", "spec", "replicas", GONE)), "query")[1] == "autoscaled"


@pytest.mark.parametrize(
    ("peer", "told"),
    [
        ({"ipBlock": {"cidr": "10.0.0.0/8"}}, "10.0.0.0/8"),
        ({"namespaceSelector": {}}, "namespaces all"),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}, "namespaces monitoring"),
        ({"namespaceSelector": {"matchLabels": {"team": "shop"}}}, "namespaces team=shop"),
        ({"podSelector": {"matchLabels": {"app": "none"}}}, "no pod of these"),
    ],
)
def test_names_who_is_let_in(peer: dict[str, Any], told: str) -> None:
    text = overview(changed(*POLICY, "ingress", [{"from": [peer], "ports": [{"port": 8080}]}]))
    assert cells(text, "query")[6] == f"{told} 8080"


def test_what_no_rule_lets_in_is_nobody() -> None:
    assert cells(overview(changed(*POLICY, "ingress", [])), "query")[6:] == ["nobody", "database 5432"]


def test_without_a_policy_everybody_is_let_in() -> None:
    text = overview(without("NetworkPolicy", "demo-query"))
    assert cells(text, "query")[6:] == ["all (no policy)", "all (no policy)"]
