"""Runs a stack in Docker with `docker compose`: what docker-compose.yml describes, plus a layer that publishes every port on
loopback. It must not change what runs in the containers."""

import json
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.services import BROKER, CACHE, DATABASE, EXAMPLES, PROGRAMS
from harness.stack import Addresses
from harness.wire import ROOT

# Images are built on the way.
UP_S = 1_800
COMMAND_S = 300
MANAGEMENT, HTTP, ADMIN = 15_672, 8_080, 9_464
# What docker-compose.yml does not publish: the servers on ports that stay theirs through restarts, the replicas' on any.
SERVERS = {DATABASE: (5_432,), BROKER: (5_672, MANAGEMENT), CACHE: (6_379,)}
ADMIN_PORT = {"gateway": ADMIN, "writer": ADMIN, "query": HTTP, "stream": HTTP}
# The tests see every record, and through the engine's proxy all of their viewers have one address.
OWN_SETTINGS = {
    "stream": {"LOGSTREAM_STREAM_MAX_RATE": "0", "LOGSTREAM_STREAM_VIEWERS_PER_CLIENT": "0"},
    "writer": {"LOGSTREAM_RETENTION_BYTES": "0"},
}


class ComposeProvider:
    """A compose project of the given name. Raises AssertionError with the command's own words when one fails."""

    # A container does not reach a proxy on the test's loopback address.
    shares_loopback = False

    def __init__(self, name: str) -> None:
        self._name = name
        self._layer = Path(tempfile.gettempdir()) / f"{name}.compose.json"
        self._services: dict[str, dict[str, Any]] = {}
        self._public: dict[str, int] = {}

    def up(self) -> Addresses:
        self._public = {name: free_port() for name in ("GATEWAY_PORT", "OTLP_PORT", "PAGE_PORT")}
        # The servers' own network is closed to the outside, so their ports are published on the other one.
        self._services = {
            name: {"ports": [f"127.0.0.1:{free_port()}:{port}" for port in ports], "networks": ["data", "edge"]}
            for name, ports in SERVERS.items()
        }
        for name, port in ADMIN_PORT.items():
            self._services[name] = {"ports": [f"127.0.0.1::{port}"], "networks": ["data", "edge"]}
        for name, settings in OWN_SETTINGS.items():
            self._services[name]["environment"] = dict(settings)
        self._write_layer()
        self._run([str(ROOT / "deploy/compose/env")])
        self._compose("down", "--volumes", "--remove-orphans")
        self._compose("up", "--build", "--detach", "--wait", *PROGRAMS, timeout_s=UP_S)
        return self._addresses()

    def attach(self) -> Addresses:
        kept = json.loads(self._layer.read_text(encoding="utf-8"))
        self._services, self._public = kept["services"], kept["x-public"]
        return self._addresses()

    def down(self) -> None:
        self._compose("down", "--volumes", "--remove-orphans")
        self._layer.unlink(missing_ok=True)

    def admin_url(self, service: str, replica: int) -> str:
        return f"http://{self._published(service, ADMIN_PORT[service], replica)}"

    def memory_group(self, program: str, replica: int) -> Path:
        raise AssertionError(
            f"the memory of {program} {replica} is not read through Docker: run this test on the local stack"
        )

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
        self._compose("stop", program)

    def start(self, program: str) -> None:
        self._compose("start", program)

    def start_examples(self) -> None:
        self._compose("up", "--build", "--detach", "--no-deps", *EXAMPLES, timeout_s=UP_S)

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

    def rabbitmqctl(self, *arguments: str) -> None:
        self._compose("exec", "-T", BROKER, "rabbitmqctl", *arguments)

    def run_beside(self, server: str, *argv: str, given: bytes = b"") -> bytes:
        # PostgreSQL's programs would log in as root, who is none of its users.
        command = ["docker", "exec", "--interactive", "--env", "PGUSER=postgres", self._containers()[server, 1], *argv]
        done = subprocess.run(command, input=given, capture_output=True, timeout=COMMAND_S, check=False)
        assert done.returncode == 0, f"{argv[0]}: exit status {done.returncode}\n{done.stderr.decode()[-3_000:]}"
        return done.stdout

    def _write_layer(self) -> None:
        layer = {"services": self._services, "x-public": self._public}
        self._layer.write_text(json.dumps(layer, indent=1), encoding="utf-8")

    def _addresses(self) -> Addresses:
        services = json.loads(self._compose("config", "--format", "json"))["services"]
        inside = services["writer"]["environment"]
        database_url = self._reached(inside["LOGSTREAM_DATABASE_URL"], DATABASE, 5_432)
        rabbitmq_url = self._reached(inside["LOGSTREAM_RABBITMQ_URL"], BROKER, 5_672)
        superuser = f"postgres:{services[DATABASE]['environment']['POSTGRES_PASSWORD']}"
        return Addresses(
            gateway=f"127.0.0.1:{self._public['GATEWAY_PORT']}",
            page_url=f"http://127.0.0.1:{self._public['PAGE_PORT']}",
            database_url=database_url,
            superuser_url=_with_user(database_url, superuser),
            rabbitmq_url=rabbitmq_url,
            management_url=f"http://{_user(rabbitmq_url)}@{self._published(BROKER, MANAGEMENT)}",
            redis_url=self._reached(inside["LOGSTREAM_REDIS_URL"], CACHE, 6_379),
            otlp_url=f"http://127.0.0.1:{self._public['OTLP_PORT']}",
        )

    def _reached(self, url: str, service: str, port: int) -> str:
        """A URL of the containers' network as it is reached from here."""
        return urlsplit(url)._replace(netloc=f"{_user(url)}@{self._published(service, port)}").geturl()

    def _published(self, service: str, port: int, replica: int = 1) -> str:
        return self._compose("port", "--index", str(replica), service, str(port))

    def _containers(self) -> dict[tuple[str, int], str]:
        """The container ids of every program and replica, running or not."""
        found = {}
        for line in self._compose("ps", "--all", "--format", "{{.Service}} {{.Name}} {{.ID}}").splitlines():
            service, name, identity = line.split()
            found[service, int(name.rpartition("-")[2])] = identity
        return found

    def _compose(self, *arguments: str, timeout_s: float = COMMAND_S) -> str:
        files = [ROOT / "docker-compose.yml", ROOT / "deploy/compose/examples.yml", self._layer]
        layers = [word for file in files for word in ("--file", str(file))]
        return self._run(["docker", "compose", "--project-name", self._name, *layers, *arguments], timeout_s)

    def _run(self, command: list[str], timeout_s: float = COMMAND_S) -> str:
        environment = (
            os.environ | {name: str(port) for name, port in self._public.items()} | {"LOGSTREAM_IMAGE_TAG": self._name}
        )
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False
        )
        assert done.returncode == 0, f"{' '.join(command)}: exit status {done.returncode}\n{done.stderr[-3_000:]}"
        return done.stdout.strip()


def free_port() -> int:
    """A port of loopback that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _user(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[0]


def _with_user(url: str, user: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{user}@{parts.netloc.rpartition('@')[2]}").geturl()
