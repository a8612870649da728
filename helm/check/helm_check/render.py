"""Prints the chart's manifests as a JSON array: `python -m helm_check.render <values.json`, for programs without Helm."""

import json
import sys
from pathlib import Path

import yaml

from helm_check.chart import Chart

CHART = Path(__file__).parents[2] / "logstream"


def main() -> int:
    texts = Chart(CHART).render(json.load(sys.stdin), release="logs", namespace="logs").texts
    templates = [text for path, text in sorted(texts.items()) if path.endswith(".yaml")]
    manifests = [manifest for text in templates for manifest in yaml.safe_load_all(text) if manifest]
    json.dump(manifests, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
