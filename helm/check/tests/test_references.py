"""Rules for what objects name."""

from typing import Any

import pytest
from helm_check.rules import references
from made_up import GONE, added, body, changed, lines, render, without

POD = ("spec", "template", "spec")
PLACE = "Deployment demo-query: spec.template.spec"


def test_takes_the_good_one() -> None:
    assert lines(references.check, render()) == []


def test_a_secret_must_exist_unless_the_values_name_it() -> None:
    said = [f"{PLACE}.volumes[0].secret: there is no Secret demo-addresses, in the render or in the values"]
    assert lines(references.check, without("Secret", "demo-addresses"))[:1] == said
    assert lines(references.check, without("Secret", "demo-addresses", values={"existingSecret": "demo-addresses"})) == []


def test_a_key_must_exist() -> None:
    made = changed("Secret", "demo-addresses", "stringData", {"url": "x"})
    assert lines(references.check, made) == [
        f"{PLACE}.volumes[0].secret.items[0]: Secret demo-addresses has no key database; it has url"
    ]


@pytest.mark.parametrize(
    ("source", "field"),
    [
        (
            {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "a"}}}]},
            "env[0].valueFrom.configMapKeyRef",
        ),
        ({"envFrom": [{"configMapRef": {"name": "none"}}]}, "envFrom[0].configMapRef"),
    ],
)
def test_the_environment_comes_from_what_exists(source: dict[str, object], field: str) -> None:
    [(key, value)] = source.items()
    made = changed("Deployment", "demo-query", *POD, "containers", 0, key, value)
    location = f"{PLACE}.containers[0].{field}"
    assert lines(references.check, made) == [f"{location}: there is no ConfigMap none, in the render or in the values"]


def test_what_is_optional_may_be_absent() -> None:
    made = changed(
        "Deployment", "demo-query", *POD, "containers", 0, "envFrom", [{"configMapRef": {"name": "none", "optional": True}}]
    )
    assert lines(references.check, made) == []


def test_a_projected_volume_is_looked_into() -> None:
    volume = {"name": "addresses", "projected": {"sources": [{"secret": {"name": "none", "items": []}}]}}
    made = changed("Deployment", "demo-query", *POD, "volumes", 0, volume)
    assert lines(references.check, made) == [
        f"{PLACE}.volumes[0].projected.sources[0].secret: there is no Secret none, in the render or in the values"
    ]


def test_the_service_account_exists() -> None:
    assert lines(references.check, without("ServiceAccount", "demo")) == [
        f"{PLACE}.serviceAccountName: there is no ServiceAccount demo, in the render or in the values"
    ]


def test_a_service_leads_to_a_port_of_pods() -> None:
    made = changed("Service", "demo-query", "spec", "ports", 0, "targetPort", "web")
    assert lines(references.check, made) == [
        "Service demo-query: spec.ports[0].targetPort: Deployment demo-query has no port web"
    ]
    made = changed("Service", "demo-query", "spec", "selector", {"app.kubernetes.io/component": "qeury"})
    assert lines(references.check, made) == ["Service demo-query: spec.selector: selects no pod of the chart"]
    made = changed("Service", "demo-query", "spec", "selector", {"app.kubernetes.io/name": "logstream"})
    assert (
        "Service demo-query: spec.selector: selects pods of several workloads: demo-database, demo-query, demo-worker"
        in lines(references.check, made)
    )


def test_pull_secrets_and_claims_exist() -> None:
    made = changed("Deployment", "demo-query", *POD, "imagePullSecrets", [{"name": "registry"}])
    assert lines(references.check, made) == [
        f"{PLACE}.imagePullSecrets[0]: there is no Secret registry, in the render or in the values"
    ]
    volume = {"name": "addresses", "persistentVolumeClaim": {"claimName": "data"}}
    said = (
        f"{PLACE}.volumes[0].persistentVolumeClaim: there is no PersistentVolumeClaim data, in the render or in the values"
    )
    assert lines(references.check, changed("Deployment", "demo-query", *POD, "volumes", 0, volume)) == [said]


