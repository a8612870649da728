"""Rules for network policies."""

from helm_check.rules import network
from made_up import GONE, changed, lines, render, set_at, without

DATABASE = "no NetworkPolicy of StatefulSet demo-database allows ingress from Deployment demo-query at port 5432"
QUERY = "no NetworkPolicy of Deployment demo-query allows egress to StatefulSet demo-database at port 5432"
WAY = "Deployment demo-query: database of Secret demo-addresses"


def test_takes_the_good_one() -> None:
    assert lines(network.check, render()) == []


def test_every_pod_is_selected_both_ways() -> None:
    said = lines(network.check, without("NetworkPolicy", "demo-worker"))
    assert "Deployment demo-worker: no NetworkPolicy of type Ingress selects this pod: all connections are allowed" in said
    assert "Deployment demo-worker: no NetworkPolicy of type Egress selects this pod: all connections are allowed" in said


def test_a_type_that_is_not_named_is_open() -> None:
    said = lines(network.check, changed("NetworkPolicy", "demo-worker", "spec", "policyTypes", ["Ingress"]))
    assert said == ["Deployment demo-worker: no NetworkPolicy of type Egress selects this pod: all connections are allowed"]


def test_none_is_asked_for_when_they_are_switched_off() -> None:
    values = {"networkPolicy": {"enabled": False}}
    assert lines(network.check, render(values=values)) == [
        "NetworkPolicy demo-query: is there although networkPolicy.enabled is false"
    ]


def test_none_need_be_there_when_they_are_switched_off() -> None:
    bodies = [document.body for document in render().documents if document.kind != "NetworkPolicy"]
    assert lines(network.check, render(bodies, {"networkPolicy": {"enabled": False}})) == []


def test_a_policy_selects_pods() -> None:
    made = changed("NetworkPolicy", "demo-worker", "spec", "podSelector", "matchLabels", {"a": "b"})
    assert "NetworkPolicy demo-worker: spec.podSelector: selects no pod of the chart" in lines(network.check, made)


def test_an_empty_rule_is_refused() -> None:
    made = changed("NetworkPolicy", "demo-query", "spec", "egress", 1, {})
    assert lines(network.check, made) == ["NetworkPolicy demo-query: spec.egress[1]: an empty rule allows everything"]


def test_rules_need_their_type() -> None:
    made = changed("NetworkPolicy", "demo-query", "spec", "policyTypes", ["Ingress"])
    assert "NetworkPolicy demo-query: spec.policyTypes: lacks Egress, so its rules have no effect" in lines(
        network.check, made
    )


def test_a_peer_is_a_pod_of_the_chart() -> None:
    peer = ("spec", "egress", 0, "to", 0, "podSelector", "matchLabels")
    made = changed("NetworkPolicy", "demo-query", *peer, {"app.kubernetes.io/component": "databse"})
    location = "NetworkPolicy demo-query: spec.egress[0].to[0]"
    assert lines(network.check, made) == [
        f"{location}: selects no pod of the chart: {{'app.kubernetes.io/component': 'databse'}}",
        f"{WAY}: {QUERY}",
    ]


def test_an_address_in_a_secret_can_be_reached() -> None:
    assert lines(network.check, changed("NetworkPolicy", "demo-database", "spec", "ingress", GONE)) == [f"{WAY}: {DATABASE}"]
    assert lines(network.check, changed("NetworkPolicy", "demo-query", "spec", "egress", GONE)) == [f"{WAY}: {QUERY}"]
    made = changed("NetworkPolicy", "demo-query", "spec", "egress", 0, "ports", [{"port": 5433}])
    assert lines(network.check, made) == [f"{WAY}: {QUERY}"]


def test_an_address_in_a_variable_from_a_secret_can_be_reached() -> None:
    bodies = [document.body for document in changed("NetworkPolicy", "demo-query", "spec", "egress", GONE).documents]
    [query] = [body for body in bodies if (body["kind"], body["metadata"]["name"]) == ("Deployment", "demo-query")]
    variable = {"name": "DATABASE", "valueFrom": {"secretKeyRef": {"name": "demo-addresses", "key": "database"}}}
    set_at(query, ("spec", "template", "spec", "volumes"), [])
    set_at(query, ("spec", "template", "spec", "containers", 0, "env"), [variable])
    assert lines(network.check, render(bodies)) == [f"{WAY}: {QUERY}"]


