"""Reads a service's metrics as a Prometheus would. It must not keep them: every reading asks the service."""

from prometheus_client.parser import text_string_to_metric_families

from harness.history import get


def read_metrics(url: str) -> dict[str, float]:
    """Every sample at this /metrics address, by `name` or `name{label="value",...}` with the labels sorted."""
    answer = get(url)
    assert answer.status_code == 200, f"GET {url}: {answer.status_code} {answer.text[:200]}"
    found = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def total(metrics: dict[str, float], name: str) -> float:
    """The sum of a metric's samples over all its labels; 0 when it has none."""
    return sum(value for key, value in metrics.items() if key.partition("{")[0] == name)
