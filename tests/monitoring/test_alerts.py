"""The alerts by themselves: they are valid, each was seen to fire and to stay silent, and each has its section for who is
woken by it."""

import re
from typing import Any

import pytest
import yaml
from harness.wire import ROOT

from monitoring.expressions import ALERT_TESTS, ALERTS, Alert, alerts
from monitoring.programs import promtool

RUNBOOK = "docs/operations/alerts.md"
each_alert = pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)


def test_the_rules_are_valid() -> None:
    assert f"SUCCESS: {len(alerts())} rules found" in promtool("check", "rules", str(ALERTS))


def test_the_rules_hold_what_their_tests_say() -> None:
    files = sorted(str(path) for path in ALERT_TESTS.glob("*.yml"))
    assert promtool("test", "rules", *files).count("SUCCESS") == len(files)


def checks_of(alert: Alert) -> list[dict[str, Any]]:
    """What the tests of the rules ask about this alert."""
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in ALERT_TESTS.glob("*.yml")]
    checks = [check for file in files for test in file["tests"] for check in test["promql_expr_test"]]
    return [check for check in checks if check["expr"] == f'ALERTS{{alertname="{alert.name}", alertstate="firing"}}']


@each_alert
def test_an_alert_is_seen_to_fire_and_to_stay_silent(alert: Alert) -> None:
    fires = [bool(check.get("exp_samples")) for check in checks_of(alert)]
    assert True in fires, "no test makes it fire"
    assert False in fires, "no test has it silent"


@each_alert
def test_an_alert_says_what_it_saw_and_where_to_read_on(alert: Alert) -> None:
    assert alert.labels["severity"] in {"warning", "critical"}
    assert alert.annotations["runbook"] == f"{RUNBOOK}#{alert.name.lower()}"
    # A target that is silent has no figure.
    silent = alert.name in {"LogstreamTargetDown", "LogstreamMetricsMissing"}
    assert ("{{ $labels" if silent else "{{ $value") in alert.annotations["description"]
    assert alert.annotations["summary"].endswith(".")


def test_each_alert_has_its_section_and_each_section_its_alert() -> None:
    headings = re.findall(r"^### (\w+)$", (ROOT / RUNBOOK).read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == [alert.name for alert in alerts()]
