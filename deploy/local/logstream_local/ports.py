"""Which program listens where: one base port gives every port of a stack, so that stacks can run side by side."""

import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from logstream_local.errors import StackError

HOST = "127.0.0.1"
DEFAULT_STACK = "default"
DEFAULT_BASE = 17000
_DEFAULT_GATEWAY = 4317
_DEFAULT_PAGE = 3000
_DEFAULT_OTLP = 4318
# A stack's ports lie within this many from its base.
BLOCK = 40
MAX_WRITERS = 9


@dataclass(frozen=True)
class Ports:
    """The port plan of one stack. `gateway`, `page` and `otlp` are public and may lie outside the block."""

    base: int
    gateway: int
    page: int
    # OTLP over HTTP, of the gateway; over gRPC it is `gateway`.
    otlp: int

    @property
    def postgres(self) -> int:
        return self.base + 1

    @property
    def amqp(self) -> int:
        return self.base + 2

    @property
    def rabbitmq_management(self) -> int:
        return self.base + 3

    @property
    def epmd(self) -> int:
        return self.base + 4

    @property
    def erlang_distribution(self) -> int:
        return self.base + 5

    @property
    def redis(self) -> int:
        return self.base + 6

    @property
    def rabbitmq_prometheus(self) -> int:
        return self.base + 7

    @property
    def query(self) -> int:
        return self.base + 11

    @property
    def stream(self) -> int:
        return self.base + 12

    @property
    def gateway_admin(self) -> int:
        return self.base + 13

    def writer_admin(self, replica: int) -> int:
        """Admin port of writer `replica`, counted from 1 to MAX_WRITERS."""
        if not 1 <= replica <= MAX_WRITERS:
            raise StackError(f"writer {replica} has no port: the local stack has ports for writers 1 to {MAX_WRITERS}")
        return self.base + 20 + replica


def plan_ports(
    name: str,
    base: int | None = None,
    *,
    gateway: int | None = None,
    page: int | None = None,
    otlp: int | None = None,
) -> Ports:
    """The ports of stack `name`. The default stack has the well-known public ports, others have theirs in their block.

    Raises StackError for a port outside 1024..65535 or one of the public ports inside the block's private part.
    """
    if base is None:
        base = DEFAULT_BASE
    if name == DEFAULT_STACK:
        defaults = (_DEFAULT_GATEWAY, _DEFAULT_PAGE, _DEFAULT_OTLP)
    else:
        defaults = (base + 30, base + 31, base + 32)
    wished = (gateway, page, otlp)
    plan = Ports(base, *(default if port is None else port for port, default in zip(wished, defaults, strict=True)))
    if not 1024 <= base <= 65535 - BLOCK:
        raise StackError(f"base port {base}: expected 1024 to {65535 - BLOCK}")
    public = {"gateway": plan.gateway, "page": plan.page, "OTLP": plan.otlp}
    for label, port in public.items():
        if not 1 <= port <= 65535:
            raise StackError(f"{label} port {port}: expected 1 to 65535")
        if base < port < base + 30:
            raise StackError(
                f"{label} port {port} is one of the stack's own ports {base + 1} to {base + 29}; choose another"
            )
    for (one, port), (other, same) in combinations(public.items(), 2):
        if port == same:
            raise StackError(f"{one} and {other} cannot both have port {port}")
    return plan


def free_base(taken_bases: Iterable[int]) -> int:
    """A base port whose block overlaps no known stack's and has no listener, for a stack started without one."""
    known = set(taken_bases) | {DEFAULT_BASE}
    for base in range(DEFAULT_BASE + 100, 32000, 100):
        apart = all(abs(base - other) >= BLOCK for other in known)
        if apart and all(is_free(port) for port in range(base, base + BLOCK)):
            return base
    raise StackError("no free block of ports between 17100 and 32000; set one with --base-port")


def is_free(port: int) -> bool:
    """True when nothing listens on the port of the loopback address (a listener on all addresses counts too)."""
    with socket.socket() as probe:
        # Without this a port whose last connections are still winding down would look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Who listens on a port, for a message: 'nginx (process 812)', or '' when it cannot be told."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            # Field 1 is address:port in hex, 3 the state (0A listens), 9 the socket's inode.
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(descriptor) in inodes for descriptor in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
        except OSError:
            continue
    return ""
