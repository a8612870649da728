"""Runs the pods of rendered manifests as containers of a Docker engine, one replica each: user, groups, read-only file
system, capabilities, environment, arguments, volumes, memory limit, probes and grace period are those of the manifest. It is
no Kubernetes: network policies, scheduling and disruption budgets are not looked at, and persistent volumes are memory.
"""

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import requests
from grpc_health.v1 import health_pb2, health_pb2_grpc

Manifest = dict[str, Any]

_POLL_S = 0.5
_MEBIBYTES = {"Mi": 1, "Gi": 1024}


class PodFailed(Exception):
    """A pod that did not become ready, or did not end as it should; with the end of its log."""


@dataclass(frozen=True)
class Pod:
    """A container of the engine and the manifest it was made of."""

    name: str
    container: Manifest
    grace_s: int

    @property
    def address(self) -> str:
        """The address that the host reaches it by."""
        shown = docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", self.name)
        return shown.strip()

    def port(self, name: str | int) -> int:
        if isinstance(name, int):
            return name
        return next(int(port["containerPort"]) for port in self.container["ports"] if port["name"] == name)

    def log(self) -> str:
        done = subprocess.run(
            ["docker", "logs", "--tail", "15", self.name],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )
        return done.stdout


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise PodFailed(f"docker {arguments[0]} {arguments[1:4]}: {done.stderr.strip()}")
    return done.stdout


