"""Runs a stack on this machine through deploy/local/stack.py, under a name of its own and on free ports."""

import fcntl
import json
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.memory import compose_limits
from harness.services import DATABASE, EXAMPLES, PAGE, SERVICES
from harness.stack import Addresses
from harness.wire import ROOT

COMMAND = ("python3", str(ROOT / "deploy/local/stack.py"))
# The first `up` on a machine installs the servers.
UP_S = 800
COMMAND_S = 240
SESSIONS = 8
# What the local stack calls a program; with a number for each replica where there can be several.
PROGRAM = {DATABASE: "postgres", "writer": "writer-{}"}
PROGRAM_OF = {"postgres": DATABASE}

# As in containers; the servers have settings of their own for it.
LIMITED = frozenset({*(service.name for service in SERVICES), PAGE})

# Viewers are held against what was stored, record by record. The rate of a viewer has tests of its own, and so has the limit
# of size, which would depend on the machine.
OWN_SETTINGS = {("stream", "LOGSTREAM_STREAM_MAX_RATE"): "0", ("writer", "LOGSTREAM_RETENTION_BYTES"): "0"}


class LocalProvider:
    """The stack of the given name. Raises AssertionError with the command's own words when one fails."""

    shares_loopback = True

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock: int | None = None
        self._urls: dict[str, str] = {}

    def up(self) -> Addresses:
        self._take_name()
        self._run("clean", "--data")
        limits = [word for name, number in compose_limits(LIMITED).items() for word in ("--memory", f"{name}={number}")]
        print(self._run("up", *_wishes(OWN_SETTINGS), *limits, timeout_s=UP_S))
        return self.attach()

    def attach(self) -> Addresses:
        urls = self._info()["urls"]
        return Addresses(
            gateway=urls["gateway"],
            page_url=urls["page"],
            database_url=urls["database"],
            superuser_url=urls["database_superuser"],
            rabbitmq_url=urls["rabbitmq"],
            management_url=urls["rabbitmq_management"],
            redis_url=urls["redis"],
            broker_metrics_url=urls["rabbitmq_metrics"],
            otlp_url=urls.get("otlp", ""),
        )

    def down(self) -> None:
        self._run("clean", "--data")
        if self._lock is not None:
            os.close(self._lock)

    def admin_url(self, service: str, replica: int) -> str:
        name = _named(service, replica)
        if name not in self._urls:
            self._urls = {name: program["url"] for name, program in self._info()["programs"].items()}
        return self._urls[name]

    def memory_group(self, program: str, replica: int) -> Path:
        named = _named(program, replica)
        group = self._info()["programs"][named]["memory_group"]
        assert group, f"{named} has no memory limit in this stack: start it with --memory {program}=BYTES"
        return Path(group)

    def kill(self, program: str, number: signal.Signals, replica: int) -> None:
        self._run("kill", _named(program, replica), "--signal", number.name)

    def processes(self) -> Mapping[tuple[str, int], int]:
        found = {}
        for name, program in self._info()["programs"].items():
            service = PROGRAM_OF.get(program["service"], program["service"])
            number = name.removeprefix(f"{program['service']}-")
            found[service, int(number) if number.isdigit() else 1] = program["pid"] or 0
        return found

    def stop(self, program: str) -> None:
        self._run("stop", _named(program))

    def start(self, program: str) -> None:
        self._run("start", _named(program))

    def start_examples(self) -> None:
        self._run("up", "--only", *EXAMPLES, timeout_s=UP_S)

    def scale(self, service: str, replicas: int) -> None:
        self._run("scale", service, str(replicas))

    def set_environment(self, service: str, variables: Mapping[str, str | None]) -> None:
        wanted = {
            (service, name): OWN_SETTINGS.get((service, name)) if value is None else value
            for name, value in variables.items()
        }
        self._run("up", "--only", service, *_wishes(wanted))

    def rabbitmqctl(self, *arguments: str) -> None:
        self._run("rabbitmqctl", *arguments)

    def run_beside(self, server: str, *argv: str, given: bytes = b"") -> bytes:
        command = [*COMMAND, "--name", self._name, "exec", PROGRAM.get(server, server), *argv]
        done = subprocess.run(command, cwd=ROOT, input=given, capture_output=True, timeout=COMMAND_S, check=False)
        assert done.returncode == 0, f"{argv[0]}: exit status {done.returncode}\n{done.stderr.decode()[-3_000:]}"
        return done.stdout

    def _take_name(self) -> None:
        """Adds a number to the name that no other session of this checkout has now."""
        folder = ROOT / ".stack"
        folder.mkdir(exist_ok=True)
        for number in range(1, SESSIONS + 1):
            lock = os.open(folder / f"{self._name}-{number}.session", os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            self._lock, self._name = lock, f"{self._name}-{number}"
            return
        raise AssertionError(f"{SESSIONS} test sessions run in this checkout already")

    def _info(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._run("info", "--json"))
        return found

    def _run(self, *arguments: str, timeout_s: float = COMMAND_S) -> str:
        command = [*COMMAND, "--name", self._name, *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False)
        assert done.returncode == 0, f"{' '.join(command[1:])}: exit status {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout


def _wishes(settings: Mapping[tuple[str, str], str | None]) -> list[str]:
    """Options of the command, by service and variable; None takes one away."""
    wishes = (
        f"{service}:{name}" if value is None else f"{service}:{name}={value}" for (service, name), value in settings.items()
    )
    return [word for wish in wishes for word in ("--env", wish)]


def _named(program: str, replica: int = 1) -> str:
    return PROGRAM.get(program, program).format(replica)
