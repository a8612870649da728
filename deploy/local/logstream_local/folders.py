"""Where a stack keeps what it has: one folder a stack inside the checkout, and the machine-wide cache outside it."""

import fcntl
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from logstream_local.errors import StackError
from logstream_local.invoker import Invoker
from logstream_local.terminal import say

CHECKOUT = Path(__file__).resolve().parents[3]
LOCAL = CHECKOUT / "deploy" / "local"


@dataclass(frozen=True)
class Folders:
    """The folders of one stack. `data` outlives everything but `clean --data`."""

    name: str
    top: Path

    @property
    def data(self) -> Path:
        return self.top / "data"

    @property
    def logs(self) -> Path:
        return self.top / "log"

    @property
    def run(self) -> Path:
        """Generated configuration, rewritten by every `up`."""
        return self.top / "run"

    @property
    def state(self) -> Path:
        """What was asked of the stack last: ports, replicas, overrides."""
        return self.top / "state.json"

    @property
    def secrets(self) -> Path:
        """Passwords live and die with the data they open."""
        return self.data / "secrets.json"

    def log(self, program: str) -> Path:
        return self.logs / f"{program}.log"


def stack_folders(name: str) -> Folders:
    """The folders of the stack called `name`. Raises StackError for a name unfit for file and host names."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name):
        raise StackError(f"stack name {name!r}: expected a lower-case letter, then up to 30 letters, digits or hyphens")
    # In the supervisor's configuration these begin an expansion, a comment or another line.
    if any(sign in str(CHECKOUT) for sign in ("%", ";", "#", "\n")):
        raise StackError(
            f"the checkout's path {str(CHECKOUT)!r} holds a sign the supervisor cannot take: % ; # or a line end"
        )
    return Folders(name, CHECKOUT / ".stack" / name)


def all_stacks() -> list[str]:
    """Names of the checkout's stacks."""
    return sorted(path.parent.name for path in (CHECKOUT / ".stack").glob("*/state.json"))


def cache_folder(invoker: Invoker) -> Path:
    """The user's cache for things every clone can share."""
    base = os.environ.get("XDG_CACHE_HOME") or str(invoker.home / ".cache")
    return Path(base) / "logstream"


def socket_path(folders: Folders, invoker: Invoker) -> Path:
    """The supervisor's socket. Outside the checkout, because a socket's path is limited to 107 bytes."""
    digest = hashlib.sha256(os.fsencode(folders.top)).hexdigest()[:16]
    return Path(f"/run/logstream-{invoker.uid}") / f"{digest}.sock"


def make_socket_folder(path: Path, invoker: Invoker) -> None:
    """Create the private folder of the socket, or check that the one there is private. Raises StackError if not."""
    folder = path.parent
    if not folder.exists():
        folder.mkdir(mode=0o700)
        invoker.own(folder)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != invoker.uid or stat.S_IMODE(found.st_mode) != 0o700:
        raise StackError(f"{folder} is not a folder of user {invoker.name} with mode 0700; remove it and try again")


@contextmanager
def locked(path: Path, invoker: Invoker, waiting_for: str) -> Iterator[None]:
    """Hold an exclusive lock on a file; says what it waits for when another command holds it."""
    invoker.make_folder(path.parent)
    with path.open("a", encoding="utf-8") as file:
        invoker.own(path)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for {waiting_for}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