def test_a_pod_monitor_finds_its_pods_and_their_port() -> None:
    monitor: dict[str, Any] = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": body("Service", "demo-worker")["metadata"],
        "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/component": "worker"}},
            "podMetricsEndpoints": [{"port": "admin"}, {"port": "metrics"}],
        },
    }
    assert lines(references.check, added(monitor)) == [
        "PodMonitor demo-worker: spec.podMetricsEndpoints[1].port: pod demo-worker has no port named metrics"
    ]
    monitor["spec"]["selector"]["matchLabels"] = {"app.kubernetes.io/component": "other"}
    assert lines(references.check, added(monitor)) == ["PodMonitor demo-worker: spec.selector: selects no pod of the chart"]


def test_a_stateful_set_has_its_service() -> None:
    made = changed("StatefulSet", "demo-database", "spec", "serviceName", "database")
    assert lines(references.check, made) == ["StatefulSet demo-database: spec.serviceName: there is no Service database"]


def test_a_monitor_finds_its_service_and_port() -> None:
    made = changed("ServiceMonitor", "demo-worker", "spec", "endpoints", 0, "port", "admin")
    assert lines(references.check, made) == [
        "ServiceMonitor demo-worker: spec.endpoints[0].port: Service demo-worker has no port named admin"
    ]
    made = changed("Service", "demo-worker", "metadata", "labels", "app.kubernetes.io/component", "other")
    assert lines(references.check, made) == ["ServiceMonitor demo-worker: spec.selector: selects no Service of the chart"]


def test_an_address_leads_to_a_service_of_the_namespace() -> None:
    made = changed("Secret", "demo-addresses", "stringData", "database", "postgresql://demo-db.logging.svc:5432/logstream")
    assert lines(references.check, made) == ["Secret demo-addresses: data.database: there is no Service demo-db"]
    made = changed(
        "Secret", "demo-addresses", "stringData", "database", "postgresql://demo-database.default.svc:5432/logstream"
    )
    assert lines(references.check, made) == [
        "Secret demo-addresses: data.database: Service demo-database is in the release's namespace, not in default"
    ]


def test_addresses_in_settings_and_files_lead_to_services() -> None:
    variable = {"name": "PAGE", "value": "demo-page.logging.svc.cluster.local:80"}
    made = changed("Deployment", "demo-query", *POD, "containers", 0, "env", [variable])
    assert lines(references.check, made) == [f"{PLACE}.containers[0].env[0].value: there is no Service demo-page"]
    made = changed(
        "ConfigMap", "demo-files", "data", {"server.conf": "page = demo-page.logging.svc:80\n", "board.json": "{}"}
    )
    assert lines(references.check, made) == ["ConfigMap demo-files: data.server.conf: there is no Service demo-page"]


def test_a_backend_of_the_gateway_api_is_a_port_of_a_service() -> None:
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GRPCRoute",
        "metadata": body("Service", "demo-query")["metadata"],
        "spec": {"rules": [{"backendRefs": [{"name": "demo-query", "port": 80}, {"name": "demo-query", "port": 8080}]}]},
    }
    location = "GRPCRoute demo-query: spec.rules[0].backendRefs[1]"
    assert lines(references.check, added(route)) == [f"{location}: Service demo-query has no port 8080"]


def test_a_route_leads_to_a_port_of_a_service() -> None:
    backend = ("spec", "rules", 0, "http", "paths", 0, "backend", "service")
    location = "Ingress demo-query: spec.rules[0].http.paths[0].backend.service"
    made = changed("Ingress", "demo-query", *backend, "port", {"number": 8080})
    assert lines(references.check, made) == [f"{location}: Service demo-query has no port 8080"]
    made = changed("Ingress", "demo-query", *backend, "name", "demo-page")
    assert lines(references.check, made) == [f"{location}: there is no Service demo-page"]


def test_json_of_a_config_map_is_json() -> None:
    said = lines(references.check, changed("ConfigMap", "demo-files", "data", "board.json", "{"))
    assert len(said) == 1
    assert said[0].startswith("ConfigMap demo-files: data.board.json: is not JSON: Expecting")


def test_an_account_need_not_be_named() -> None:
    assert lines(references.check, changed("Deployment", "demo-query", *POD, "serviceAccountName", GONE)) == []