def test_what_is_shown_and_what_is_elsewhere_need_no_way() -> None:
    shown = {"name": "LOGSTREAM_PAGE_GATEWAY", "value": "demo-worker.logging.svc:9464"}
    linked = {"name": "LOGSTREAM_PAGE_TRACE_URL", "value": "http://demo-worker.logging.svc:9464/trace/{trace_id}"}
    elsewhere = {"name": "PAGE", "value": "page.other.svc:80"}
    made = changed(
        "Deployment", "demo-query", "spec", "template", "spec", "containers", 0, "env", [shown, linked, elsewhere]
    )
    assert lines(network.check, made) == []


def test_a_route_of_the_gateway_api_gets_in() -> None:
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "demo-worker"},
        "spec": {"rules": [{"backendRefs": [{"name": "demo-worker", "port": 9464}]}]},
    }
    bodies = [document.body for document in changed("NetworkPolicy", "demo-worker", "spec", "ingress", GONE).documents]
    without_monitor = [body for body in bodies if body["kind"] != "ServiceMonitor"]
    said = "HTTPRoute demo-worker: no NetworkPolicy of Deployment demo-worker allows ingress from anybody at port 9464"
    assert lines(network.check, render([*without_monitor, route])) == [said]


def test_an_address_in_a_projected_secret_can_be_reached() -> None:
    source = {"secret": {"name": "demo-addresses", "items": [{"key": "database", "path": "database"}]}}
    bodies = [document.body for document in changed("NetworkPolicy", "demo-query", "spec", "egress", GONE).documents]
    [query] = [body for body in bodies if (body["kind"], body["metadata"]["name"]) == ("Deployment", "demo-query")]
    set_at(query, ("spec", "template", "spec", "volumes", 0), {"name": "addresses", "projected": {"sources": [source]}})
    assert lines(network.check, render(bodies)) == [f"{WAY}: {QUERY}"]


def test_a_service_for_the_outside_lets_it_in() -> None:
    bodies = [document.body for document in changed("NetworkPolicy", "demo-worker", "spec", "ingress", GONE).documents]
    without_monitor = [body for body in bodies if body["kind"] != "ServiceMonitor"]
    assert lines(network.check, render(without_monitor)) == []
    [service] = [body for body in bodies if (body["kind"], body["metadata"]["name"]) == ("Service", "demo-worker")]
    set_at(service, ("spec", "type"), "NodePort")
    said = "Service demo-worker: no NetworkPolicy of Deployment demo-worker allows ingress from anybody at port 9464"
    assert lines(network.check, render(without_monitor)) == [said]


def test_an_address_in_a_setting_can_be_reached() -> None:
    environment = [{"name": "WORKER", "value": "demo-worker.logging.svc.cluster.local:9464"}]
    made = changed("Deployment", "demo-query", "spec", "template", "spec", "containers", 0, "env", environment)
    location = "Deployment demo-query: spec.template.spec.containers[0].env[0]"
    assert lines(network.check, made) == [
        f"{location}: no NetworkPolicy of Deployment demo-worker allows ingress from Deployment demo-query at port 9464",
        f"{location}: no NetworkPolicy of Deployment demo-query allows egress to Deployment demo-worker at port 9464",
    ]


def test_an_address_has_a_port_of_the_service() -> None:
    made = changed(
        "Secret", "demo-addresses", "stringData", "database", "postgresql://demo-database.logging.svc:5433/logstream"
    )
    assert lines(network.check, made) == [f"{WAY}: Service demo-database has no port 5433"]


def test_routes_and_monitors_get_in() -> None:
    made = changed("NetworkPolicy", "demo-query", "spec", "ingress", GONE)
    said = "Ingress demo-query: no NetworkPolicy of Deployment demo-query allows ingress from anybody at port 8080"
    assert lines(network.check, made) == [said]
    made = changed("NetworkPolicy", "demo-worker", "spec", "ingress", GONE)
    said = "ServiceMonitor demo-worker: no NetworkPolicy of Deployment demo-worker allows ingress from anybody at port 9464"
    assert lines(network.check, made) == [said]
