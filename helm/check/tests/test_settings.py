"""Rules for variables of the services."""

from pathlib import Path

import pytest
from helm_check.rules.settings import SettingsRule, read_settings
from made_up import GONE, changed, lines, render

CONTAINER = ("spec", "template", "spec", "containers", 0)
PLACE = "Deployment demo-query: spec.template.spec.containers[0].env"
PAGE = """# Configuration

## query

| variable | default | unit | meaning |
|---|---|---|---|
| `LOGSTREAM_DATABASE_URL` | required |  | Where the logs are. Secret. |
| `LOGSTREAM_LOG_LEVEL` | `info` |  | Least severe line. |

## stream

| variable | default | unit | meaning |
|---|---|---|---|
| `LOGSTREAM_STREAM_DRAIN_S` | `10.0` | s | How long. |
"""


@pytest.fixture
def rule(tmp_path: Path) -> SettingsRule:
    page = tmp_path / "configuration.md"
    page.write_text(PAGE, encoding="utf-8")
    return SettingsRule(page)


def test_reads_the_page() -> None:
    services = read_settings(PAGE)
    assert services["query"].known == {"LOGSTREAM_DATABASE_URL", "LOGSTREAM_LOG_LEVEL"}
    assert services["query"].required == {"LOGSTREAM_DATABASE_URL"}
    assert services["stream"].required == set()


def test_takes_the_good_one(rule: SettingsRule) -> None:
    assert lines(rule, render()) == []


@pytest.mark.parametrize("name", ["LOGSTREAM_LOGLEVEL", "LOGSTREAM_STREAM_DRAIN_S", "LOGSTREAM_LOGLEVEL_FILE"])
def test_a_setting_of_another_service_or_of_none_is_refused(rule: SettingsRule, name: str) -> None:
    made = changed("Deployment", "demo-query", *CONTAINER, "env", 1, "name", name)
    assert lines(rule, made) == [f"{PLACE}: query has no setting {name}; see docs/configuration.md"]


def test_other_variables_are_left_alone(rule: SettingsRule) -> None:
    assert lines(rule, changed("Deployment", "demo-query", *CONTAINER, "env", 1, "name", "TZ")) == []


def test_a_config_map_s_keys_count(rule: SettingsRule) -> None:
    made = changed(
        "Deployment", "demo-query", *CONTAINER, "envFrom", [{"configMapRef": {"name": "demo-files"}, "prefix": "LOGSTREAM_"}]
    )
    assert lines(rule, made) == [f"{PLACE}: query has no setting LOGSTREAM_board.json; see docs/configuration.md"]


def test_what_is_required_is_there(rule: SettingsRule) -> None:
    made = changed("Deployment", "demo-query", *CONTAINER, "env", 0, GONE)
    assert lines(rule, made) == [f"{PLACE}: lacks LOGSTREAM_DATABASE_URL, which query requires"]


def test_a_pod_s_other_containers_are_not_the_service(rule: SettingsRule) -> None:
    for group in ("initContainers", "containers"):
        path = ("spec", "template", "spec", group, 1) if group == "containers" else ("spec", "template", "spec", group)
        other = {"name": "other", "image": "other:1"}
        made = changed("Deployment", "demo-query", *path, other if group == "containers" else [other])
        assert lines(rule, made) == []


def test_sections_without_settings_are_passed_over() -> None:
    assert set(read_settings(PAGE + "\n## Elsewhere\n\nNothing.\n")) == {"query", "stream"}


def test_a_value_comes_one_way(rule: SettingsRule) -> None:
    made = changed(
        "Deployment", "demo-query", *CONTAINER, "env", 2, {"name": "LOGSTREAM_DATABASE_URL", "value": "postgresql://"}
    )
    assert lines(rule, made) == [f"{PLACE}: sets both LOGSTREAM_DATABASE_URL and LOGSTREAM_DATABASE_URL_FILE"]


def test_a_large_number_stays_one(rule: SettingsRule) -> None:
    made = changed("Deployment", "demo-query", *CONTAINER, "env", 1, "value", "1e+12")
    assert lines(rule, made) == [f"{PLACE}[1].value: is 1e+12: not a valid value of a setting"]
