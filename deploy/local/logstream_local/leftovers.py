"""Finds and ends what a crashed run of this stack left behind, and nothing else.

A process counts as ours only by what it holds, never by its name alone: a server by the data folder mounted in its root,
a service by the mark in its environment; and both also by the executable they run.
"""

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from logstream_local.folders import Folders
from logstream_local.terminal import say

# Put into the environment of every service.
MARK = "LOCAL_STACK"
_SERVER_EXECUTABLES = {
    "postgres",
    "beam.smp",
    "erl_child_setup",
    "inet_gethost",
    "epmd",
    "nginx",
    "redis-server",
    "redis-check-rdb",
}
_SERVICE_EXECUTABLES = ("python", "node")
_GRACE_S = 20.0


@dataclass(frozen=True)
class Leftover:
    """A process of this stack without a supervisor."""

    pid: int
    parent: int
    executable: str


def find_leftovers(folders: Folders, supervisor_pid: int | None = None) -> list[Leftover]:
    """Running processes of the stack that do not descend from its supervisor. Needs root to see the servers."""
    data = {identity for path in _subfolders(folders.data) if (identity := _identity(path))}
    mark = f"{MARK}={folders.top}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            executable = os.path.basename(os.readlink(process / "exe")).removesuffix(" (deleted)")
            parent = _parent(int(process.name))
            serves = executable in _SERVER_EXECUTABLES and _identity(process / "root" / "data") in data
            marked = executable.startswith(_SERVICE_EXECUTABLES) and mark in (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if (serves or marked) and not _descends(parent, supervisor_pid):
            found.append(Leftover(int(process.name), parent, executable))
    return found


def end_leftovers(folders: Folders, supervisor_pid: int | None = None) -> None:
    """Stop them: gently from the top process of each family, by force when that takes too long."""
    found = find_leftovers(folders, supervisor_pid)
    if not found:
        return
    say(f"stopping processes of an earlier run: {', '.join(f'{one.executable} ({one.pid})' for one in found)}")
    pids = {one.pid for one in found}
    for one in found:
        if one.parent not in pids:
            # PostgreSQL takes SIGTERM as "wait for every client to go".
            _send(one.pid, signal.SIGINT if one.executable == "postgres" else signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_S
    while (rest := find_leftovers(folders, supervisor_pid)) and time.monotonic() < deadline:
        time.sleep(0.2)
    for one in rest:
        _send(one.pid, signal.SIGKILL)
    while find_leftovers(folders, supervisor_pid):
        time.sleep(0.1)


def await_end(pid_file: Path) -> None:
    """Wait a little for a supervisord that was told to end: its socket goes before it does."""
    try:
        pid = int(pid_file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return
    deadline = time.monotonic() + _GRACE_S
    while Path(f"/proc/{pid}").exists() and _state(pid) != "Z" and time.monotonic() < deadline:
        time.sleep(0.05)


def end_stale_supervisor(configuration: Path, pid_file: Path) -> None:
    """End a supervisord of this configuration that no longer takes commands. Its programs become leftovers."""
    try:
        pid = int(pid_file.read_text(encoding="ascii"))
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return
    if os.fsencode(configuration) in command:
        say(f"stopping a supervisor that no longer responds ({pid})")
        _send(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}").exists() and _state(pid) != "Z":
            time.sleep(0.05)
    pid_file.unlink(missing_ok=True)


def _subfolders(path: Path) -> list[Path]:
    return [entry for entry in path.iterdir() if entry.is_dir()] if path.is_dir() else []


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _parent(pid: int) -> int:
    # The fields after the command's name, which may itself hold brackets and blanks: state, parent, ...
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _descends(pid: int, ancestor: int | None) -> bool:
    while ancestor is not None and pid > 1:
        if pid == ancestor:
            return True
        try:
            pid = _parent(pid)
        except OSError:
            return False
    return False


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
