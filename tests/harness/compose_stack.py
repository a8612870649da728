"""Runs a stack in Docker with `docker compose`. Needs the engine and the compose plugin; the images are built on the
way."""

import json
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.services import BROKER, CACHE, DATABASE, PAGE
from harness.stack import Addresses
from harness.wire import ROOT

UP_S = 1_800
COMMAND_S = 180
MANAGEMENT = 15_672
GRPC, HTTP, ADMIN = 4_317, 8_080, 9_464
# What each compose service listens on inside its container, as far as the tests need it.
PUBLISHED = {"gateway": (GRPC, ADMIN), "writer": (ADMIN,), "query": (HTTP,), "stream": (HTTP,), "dashboard": (HTTP,),
             DATABASE: (5_432,), BROKER: (5_672, MANAGEMENT), CACHE: (6_379,)}  # fmt: skip
ADMIN_PORT = {"gateway": ADMIN, "writer": ADMIN, "query": HTTP, "stream": HTTP}
COMPOSE_NAME = {PAGE: "dashboard"}
# What takes one port of the host each, the same through restarts; the others take any, asked for when needed.
LASTING = ("gateway", "dashboard", DATABASE, BROKER, CACHE)


class ComposeProvider:
    """A compose project of the given name, with every port published on free loopback ports by a layer of its own."""

    # A container does not reach a proxy on the test's loopback address.
    shares_loopback = False

    def __init__(self, name: str) -> None:
        self._name = name
        self._layer = Path(tempfile.gettempdir()) / f"{name}.compose.json"
        self._services: dict[str, Any] = {}

    def up(self) -> Addresses:
        self._services = {
            service: {"ports": [self._published(service, port) for port in ports]} for service, ports in PUBLISHED.items()
        }
        self._write_layer()
        self._compose("down", "--volumes", "--remove-orphans")
        self._compose("up", "--build", "--detach", "--wait", timeout_s=UP_S)
        return self._addresses()

    def attach(self) -> Addresses:
        self._services = json.loads(self._layer.read_text(encoding="utf-8"))["services"]
        return self._addresses()

    def down(self) -> None:
        self._compose("down", "--volumes", "--remove-orphans")
        self._layer.unlink(missing_ok=True)

    def admin_url(self, service: str, replica: int) -> str:
        return f"http://{self._host_port(service, ADMIN_PORT[service], replica)}"

    def kill(self, program: str, number: signal.Signals, replica: int) -> None:
        container = self._containers()[program, replica]
        self._run(["docker", "kill", "--signal", number.name, container])
        if number == signal.SIGKILL:
            # Docker takes a kill for an operator's wish and lets its restart policy rest.
            self._run(["docker", "start", container])

    def processes(self) -> Mapping[tuple[str, int], int]:
        containers = self._containers()
        told = self._run(["docker", "inspect", "--format", "{{.State.Pid}}", *containers.values()])
        return dict(zip(containers, map(int, told.split()), strict=True))

    def stop(self, program: str) -> None:
        self._compose("stop", COMPOSE_NAME.get(program, program))

    def start(self, program: str) -> None:
        self._compose("start", COMPOSE_NAME.get(program, program))

    def scale(self, service: str, replicas: int) -> None:
        self._compose("up", "--detach", "--no-deps", "--no-recreate", "--scale", f"{service}={replicas}", service)

    def set_environment(self, service: str, variables: Mapping[str, str | None]) -> None:
        environment = self._services[service].setdefault("environment", {})
        for name, value in variables.items():
            if value is None:
                environment.pop(name, None)
            else:
                environment[name] = value
        self._write_layer()
        self._compose("up", "--detach", "--no-deps", service)

    def _published(self, service: str, port: int) -> str:
        if service not in LASTING:
            return f"127.0.0.1::{port}"
        with socket.create_server(("127.0.0.1", 0)) as probe:
            return f"127.0.0.1:{probe.getsockname()[1]}:{port}"

    def _write_layer(self) -> None:
        self._layer.write_text(json.dumps({"services": self._services}, indent=1), encoding="utf-8")

    def _addresses(self) -> Addresses:
        writer = json.loads(self._compose("config", "--format", "json"))["services"]["writer"]["environment"]
        database_url = self._reached(writer["LOGSTREAM_DATABASE_URL"], DATABASE, 5_432)
        rabbitmq_url = self._reached(writer["LOGSTREAM_RABBITMQ_URL"], BROKER, 5_672)
        credentials = urlsplit(rabbitmq_url).netloc.rpartition("@")[0]
        return Addresses(
            gateway=self._host_port("gateway", GRPC),
            page_url=f"http://{self._host_port('dashboard', HTTP)}",
            database_url=database_url,
            superuser_url=database_url,  # the image makes its first user a superuser
            rabbitmq_url=rabbitmq_url,
            management_url=f"http://{credentials}@{self._host_port(BROKER, MANAGEMENT)}",
            redis_url=self._reached(writer["LOGSTREAM_REDIS_URL"], CACHE, 6_379),
        )

    def _reached(self, url: str, service: str, port: int) -> str:
        """A URL of the containers' network as it is reached from here."""
        parts = urlsplit(url)
        user, at, _ = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{user}{at}{self._host_port(service, port)}").geturl()

    def _host_port(self, service: str, port: int, replica: int = 1) -> str:
        return self._compose("port", "--index", str(replica), service, str(port)).strip()

    def _containers(self) -> dict[tuple[str, int], str]:
        """The container ids of every program and replica, running or not."""
        program_of = {service: program for program, service in COMPOSE_NAME.items()}
        found = {}
        for line in self._compose("ps", "--all", "--format", "{{.Service}} {{.Name}} {{.ID}}").splitlines():
            service, name, identity = line.split()
            found[program_of.get(service, service), int(name.rpartition("-")[2])] = identity
        return found

    def _compose(self, *arguments: str, timeout_s: float = COMMAND_S) -> str:
        files = ["--file", str(ROOT / "docker-compose.yml"), "--file", str(self._layer)]
        return self._run(["docker", "compose", "--project-name", self._name, *files, *arguments], timeout_s)

    def _run(self, command: list[str], timeout_s: float = COMMAND_S) -> str:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False)
        assert done.returncode == 0, f"{' '.join(command)}: exit status {done.returncode}\n{done.stderr[-3_000:]}"
        return done.stdout.strip()
