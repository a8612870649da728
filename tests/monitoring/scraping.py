"""Debian's Prometheus scraping a running local stack, with logstream's alerts. It must not change the stack."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import yaml
from harness.services import SERVICES
from harness.stack import Stack
from harness.waiting import wait_for
from harness.wire import ROOT

from monitoring.expressions import ALERTS
from monitoring.programs import program, running

COMPOSE_CONFIGURATION = ROOT / "deploy/prometheus/prometheus.yml"
TIMEOUT_S = 20
START_S = 60


class Prometheus:
    """Asks one that runs. Raises requests.RequestException when it can't be asked."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str, **parameters: str) -> Any:
        answer = requests.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=TIMEOUT_S)
        body = answer.json()
        assert body["status"] == "success", f"{path} {parameters}: {body}"
        return body["data"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """The series of an expression now, with their values."""
        found = self.ask("query", query=expression)
        assert found["resultType"] == "vector", f"{expression}: {found['resultType']}"
        return [(series["metric"], float(series["value"][1])) for series in found["result"]]

    def targets(self) -> dict[str, str]:
        """What is known of each target, `up` after a scrape that went well. There are none for the first seconds."""
        targets = self.ask("targets")["activeTargets"]
        return {each["scrapeUrl"]: f"{each['health']} {each['lastError']}".strip() for each in targets}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def configuration(targets: dict[str, str]) -> dict[str, Any]:
    """Compose's own, with the targets of a stack in place of DNS and every second in place of every fifteen. targets: by the
    name that Compose has for the service, host:port."""
    found: dict[str, Any] = yaml.safe_load(COMPOSE_CONFIGURATION.read_text(encoding="utf-8"))
    found["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    found["rule_files"] = [str(ALERTS)]
    for job in found["scrape_configs"]:
        names = [name for sd in job.pop("dns_sd_configs", []) for name in sd["names"]]
        names += [target.partition(":")[0] for each in job.pop("static_configs", []) for target in each["targets"]]
        job["static_configs"] = [{"targets": [targets[name] for name in names]}]
    return found


@contextmanager
def scraping(stack: Stack, folder: Path) -> Iterator[Prometheus]:
    """A Prometheus that has scraped everything of the stack once."""
    exporter, own = free_port(), free_port()
    targets = {service.name: urlsplit(stack.admin_url(service.name)).netloc for service in SERVICES}
    targets |= {"rabbitmq": urlsplit(stack.broker_metrics_url).netloc, "postgres-exporter": f"127.0.0.1:{exporter}"}
    settings = folder / "prometheus.yml"
    configured = configuration(targets)
    jobs = len(configured["scrape_configs"])
    settings.write_text(json.dumps(configured), encoding="utf-8")
    exports = [program("prometheus-postgres-exporter"), f"--web.listen-address=127.0.0.1:{exporter}"]
    scrapes = [
        program("prometheus"),
        f"--config.file={settings}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{own}",
    ]
    logs = folder / "exporter.log", folder / "prometheus.log"
    database = {"DATA_SOURCE_NAME": f"{stack.database_url}?sslmode=disable"}
    with running(logs[0], exports, database), running(logs[1], scrapes):
        prometheus = Prometheus(f"http://127.0.0.1:{own}")
        wait_for(
            f"every target to be scraped; more is in {folder}",
            prometheus.targets,
            lambda found: list(found.values()) == ["up"] * jobs,
            timeout_s=START_S,
            tolerate=(requests.RequestException, KeyError),
        )
        yield prometheus
