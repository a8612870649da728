"""The size limit that the logstream chart makes from the volume, and the write-ahead log that goes with it."""

from typing import Any

import pytest
import yaml
from helm_check.chart import Chart
from helm_check.render import CHART

GIB = 2**30
NAME = "LOGSTREAM_RETENTION_BYTES"
OUTSIDE = {"timescaledb": {"enabled": False}, "external": {"database": {"url": "postgresql://u:p@db:5432/logstream"}}}


@pytest.fixture(scope="module")
def chart() -> Chart:
    return Chart(CHART)


def rendered(chart: Chart, values: dict[str, Any]) -> dict[str, str]:
    return dict(chart.render(values, release="logs", namespace="logs").texts)


def container(text: str) -> dict[str, Any]:
    first: dict[str, Any] = yaml.safe_load(text)["spec"]["template"]["spec"]["containers"][0]
    return first


def limits(texts: dict[str, str]) -> list[str]:
    (path,) = [path for path in texts if path.endswith("writer/deployment.yaml")]
    return [variable["value"] for variable in container(texts[path])["env"] if variable["name"] == NAME]


def arguments(texts: dict[str, str]) -> list[str]:
    (path,) = [path for path in texts if path.endswith("timescaledb/statefulset.yaml")]
    return [word for word in container(texts[path])["args"] if word.startswith("max_wal_size")]


def notes(texts: dict[str, str]) -> str:
    (path,) = [path for path in texts if path.endswith("NOTES.txt")]
    return texts[path]


@pytest.mark.parametrize(
    ("size", "volume", "wal"),
    [
        ("20Gi", 20 * GIB, None),
        ("5Gi", 5 * GIB, "max_wal_size=1024MB"),
        ("1.5Ti", 1536 * GIB, None),
        ("500G", 500 * 10**9, None),
        ("2048Mi", 2 * GIB, "max_wal_size=409MB"),
        ("107374182400", 100 * GIB, None),
    ],
)
def test_the_limit_is_most_of_what_the_log_leaves(chart: Chart, size: str, volume: int, wal: str | None) -> None:
    texts = rendered(chart, {"timescaledb": {"persistence": {"size": size}}})
    limit = (volume - min(4 * GIB, volume // 5)) * 7 // 10
    assert limits(texts) == [str(limit)]
    assert arguments(texts) == ([wal] if wal else [])
    assert f"more than {limit / 1e9:.1f} GB" in notes(texts)


@pytest.mark.parametrize("own", [0, 1_000_000_000_000])
def test_an_own_limit_counts_alone(chart: Chart, own: int) -> None:
    texts = rendered(chart, {"writer": {"settings": {NAME: own}}})
    assert limits(texts) == [str(own)]
    texts = rendered(chart, {"writer": {"extraEnv": [{"name": NAME, "value": str(own)}]}})
    assert limits(texts) == [str(own)]
    assert "are deleted when" not in notes(texts)


def test_an_external_database_has_none_and_the_notes_say_so(chart: Chart) -> None:
    texts = rendered(chart, OUTSIDE)
    assert limits(texts) == []
    assert f"Set writer.settings.{NAME}" in notes(texts)
    texts = rendered(chart, {**OUTSIDE, "writer": {"settings": {NAME: 0}}})
    assert limits(texts) == ["0"]
    assert f"Set writer.settings.{NAME}" not in notes(texts)
