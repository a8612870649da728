"""A running stack as the tests use it: addresses to talk to, and programs to break. It must not know how the stack is
run: that is the provider's part."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psycopg
import redis
import requests

from harness import memory
from harness.broker import Broker
from harness.history import get
from harness.metrics import read_metrics
from harness.services import BROKER, CACHE, DATABASE, EXAMPLES, PAGE, PROGRAMS, SERVICES
from harness.waiting import wait_for

READY_S = 120


@dataclass(frozen=True)
class Addresses:
    """Where a stack's programs are found from here. URLs hold their credentials."""

    gateway: str  # host:port
    page_url: str
    database_url: str
    superuser_url: str
    rabbitmq_url: str
    management_url: str
    redis_url: str
    broker_metrics_url: str = ""  # empty where it is not reached from here
    otlp_url: str = ""  # of OTLP over HTTP


class Provider(Protocol):
    """One way to run a stack. Programs are named as in harness.services; replicas are counted from 1."""

    @property
    def shares_loopback(self) -> bool:
        """Whether programs reach what a test listens with on its loopback address."""

    def up(self) -> Addresses:
        """Starts everything on empty data and waits until it is ready."""

    def attach(self) -> Addresses:
        """The addresses of a stack that runs already."""

    def down(self) -> None:
        """Ends everything and removes its data."""

    def admin_url(self, service: str, replica: int) -> str:
        """The base of a replica's /livez, /readyz and /metrics."""

    def memory_group(self, program: str, replica: int) -> Path:
        """The cgroup in which the memory limit of a replica is in force. Raises AssertionError where there is none."""

    def kill(self, program: str, number: signal.Signals, replica: int) -> None:
        """Returns once the signal is sent; a killed program is started again by what runs the stack."""

    def processes(self) -> Mapping[tuple[str, int], int]:
        """The process id of each program and replica, which names one run of it; 0 for one that does not run."""

    def stop(self, program: str) -> None:
        """Asks the program to end and waits until it has. It stays down."""

    def start(self, program: str) -> None:
        """Starts a stopped program; it need not be ready yet."""

    def start_examples(self) -> None:
        """Starts what harness.services.EXAMPLES lists; what is missing for it is installed first."""

    def scale(self, service: str, replicas: int) -> None:
        """Runs this many replicas; they need not be ready yet."""

    def rabbitmqctl(self, *arguments: str) -> None:
        """Tells the broker something by its own tool."""

    def run_beside(self, server: str, *argv: str, given: bytes = b"") -> bytes:
        """What a program of a server's prints when it runs on the server's machine as its administrator, `given` on its
        standard input."""

    def set_environment(self, service: str, variables: Mapping[str, str | None]) -> None:
        """Restarts a service with these variables; None takes one back to what it was."""