class Pods:
    """The pods of one release, between start() and close(). `folder` holds the files of ConfigMaps and Secrets; `writable`
    names more folders of a container in which its image writes, by container.
    """

    def __init__(
        self, manifests: Sequence[Manifest], network: str, folder: Path, writable: Mapping[str, Sequence[str]]
    ) -> None:
        self._manifests = manifests
        self._network = network
        self._folder = folder
        self._writable = writable
        self.pods: dict[str, Pod] = {}

    def start(self) -> None:
        """Starts every pod, in the order of the manifests, which means nothing."""
        docker("network", "create", self._network)
        for manifest in self._manifests:
            if manifest["kind"] in ("Deployment", "StatefulSet"):
                self._start(manifest)

    def wait(self, within_s: float) -> None:
        """Until each pod's readiness probe succeeds; raises PodFailed naming those that ended or are late."""
        deadline = time.monotonic() + within_s
        while waiting := [pod for pod in self.pods.values() if not self._ready(pod)]:
            if ended := [pod for pod in waiting if not self._running(pod)]:
                raise PodFailed("".join(f"{pod.name} ended by itself:\n{pod.log()}\n" for pod in ended))
            if time.monotonic() > deadline:
                raise PodFailed("".join(f"{pod.name} is not ready after {within_s} s:\n{pod.log()}\n" for pod in waiting))
            time.sleep(_POLL_S)

    def probe(self, pod: Pod, kind: str) -> bool:
        """Whether the pod's `readinessProbe` or `livenessProbe` succeeds now."""
        return _succeeds(pod, pod.container[kind])

    def stop(self, name: str) -> int:
        """Ends a pod as Kubernetes does, after its pause, and answers the exit status; 137 when it had to be killed."""
        pod = self.pods[name]
        docker("stop", "--time", str(pod.grace_s), pod.name)
        return int(docker("inspect", "--format", "{{.State.ExitCode}}", pod.name))

    def close(self) -> None:
        for pod in self.pods.values():
            subprocess.run(["docker", "rm", "--force", pod.name], capture_output=True, check=False)
        subprocess.run(["docker", "network", "rm", self._network], capture_output=True, check=False)

    def _running(self, pod: Pod) -> bool:
        return docker("inspect", "--format", "{{.State.Running}}", pod.name).strip() == "true"

    def _ready(self, pod: Pod) -> bool:
        return self._running(pod) and self.probe(pod, "readinessProbe")

    def _start(self, manifest: Manifest) -> None:
        name = f"{self._network}-{manifest['metadata']['name']}"
        spec = manifest["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        claims = {claim["metadata"]["name"] for claim in manifest["spec"].get("volumeClaimTemplates", [])}
        user, group = spec["securityContext"]["runAsUser"], spec["securityContext"]["fsGroup"]
        environment = self._environment(container)
        arguments = ["run", "--detach", "--name", name, "--network", self._network, "--user", f"{user}:{group}"]
        arguments += ["--restart", "on-failure"] if manifest["kind"] == "Deployment" else []
        if manifest["kind"] == "StatefulSet":
            arguments += ["--hostname", f"{manifest['metadata']['name']}-0"]
        arguments += _security(container["securityContext"])
        arguments += [f"--memory={_bytes(container['resources']['limits']['memory'])}"]
        for alias in self._aliases(manifest["spec"]["template"]["metadata"]["labels"]):
            arguments += ["--network-alias", alias]
        for variable, value in environment.items():
            arguments += ["--env", f"{variable}={value}"]
        for path in self._writable.get(container["name"], ()):
            arguments += _memory(path, user, group, "1m")
        for mount in container["volumeMounts"]:
            arguments += self._mount(name, mount, volumes, claims, user, group)
        command = [*container.get("command", []), *container.get("args", [])]
        docker(*arguments, container["image"], *(_expanded(word, environment) for word in command))
        self.pods[manifest["metadata"]["labels"]["app.kubernetes.io/component"]] = Pod(
            name, container, spec["terminationGracePeriodSeconds"]
        )

    def _aliases(self, labels: Manifest) -> Iterator[str]:
        """The names of the Services that select a pod with these labels."""
        for service in self._of("Service"):
            if service["spec"]["selector"].items() <= labels.items():
                metadata = service["metadata"]
                yield metadata["name"]
                yield f"{metadata['name']}.{metadata['namespace']}.svc.cluster.local"

    def _environment(self, container: Manifest) -> dict[str, str]:
        variables = {}
        for variable in container.get("env", []):
            if "value" in variable:
                variables[variable["name"]] = variable["value"]
            else:
                reference = variable["valueFrom"]["secretKeyRef"]
                variables[variable["name"]] = self._data("Secret", reference["name"])[reference["key"]]
        return variables

    def _mount(
        self, pod: str, mount: Manifest, volumes: dict[str, Manifest], claims: set[str], user: int, group: int
    ) -> list[str]:
        path = mount["mountPath"]
        volume = {} if mount["name"] in claims else volumes[mount["name"]]
        if mount["name"] in claims or "emptyDir" in volume:
            size = "1g" if mount["name"] in claims else f"{_bytes(volume['emptyDir']['sizeLimit'])}"
            return _memory(path, user, group, size)
        folder = self._folder / pod / mount["name"]
        if not folder.exists():
            self._fill(folder, volume, group)
        source = folder / mount["subPath"] if "subPath" in mount else folder
        return ["--volume", f"{source}:{path}:ro"]

    def _fill(self, folder: Path, volume: Manifest, group: int) -> None:
        """Files as kubelet makes them: of root, and of the pod's group."""
        folder.mkdir(parents=True)
        if "configMap" in volume:
            mode = volume["configMap"].get("defaultMode", 0o644)
            files = self._data("ConfigMap", volume["configMap"]["name"])
        else:
            mode = volume["projected"]["defaultMode"]
            files = {
                item["path"]: self._data("Secret", source["secret"]["name"])[item["key"]]
                for source in volume["projected"]["sources"]
                for item in source["secret"]["items"]
            }
        for name, text in files.items():
            (folder / name).write_text(text)
            (folder / name).chmod(mode)
            os.chown(folder / name, 0, group)

    def _data(self, kind: str, name: str) -> dict[str, str]:
        found = next(manifest for manifest in self._of(kind) if manifest["metadata"]["name"] == name)
        return dict(found["stringData" if kind == "Secret" else "data"])

    def _of(self, kind: str) -> Iterator[Manifest]:
        return (manifest for manifest in self._manifests if manifest["kind"] == kind)


def _memory(path: str, user: int, group: int, size: str) -> list[str]:
    return ["--tmpfs", f"{path}:uid={user},gid={group},mode=0770,size={size}"]


def _security(context: Manifest) -> list[str]:
    arguments = [f"--cap-drop={name}" for name in context["capabilities"]["drop"]]
    if context["readOnlyRootFilesystem"]:
        arguments.append("--read-only")
    if not context["allowPrivilegeEscalation"]:
        arguments.append("--security-opt=no-new-privileges:true")
    return arguments


def _bytes(quantity: str) -> int:
    number, unit = quantity[:-2], quantity[-2:]
    return int(number) * _MEBIBYTES[unit] * 1024 * 1024


def _expanded(word: str, environment: dict[str, str]) -> str:
    """$(NAME) as Kubernetes expands it in arguments."""
    return re.sub(r"\$\((\w+)\)", lambda found: environment.get(found[1], found[0]), word)


def _succeeds(pod: Pod, probe: Manifest) -> bool:
    timeout_s = probe.get("timeoutSeconds", 1)
    if "exec" in probe:
        done = subprocess.run(["docker", "exec", pod.name, *probe["exec"]["command"]], capture_output=True, check=False)
        return done.returncode == 0
    try:
        if "httpGet" in probe:
            url = f"http://{pod.address}:{pod.port(probe['httpGet']['port'])}{probe['httpGet']['path']}"
            return requests.get(url, timeout=timeout_s).status_code < 400
        if "grpc" in probe:
            with grpc.insecure_channel(f"{pod.address}:{probe['grpc']['port']}") as channel:
                answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=timeout_s)
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
        with socket.create_connection((pod.address, pod.port(probe["tcpSocket"]["port"])), timeout_s):
            return True
    except (requests.RequestException, grpc.RpcError, OSError):
        return False


def manifests_of(rendered: str) -> list[Manifest]:
    """The manifests of a JSON array, as `python -m helm_check.render` prints it."""
    return [manifest for manifest in json.loads(rendered) if manifest]
