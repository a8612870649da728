"""Writes docs/configuration.md, docs/metrics.md, and the names of settings in the chart's schema, from the services' own
declarations.

Run by `make docs`; with --check it only tells whether the files are as they would be written.
"""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from logstream_runtime.config import Setting, describe
from prometheus_client import CollectorRegistry, Metric

DOCS = Path(__file__).parent
SERVICES = ("gateway", "writer", "query", "stream")
SCHEMA = DOCS.parent / "helm/logstream/values.schema.json"


def configuration() -> Iterator[str]:
    yield "# Configuration\n"
    yield (
        "Every setting is an environment variable. A variable `NAME_FILE` names a file that holds the value instead, for "
        "secrets. If a value is invalid, the process exits with status 2 and reports all problems. The first line of a "
        "service's log has the values that it uses, with secrets masked.\n"
    )
    yield "This page is generated from the services' declarations (`make docs`).\n"
    for service in SERVICES:
        settings = describe(importlib.import_module(f"logstream_{service}.config").Config)
        yield f"## {service}\n"
        yield "| variable | default | unit | meaning |\n|---|---|---|---|"
        yield from (_setting_row(one) for one in settings)
        yield ""


def _setting_row(one: Setting) -> str:
    default = "required" if one.default is None else f"`{one.default}`"
    return f"| `{one.env}` | {default} | {one.unit} | {one.doc}{' Secret.' if one.secret else ''} |"


def metrics() -> Iterator[str]:
    yield "# Metrics\n"
    yield (
        "In Prometheus' text format at `/metrics`: on `LOGSTREAM_ADMIN_LISTEN` of gateway and writer, on the service's own "
        "port of query and stream.\n"
    )
    yield "This page is generated from the services' declarations (`make docs`).\n"
    for service in SERVICES:
        registry = CollectorRegistry()
        importlib.import_module(f"logstream_{service}.metrics").Metrics(registry)
        yield f"## {service}\n"
        yield "| metric | type | labels | meaning |\n|---|---|---|---|"
        yield from (_metric_row(one, registry) for one in sorted(registry.collect(), key=lambda metric: metric.name))
        yield ""


def _metric_row(one: Metric, registry: CollectorRegistry) -> str:
    declared = registry._names_to_collectors[one.name]
    labels = ", ".join(f"`{label}`" for label in declared._labelnames)  # type: ignore[attr-defined]
    name = one.name + ("_total" if one.type == "counter" else "")
    return f"| `{name}` | {one.type} | {labels} | {one.documentation} |"


def schema() -> str:
    """The chart's schema, in which a service's `settings` take the names of its settings and no others."""
    described = json.loads(SCHEMA.read_text(encoding="utf-8"))
    for service in SERVICES:
        names = [one.env for one in describe(importlib.import_module(f"logstream_{service}.config").Config)]
        settings = described["properties"][service]["properties"]["settings"]
        settings["propertyNames"] = {"enum": sorted(names)}
    return json.dumps(described, indent=2)


def main() -> int:
    stale = []
    for path, text in (
        (DOCS / "configuration.md", "\n".join(configuration())),
        (DOCS / "metrics.md", "\n".join(metrics())),
        (SCHEMA, schema()),
    ):
        text = text.rstrip() + "\n"
        if "--check" in sys.argv[1:]:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(str(path.relative_to(DOCS.parent)))
        else:
            path.write_text(text, encoding="utf-8")
    if stale:
        print(f"{', '.join(stale)}: not as generated; run make docs", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
