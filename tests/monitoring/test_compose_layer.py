"""The layer deploy/compose/observability.yml fits what it is laid over. It is not started here: its images are nowhere
but in their registries."""

import re
from typing import Any

import pytest
import yaml
from harness.wire import ROOT

from monitoring.programs import promtool

LAYER = "deploy/compose/observability.yml"


def read(path: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def layer() -> dict[str, Any]:
    return read(LAYER)


@pytest.fixture(scope="module")
def base() -> dict[str, Any]:
    return read("docker-compose.yml")


def test_names_of_the_layer_are_new_and_its_networks_exist(base: dict[str, Any], layer: dict[str, Any]) -> None:
    assert base["services"].keys().isdisjoint(layer["services"])
    assert (base.get("volumes") or {}).keys().isdisjoint(layer["volumes"])
    networks = base["networks"].keys() | layer["networks"].keys()
    services = base["services"].keys() | layer["services"].keys()
    for service in layer["services"].values():
        assert networks >= set(service["networks"])
        assert services >= set(service.get("depends_on", {}))


def test_everything_has_a_version_a_limit_a_check_and_stays_on_loopback(layer: dict[str, Any]) -> None:
    for name, service in layer["services"].items():
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", service["image"]), name
        assert service["mem_limit"], name
        assert service["healthcheck"]["test"], name
        assert service["cap_drop"] == ["ALL"], name
        for port in service.get("ports", []):
            assert port.startswith(("127.0.0.1:", "${PUBLISH_ADDRESS:-127.0.0.1}:")), name


def test_files_that_are_mounted_exist(layer: dict[str, Any]) -> None:
    mounts = [mount for service in layer["services"].values() for mount in service.get("volumes", [])]
    files = [mount.split(":")[0] for mount in mounts if mount.startswith("./")]
    assert files
    for file in files:
        assert (ROOT / file).exists(), file


def test_every_service_is_scraped_where_it_listens(base: dict[str, Any], layer: dict[str, Any]) -> None:
    services = {**base["services"], **layer["services"]}
    jobs = read("deploy/prometheus/prometheus.yml")["scrape_configs"]
    found = [(sd["names"][0], sd["port"]) for job in jobs for sd in job.get("dns_sd_configs", [])]
    fixed = [target.split(":") for job in jobs for each in job.get("static_configs", []) for target in each["targets"]]
    found += [(name, int(port)) for name, port in fixed]
    assert {name for name, _ in found} == {"gateway", "writer", "query", "stream", "rabbitmq", "postgres-exporter"}
    ports = {"gateway": 9464, "writer": 9464, "query": 8080, "stream": 8080, "rabbitmq": 15692, "postgres-exporter": 9187}
    assert dict(found) == ports
    seen_by_prometheus = set(services["prometheus"]["networks"])
    for name, _ in found:
        assert seen_by_prometheus & set(services[name]["networks"]), f"{name} is on no network of prometheus"


def test_prometheus_takes_its_configuration() -> None:
    promtool("check", "config", "--syntax-only", str(ROOT / "deploy/prometheus/prometheus.yml"))


def test_grafana_finds_its_dashboards_and_its_source(layer: dict[str, Any]) -> None:
    mounts = dict(mount.split(":")[:2] for mount in layer["services"]["grafana"]["volumes"])
    provider = read("deploy/grafana/provisioning/dashboards/logstream.yml")["providers"][0]
    assert mounts["./deploy/grafana/dashboards"] == provider["options"]["path"]
    home = layer["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (ROOT / "deploy/grafana/dashboards" / home.removeprefix(f"{provider['options']['path']}/")).exists()
    source = read("deploy/grafana/provisioning/datasources/prometheus.yml")["datasources"][0]
    assert source["url"] == "http://prometheus:9090"
    interval = read("deploy/prometheus/prometheus.yml")["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == interval
