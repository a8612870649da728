"""Every pod meets the Pod Security Standard "restricted" and a little more; every container has resources and probes."""

from collections import Counter
from collections.abc import Iterator

from helm_check.findings import Finding
from helm_check.manifests import Body, Pod, Render, at, items, mapping

# https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
_CAPABILITIES = {"NET_BIND_SERVICE"}
_SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_syncookies",
}
_SERVING = {"Deployment", "StatefulSet", "DaemonSet"}

Path = tuple[str | int, ...]


def check(render: Render) -> Iterator[Finding]:
    for pod in render.pods:
        for path, message in _pod(pod):
            yield Finding(pod.location("spec", *path), message, render.case)
        for path, container in pod.containers():
            for inner, message in [
                *_restricted(pod, container),
                *_sized(container),
                *_mounts(pod, container),
                *_names(container),
            ]:
                yield Finding(pod.document.location(*path, *inner), message, render.case)
        if pod.document.kind in _SERVING:
            for path, container in pod.containers(init=False):
                for probe in ("livenessProbe", "readinessProbe"):
                    if not mapping(container, probe):
                        yield Finding(pod.document.location(*path, probe), "is missing", render.case)


def _pod(pod: Pod) -> Iterator[tuple[Path, str]]:
    spec = pod.spec
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if at(spec, field):
            yield (field,), "must not be set: a restricted pod shares nothing with its node"
    if at(spec, "automountServiceAccountToken") is not False:
        yield ("automountServiceAccountToken",), "must be false: no pod talks to Kubernetes"
    for index, volume in enumerate(items(spec, "volumes")):
        for kind in set(volume) - {"name"} - _VOLUMES:
            yield (
                ("volumes", index, kind),
                f"is a volume that a restricted pod may not have; it may have {', '.join(sorted(_VOLUMES))}",
            )
    for index, sysctl in enumerate(items(spec, "securityContext", "sysctls")):
        if at(sysctl, "name") not in _SYSCTLS:
            yield ("securityContext", "sysctls", index), f"{at(sysctl, 'name')} is not among the safe ones"
    mounted = {at(mount, "name") for _, container in pod.containers() for mount in items(container, "volumeMounts")}
    for index, volume in enumerate(items(spec, "volumes")):
        if at(volume, "name") not in mounted:
            yield ("volumes", index), f"no container mounts {at(volume, 'name')}"


def _restricted(pod: Pod, container: Body) -> Iterator[tuple[Path, str]]:
    def effective(field: str) -> object:
        own = at(container, "securityContext", field)
        return own if own is not None else at(pod.spec, "securityContext", field)

    if effective("runAsNonRoot") is not True:
        yield ("securityContext", "runAsNonRoot"), "must be true, here or in the pod"
    if effective("runAsUser") == 0:
        yield ("securityContext", "runAsUser"), "must not be 0"
    # The kubelet cannot check an image's user by name, so runAsNonRoot would prevent the pod from starting.
    if effective("runAsUser") is None:
        yield ("securityContext", "runAsUser"), "must be set, here or in the pod"
    if at(effective("seccompProfile"), "type") != "RuntimeDefault":
        yield ("securityContext", "seccompProfile"), "must be of type RuntimeDefault, here or in the pod"
    if at(effective("appArmorProfile"), "type") == "Unconfined":
        yield ("securityContext", "appArmorProfile"), "must not be Unconfined"
    own = mapping(container, "securityContext")
    for field, wanted in (("allowPrivilegeEscalation", False), ("readOnlyRootFilesystem", True)):
        if own.get(field) is not wanted:
            yield ("securityContext", field), f"must be {str(wanted).lower()}"
    if own.get("privileged"):
        yield ("securityContext", "privileged"), "must not be true"
    if own.get("procMount", "Default") != "Default":
        yield ("securityContext", "procMount"), "must be Default"
    if "ALL" not in items(own, "capabilities", "drop"):
        yield ("securityContext", "capabilities", "drop"), "must have ALL"
    for name in items(own, "capabilities", "add"):
        if name not in _CAPABILITIES:
            yield ("securityContext", "capabilities", "add"), f"must not have {name}"
    for index, port in enumerate(items(container, "ports")):
        if at(port, "hostPort"):
            yield ("ports", index, "hostPort"), "must not be set"


def _sized(container: Body) -> Iterator[tuple[Path, str]]:
    # A CPU limit is not required: a throttled writer or gateway is slower than the machine, without any benefit.
    for path in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
        if not at(container, "resources", *path):
            yield ("resources", *path), "is missing"


def _mounts(pod: Pod, container: Body) -> Iterator[tuple[Path, str]]:
    volumes = {at(volume, "name") for volume in items(pod.spec, "volumes")}
    volumes |= {at(claim, "metadata", "name") for claim in items(pod.document.body, "spec", "volumeClaimTemplates")}
    for index, mount in enumerate(items(container, "volumeMounts")):
        if at(mount, "name") not in volumes:
            yield ("volumeMounts", index, "name"), f"the pod has no volume {at(mount, 'name')}"


def _names(container: Body) -> Iterator[tuple[Path, str]]:
    names = Counter(at(variable, "name") for variable in items(container, "env"))
    for name, count in names.items():
        if count > 1:
            yield ("env",), f"sets {name} {count} times"
    ports = {at(port, "name") for port in items(container, "ports")}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        for handler in ("httpGet", "tcpSocket"):
            port = at(container, probe, handler, "port")
            if isinstance(port, str) and port not in ports:
                yield (probe, handler, "port"), f"the container has no port {port}"
        # Kubernetes takes a number alone here, and the schema says so; that it is open is not said there.
        number = at(container, probe, "grpc", "port")
        if number is not None and number not in {at(port, "containerPort") for port in items(container, "ports")}:
            yield (probe, "grpc", "port"), f"the container has no port {number}"
