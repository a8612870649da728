"""What the stack knows about one program it runs, and about the stack a program is part of."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from logstream_local.folders import Folders
from logstream_local.invoker import Invoker
from logstream_local.ports import Ports
from logstream_local.state import Secrets, State

# Says None when the program is usable, otherwise what is missing yet. Must return within a few seconds.
Probe = Callable[[], str | None]

# Longer than the services' own shutdown deadline of 30 s: they must get to use it.
SERVICE_STOP_S = 40
SERVER_STOP_S = 90


@dataclass(frozen=True, kw_only=True)
class Stack:
    """One stack with everything its programs are made from."""

    folders: Folders
    state: State
    ports: Ports
    secrets: Secrets
    invoker: Invoker
    root: Path

    @property
    def name(self) -> str:
        return self.folders.name

    @property
    def database_url(self) -> str:
        return f"postgresql://logstream:{self.secrets.logstream}@127.0.0.1:{self.ports.postgres}/logstream"

    @property
    def superuser_url(self) -> str:
        return f"postgresql://postgres:{self.secrets.postgres}@127.0.0.1:{self.ports.postgres}/logstream"

    @property
    def rabbitmq_url(self) -> str:
        return f"amqp://logstream:{self.secrets.rabbitmq}@127.0.0.1:{self.ports.amqp}/%2F"

    @property
    def redis_url(self) -> str:
        return f"redis://127.0.0.1:{self.ports.redis}/0"


@dataclass(frozen=True)
class Program:
    """One supervised process. `service` names the group `logs`, `restart` and `--env` speak of."""

    name: str
    service: str
    argv: list[str]
    environment: dict[str, str]
    folder: Path
    probe: Probe
    # Port -> what it is for, in words fit for "port 17001 (PostgreSQL) is taken".
    ports: dict[int, str] = field(default_factory=dict)
    # Settings of a server, file name -> text; a change restarts it.
    files: dict[str, str] = field(default_factory=dict)
    # Folders a server reads, name beside its files -> where to copy it from at every start.
    trees: dict[str, Path] = field(default_factory=dict)
    # False: the caller's user; servers start as root and change to their own user inside the Debian root.
    needs_root: bool = False
    # Where to look at it: admin, metrics or page address.
    url: str | None = None
    stop_signal: str = "TERM"
    stop_wait_s: int = SERVICE_STOP_S
    ready_within_s: int = 120
    # Programs stop in ascending order of this, all of one value at once: senders first, servers last.
    stop_order: int = 0
    # 0: no limit. The group is the cgroup that it is in force in.
    memory_bytes: int = 0
    memory_group: Path = Path()
