"""Rules for pods."""

from typing import Any

import pytest
from helm_check.rules import pods
from made_up import GONE, added, body, changed, lines, render, set_at

POD = ("spec", "template", "spec")
CONTAINER = (*POD, "containers", 0)
SECURITY = (*CONTAINER, "securityContext")


def test_takes_the_good_one() -> None:
    assert lines(pods.check, render()) == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ((*POD, "hostNetwork"), True, "hostNetwork: must not be set: a restricted pod shares nothing with its node"),
        ((*POD, "hostPID"), True, "hostPID: must not be set: a restricted pod shares nothing with its node"),
        ((*POD, "hostIPC"), True, "hostIPC: must not be set: a restricted pod shares nothing with its node"),
        (
            (*POD, "automountServiceAccountToken"),
            GONE,
            "automountServiceAccountToken: must be false: no pod talks to Kubernetes",
        ),
        (
            (*POD, "securityContext", "runAsNonRoot"),
            GONE,
            "containers[0].securityContext.runAsNonRoot: must be true, here or in the pod",
        ),
        ((*SECURITY, "runAsNonRoot"), False, "containers[0].securityContext.runAsNonRoot: must be true, here or in the pod"),
        ((*SECURITY, "runAsUser"), 0, "containers[0].securityContext.runAsUser: must not be 0"),
        (
            (*POD, "securityContext", "runAsUser"),
            GONE,
            "containers[0].securityContext.runAsUser: must be set, here or in the pod",
        ),
        (
            (*POD, "securityContext", "seccompProfile"),
            GONE,
            "containers[0].securityContext.seccompProfile: must be of type RuntimeDefault, here or in the pod",
        ),
        (
            (*SECURITY, "seccompProfile"),
            {"type": "Unconfined"},
            "containers[0].securityContext.seccompProfile: must be of type RuntimeDefault, here or in the pod",
        ),
        (
            (*SECURITY, "appArmorProfile"),
            {"type": "Unconfined"},
            "containers[0].securityContext.appArmorProfile: must not be Unconfined",
        ),
        (
            (*SECURITY, "allowPrivilegeEscalation"),
            GONE,
            "containers[0].securityContext.allowPrivilegeEscalation: must be false",
        ),
        ((*SECURITY, "readOnlyRootFilesystem"), False, "containers[0].securityContext.readOnlyRootFilesystem: must be true"),
        ((*SECURITY, "privileged"), True, "containers[0].securityContext.privileged: must not be true"),
        ((*SECURITY, "procMount"), "Unmasked", "containers[0].securityContext.procMount: must be Default"),
        (
            (*SECURITY, "capabilities"),
            {"drop": ["NET_RAW"]},
            "containers[0].securityContext.capabilities.drop: must have ALL",
        ),
        (
            (*SECURITY, "capabilities", "add"),
            ["NET_BIND_SERVICE", "SYS_PTRACE"],
            "containers[0].securityContext.capabilities.add: must not have SYS_PTRACE",
        ),
        ((*CONTAINER, "ports", 0, "hostPort"), 8080, "containers[0].ports[0].hostPort: must not be set"),
        ((*CONTAINER, "resources", "requests", "cpu"), GONE, "containers[0].resources.requests.cpu: is missing"),
        ((*CONTAINER, "resources", "requests", "memory"), GONE, "containers[0].resources.requests.memory: is missing"),
        ((*CONTAINER, "resources", "limits"), GONE, "containers[0].resources.limits.memory: is missing"),
        ((*CONTAINER, "livenessProbe"), GONE, "containers[0].livenessProbe: is missing"),
        ((*CONTAINER, "readinessProbe"), GONE, "containers[0].readinessProbe: is missing"),
        (
            (*CONTAINER, "readinessProbe", "httpGet", "port"),
            "htpp",
            "containers[0].readinessProbe.httpGet.port: the container has no port htpp",
        ),
        (
            (*CONTAINER, "readinessProbe"),
            {"grpc": {"port": 4317}},
            "containers[0].readinessProbe.grpc.port: the container has no port 4317",
        ),
        ((*CONTAINER, "env", 2), {"name": "LOGSTREAM_LOG_LEVEL"}, "containers[0].env: sets LOGSTREAM_LOG_LEVEL 2 times"),
        (
            (*CONTAINER, "volumeMounts", 1),
            {"name": "tmp", "mountPath": "/tmp"},
            "containers[0].volumeMounts[1].name: the pod has no volume tmp",
        ),
        ((*POD, "volumes", 1), {"name": "tmp", "emptyDir": {}}, "volumes[1]: no container mounts tmp"),
        (
            (*POD, "securityContext", "sysctls"),
            [{"name": "net.ipv4.tcp_syncookies", "value": "1"}, {"name": "kernel.msgmax", "value": "1"}],
            "securityContext.sysctls[1]: kernel.msgmax is not among the safe ones",
        ),
    ],
)
def test_says_what_is_wrong(path: tuple[Any, ...], value: Any, said: str) -> None:
    assert lines(pods.check, changed("Deployment", "demo-query", *path, value)) == [
        f"Deployment demo-query: spec.template.spec.{said}"
    ]


def test_init_containers_are_held_to_it_but_for_probes() -> None:
    made = changed("Deployment", "demo-query", *POD, "initContainers", [{"name": "first", "image": "first:1"}])
    said = lines(pods.check, made)
    assert "Deployment demo-query: spec.template.spec.initContainers[0].resources.limits.memory: is missing" in said
    assert not any("Probe" in line for line in said)


def test_a_job_needs_no_probes() -> None:
    job = {**body("Deployment", "demo-query"), "apiVersion": "batch/v1", "kind": "Job"}
    for probe in ("livenessProbe", "readinessProbe"):
        set_at(job, (*CONTAINER, probe), GONE)
    assert lines(pods.check, added(job)) == []


def test_volumes_of_the_node_are_refused() -> None:
    said = lines(
        pods.check, changed("Deployment", "demo-query", *POD, "volumes", 0, {"name": "addresses", "hostPath": {"path": "/"}})
    )
    assert len(said) == 1
    assert said[0].startswith(
        "Deployment demo-query: spec.template.spec.volumes[0].hostPath: is a volume that a restricted pod may not"
    )
