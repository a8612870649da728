"""Rules for names, labels and selectors."""

from helm_check.findings import Finding
from helm_check.manifests import Render
from helm_check.rules import naming
from made_up import GONE, added, body, changed, lines, render

LABELS = ("metadata", "labels")
SELECTOR = "Deployment demo-query: spec.selector"


def test_takes_the_good_one() -> None:
    assert lines(naming.check, render()) == []


def test_nothing_is_there_twice() -> None:
    assert lines(naming.check, added(body("ConfigMap", "demo-files"))) == ["ConfigMap demo-files: exists 2 times"]


def test_names_are_short_enough() -> None:
    [said] = lines(naming.check_names, changed("ConfigMap", "demo-files", "metadata", "name", "a" * 64))
    assert said.endswith("metadata.name: has 64 characters with the release name demo, more than 63")
    [said] = lines(naming.check_names, changed("StatefulSet", "demo-database", "metadata", "name", "a" * 53))
    assert said.endswith("metadata.name: has 53 characters with the release name demo, more than 52")


def test_names_are_names_of_the_network() -> None:
    said = (
        "ConfigMap demo-: metadata.name: may contain only lower-case letters, digits and -, and must not start or end with -"
    )
    assert lines(naming.check_names, changed("ConfigMap", "demo-files", "metadata", "name", "demo-")) == [said]


def test_labels_hold_what_a_label_may() -> None:
    made = changed("ConfigMap", "demo-files", *LABELS, "team", "a team")
    assert lines(naming.check_names, made) == [
        "ConfigMap demo-files: metadata.labels.team: a team cannot be a label's value"
    ]


def test_labels_are_there() -> None:
    made = changed("ConfigMap", "demo-files", *LABELS, "helm.sh/chart", GONE)
    assert lines(naming.check, made) == ["ConfigMap demo-files: metadata.labels: lacks helm.sh/chart"]
    made = changed("ConfigMap", "demo-files", *LABELS, "app.kubernetes.io/instance", "logs")
    assert lines(naming.check, made) == [
        "ConfigMap demo-files: metadata.labels: has another app.kubernetes.io/instance than the release, demo"
    ]


def test_everything_is_in_the_release_s_namespace() -> None:
    made = changed("ConfigMap", "demo-files", "metadata", "namespace", "default")
    assert lines(naming.check, made) == ["ConfigMap demo-files: metadata.namespace: is default, not the release's, logging"]
    role = {**body("ConfigMap", "demo-files"), "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}
    assert lines(naming.check, added(role)) == ["ClusterRole demo-files: is cluster-wide; two releases would conflict"]


def test_a_selector_matches_its_pods_and_no_others() -> None:
    matched = ("spec", "selector", "matchLabels")
    made = changed("Deployment", "demo-query", *matched, "app.kubernetes.io/component", "page")
    assert lines(naming.check, made) == [
        f"{SELECTOR}: app.kubernetes.io/component: page does not match the pods' label, query"
    ]
    made = changed("Deployment", "demo-query", *matched, {"app.kubernetes.io/instance": "demo"})
    assert f"{SELECTOR}: selects the pods of Deployment demo-worker too" in lines(naming.check, made)
    made = changed("Deployment", "demo-query", *matched, {})
    assert lines(naming.check, made) == [f"{SELECTOR}: has no matchLabels"]


def test_a_selector_has_nothing_that_a_release_changes() -> None:
    made = changed("Deployment", "demo-query", "spec", "selector", "matchLabels", "helm.sh/chart", "logstream-0.1.0")
    said = f"{SELECTOR}: has helm.sh/chart, which a release changes; a selector can't be changed"
    assert said in lines(naming.check, made)


def test_pods_say_their_component() -> None:
    made = changed("Deployment", "demo-query", "spec", "template", *LABELS, "app.kubernetes.io/component", GONE)
    said = "Deployment demo-query: spec.template.metadata.labels: lacks app.kubernetes.io/component"
    assert said in lines(naming.check, made)


def test_pods_carry_the_release() -> None:
    made = changed("Deployment", "demo-query", "spec", "template", *LABELS, "app.kubernetes.io/instance", GONE)
    said = "Deployment demo-query: spec.template.metadata.labels: lacks app.kubernetes.io/instance"
    assert said in lines(naming.check, made)


def test_a_job_has_no_selector() -> None:
    job = {**body("Deployment", "demo-query"), "apiVersion": "batch/v1", "kind": "Job"}
    del job["spec"]["selector"]
    assert not any(line.startswith("Job") for line in lines(naming.check, added(job)))


def test_what_the_user_wrote_is_the_user_s() -> None:
    more = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n"
    made = Render(
        case="ci-more", release="demo", namespace="logging", values={}, texts={"templates/extra-objects.yaml": more}
    )
    assert lines(naming.check, made) == []
    assert list(naming.check_apart(made, made)) == []


def test_a_name_given_by_the_user_may_be_shared() -> None:
    made = render(values={"fullnameOverride": "logs"})
    assert list(naming.check_apart(made, made)) == []


def test_two_releases_are_apart() -> None:
    findings = list(naming.check_apart(render(), render()))
    assert (
        Finding(
            "templates/all.yaml: ConfigMap demo-files: metadata.name",
            "is the same for every release in a namespace",
            "defaults",
        )
        in findings
    )
    said = "is selected by another release's Deployment demo-query"
    assert Finding("templates/all.yaml: Deployment demo-query: spec.template.metadata.labels", said, "defaults") in findings