class Stack:
    """What the tests see. Every call that starts something returns when it is ready."""

    def __init__(self, provider: Provider, addresses: Addresses) -> None:
        self._provider = provider
        self.gateway = addresses.gateway
        self.otlp_url = addresses.otlp_url
        self.page_url = addresses.page_url
        self.database_url = addresses.database_url
        self.superuser_url = addresses.superuser_url
        self.rabbitmq_url = addresses.rabbitmq_url
        self.management_url = addresses.management_url
        self.redis_url = addresses.redis_url
        self.broker_metrics_url = addresses.broker_metrics_url
        self.shares_loopback = provider.shares_loopback
        self.broker = Broker(addresses.management_url)
        # A developer's stack may run only some of them.
        self._programs = [program for program in PROGRAMS if self.pid(program)]
        self._overridden: dict[str, dict[str, str]] = {}
        self._scaled: set[str] = set()

    def admin_url(self, service: str, replica: int = 1) -> str:
        return self._provider.admin_url(service, replica)

    def metrics(self, service: str, replica: int = 1) -> dict[str, float]:
        """Every sample of a replica: see harness.metrics."""
        return read_metrics(f"{self.admin_url(service, replica)}/metrics")

    def limit_bytes(self, program: str, replica: int = 1) -> int:
        """The memory that a replica may take, as docker-compose.yml says."""
        return memory.limit_bytes(self._provider.memory_group(program, replica))

    def peak_bytes(self, program: str, replica: int = 1) -> int:
        """The most memory that a replica has taken in this run of it, or since reset_peak."""
        return memory.peak_bytes(self._provider.memory_group(program, replica))

    def reset_peak(self, program: str, replica: int = 1) -> None:
        """Begins a new peak_bytes; may restart the program."""

        def restart() -> None:
            self.stop(program)
            self.start(program)

        memory.reset_peak(self._provider.memory_group(program, replica), restart)

    def unsettled(self) -> int:
        """Records' messages between gateway and store."""
        return self.broker.unsettled()

    def pid(self, program: str, replica: int = 1) -> int:
        """0 when it does not run."""
        return self._provider.processes().get((program, replica), 0)

    def pids(self) -> dict[str, int]:
        """The process id of everything that runs; of replicas after the first as `writer 2`."""
        found = self._provider.processes().items()
        return {program if replica == 1 else f"{program} {replica}": pid for (program, replica), pid in found if pid}

    def kill(self, program: str, number: signal.Signals = signal.SIGKILL, replica: int = 1) -> None:
        """Sends a signal; after SIGKILL returns once the program that ran is gone."""
        before = self.pid(program, replica)
        assert before, f"{program} {replica} does not run, so it can't be killed"
        self._provider.kill(program, number, replica)
        if number == signal.SIGKILL:
            wait_for(f"the killed {program} to be gone", lambda: self.pid(program, replica), lambda pid: pid != before)

    def stop(self, program: str) -> None:
        self._provider.stop(program)

    def start(self, program: str) -> None:
        self._provider.start(program)
        self.wait_ready(program)

    @contextmanager
    def examples(self) -> Iterator[None]:
        """The example services, logging."""
        self._provider.start_examples()
        try:
            yield
        finally:
            for name in EXAMPLES:
                self._provider.stop(name)

    def scale(self, service: str, replicas: int) -> None:
        self._scaled.add(service)
        self._provider.scale(service, replicas)
        for replica in range(1, replicas + 1):
            self.wait_ready(service, replica)

    def run_beside(self, server: str, *argv: str, given: bytes = b"") -> bytes:
        """What a program of a server's prints when it runs on the server's machine as its administrator, such as pg_dump."""
        return self._provider.run_beside(server, *argv, given=given)

    @contextmanager
    def environment(self, service: str, variables: Mapping[str, str]) -> Iterator[None]:
        """The service with these variables in its environment, restarted before and after. One may be within another."""
        in_force = self._overridden.setdefault(service, {})
        before = {name: in_force.get(name) for name in variables}
        in_force.update(variables)
        self._provider.set_environment(service, variables)
        self.wait_ready(service)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    in_force.pop(name, None)
                else:
                    in_force[name] = value
            self._provider.set_environment(service, before)
            self.wait_ready(service)

    @contextmanager
    def blocked_broker(self) -> Iterator[None]:
        """The broker with a memory alarm: it stops every connection that publishes."""
        self._provider.rabbitmqctl("set_vm_memory_high_watermark", "0")
        try:
            yield
        finally:
            self._provider.rabbitmqctl("set_vm_memory_high_watermark", "0.4")

    def restore(self) -> None:
        """Takes back what a test changed and waits until every program is ready."""
        for service in list(self._overridden):
            self._take_back(service)
        while self._scaled:
            self._provider.scale(self._scaled.pop(), 1)
        running = self._provider.processes()
        for program in self._programs:
            if not running.get((program, 1)):
                self._provider.start(program)
        for program in self._programs:
            self.wait_ready(program)

    def wait_ready(self, program: str, replica: int = 1) -> None:
        """Waits until a program is usable, as its own clients see it."""
        wait_for(
            f"{program} {replica} to be ready",
            lambda: self._not_ready(program, replica),
            lambda problem: problem is None,
            timeout_s=READY_S,
            tolerate=(OSError, requests.RequestException, psycopg.OperationalError, redis.RedisError),
        )

    def _not_ready(self, program: str, replica: int) -> str | None:
        if program in {service.name for service in SERVICES}:
            answer = get(f"{self.admin_url(program, replica)}/readyz")
            return None if answer.status_code == 200 else answer.text
        if program == PAGE:
            return None if get(self.page_url).status_code == 200 else "no page"
        if program == DATABASE:
            psycopg.connect(self.database_url, connect_timeout=5).close()
        elif program == BROKER:
            self.broker.unsettled()
        elif program == CACHE:
            with redis.Redis.from_url(self.redis_url, socket_timeout=5) as client:
                client.ping()
        return None

    def _take_back(self, service: str) -> None:
        names = self._overridden.pop(service, {})
        if names:
            self._provider.set_environment(service, dict.fromkeys(names))
