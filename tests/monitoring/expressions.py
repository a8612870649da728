"""The expressions of dashboards and alerts, and the metrics they name. It reads files alone."""

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml
from harness.wire import ROOT

DASHBOARDS = ROOT / "deploy/grafana/dashboards"
ALERTS = ROOT / "deploy/prometheus/alerts.yml"
ALERT_TESTS = ROOT / "deploy/prometheus/tests"
# Written from the services' declarations, and checked for that.
METRICS = ROOT / "docs/metrics.md"

# Labels that Prometheus adds, and those of every histogram's buckets.
ADDED_LABELS = frozenset({"job", "instance", "le"})
_WORDS = frozenset({"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "offset", "bool"})
_LABEL_LISTS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_MATCHERS = re.compile(r"\{[^}]*\}")
_ROW = re.compile(r"^\| `(logstream_\w+)` \| (\w+) \| (.*?) \|", re.MULTILINE)


@dataclass(frozen=True)
class Expression:
    where: str
    text: str


@dataclass(frozen=True)
class Alert:
    name: str
    expr: str
    labels: dict[str, str]
    annotations: dict[str, str]


def dashboards() -> dict[str, dict[str, Any]]:
    """Every dashboard by its file's name."""
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(DASHBOARDS.glob("*.json"))}


def panels() -> list[tuple[str, dict[str, Any]]]:
    """Every panel but rows, with a name for messages."""
    return [
        (f"{name}: {panel['title']}", panel)
        for name, dashboard in dashboards().items()
        for panel in dashboard["panels"]
        if panel["type"] != "row"
    ]


def panel_expressions() -> list[Expression]:
    return [Expression(where, target["expr"]) for where, panel in panels() for target in panel["targets"]]


@cache
def alerts() -> tuple[Alert, ...]:
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    return tuple(Alert(rule["alert"], rule["expr"], rule["labels"], rule["annotations"]) for rule in rules)


def alert_expressions() -> list[Expression]:
    return [Expression(alert.name, alert.expr) for alert in alerts()]


def metrics_in(expression: str) -> set[str]:
    """The names of the metrics of a PromQL expression: what is left of its words when functions, labels, texts and
    durations are gone."""
    text = re.sub(r'"[^"]*"', "", expression)
    text = _LABEL_LISTS.sub(" ", _MATCHERS.sub("", text))
    text = re.sub(r"\[[^]]*\]", "", text)
    words = re.findall(r"\b([a-zA-Z_:][\w:]*)\b(?!\s*\()", text)
    return {word for word in words if word not in _WORDS and not re.fullmatch(r"e\d+", word)}


def labels_asked(expression: str) -> list[tuple[str, set[str]]]:
    """Metrics that are named with matchers, with the labels of these."""
    found = re.findall(r"([a-zA-Z_:][\w:]*)\{([^}]*)\}", expression)
    return [(name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", re.sub(r'"[^"]*"', '""', inner)))) for name, inner in found]


def declared() -> dict[str, frozenset[str]]:
    """Every series name that a service declares, with its labels."""
    found: dict[str, frozenset[str]] = {}
    for name, kind, labels in _ROW.findall(METRICS.read_text(encoding="utf-8")):
        names = [f"{name}{suffix}" for suffix in ("_bucket", "_sum", "_count")] if kind == "histogram" else [name]
        found |= dict.fromkeys(names, frozenset(re.findall(r"`(\w+)`", labels)))
    return found
