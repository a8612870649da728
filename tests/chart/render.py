"""Prints the manifests of the chart as JSON, for pods on a Docker engine. The Python of helm/check runs it: it has Helm."""

import json
import os
import sys
from pathlib import Path

import helm_python
import yaml

CHART = Path(__file__).parents[2] / "helm/logstream"


def main() -> int:
    values = {
        "images": {"tag": os.environ["LOGSTREAM_CHART_IMAGES_TAG"]},
        # The engine's own name server.
        "dashboard": {"resolver": "127.0.0.11"},
        # Who the servers' users are in images other than the official ones.
        **{
            server: {"runAsUser": int(user)}
            for server in ("timescaledb", "rabbitmq", "redis")
            if (user := os.environ.get(f"LOGSTREAM_CHART_{server.upper()}_USER"))
        },
    }
    with helm_python.Chart.load(str(CHART)) as chart:
        rendered = chart.render(values, name="logs", namespace="logs")
    texts = [text for path, text in sorted(rendered.items()) if path.endswith(".yaml")]
    manifests = [manifest for text in texts for manifest in yaml.safe_load_all(text) if manifest]
    json.dump(manifests, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
