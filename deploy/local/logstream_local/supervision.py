"""Everything that knows the supervisor (supervisord): its configuration, its remote calls, its start and end.

Only this module knows that supervisord runs the programs; the others speak of programs and states.
"""

import hashlib
import http.client
import json
import os
import shlex
import socket
import subprocess
import time
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logstream_local.errors import StackError
from logstream_local.folders import CHECKOUT, LOCAL, Folders, make_socket_folder, socket_path
from logstream_local.invoker import Invoker
from logstream_local.program import Program

_ENVIRONMENT = CHECKOUT / ".venv" / "bin"
_PATIENCE_S = 20
# Tried with growing pauses, some hours in all; `up` starts the counting anew.
_START_RETRIES = 150


@dataclass(frozen=True)
class ProgramState:
    """A program as the supervisor sees it. `state` is supervisord's word: RUNNING, STARTING, BACKOFF, STOPPED, FATAL.."""

    name: str
    state: str
    pid: int | None
    exit_status: int
    started_at_s: int
    description: str

    @property
    def is_alive(self) -> bool:
        return self.state in ("RUNNING", "STARTING", "STOPPING")

    @property
    def is_down(self) -> bool:
        return self.state in ("STOPPED", "EXITED", "FATAL", "UNKNOWN")


def launch_file(folders: Folders, program: str) -> Path:
    """The file launch.py reads for a program."""
    return folders.run / "programs" / f"{program}.json"


def launch_text(program: Program) -> str:
    """What launch.py needs to become the program, as JSON."""
    record: dict[str, Any] = {"argv": program.argv, "environment": program.environment, "folder": str(program.folder)}
    if program.memory_bytes:
        record["memory"] = {"group": str(program.memory_group), "bytes": program.memory_bytes}
    return json.dumps(record, indent=1, sort_keys=True)


def render(folders: Folders, invoker: Invoker, programs: list[Program]) -> str:
    """supervisord's configuration for these programs. Nothing starts by itself: `up` says what runs."""
    control = socket_path(folders, invoker)
    sections = [
        "[unix_http_server]",
        f"file = {control}",
        "chmod = 0700",
        f"chown = {invoker.uid}:{invoker.gid}",
        "",
        "[supervisord]",
        f"logfile = {folders.log('supervisord')}",
        "logfile_maxbytes = 5MB",
        "logfile_backups = 1",
        f"pidfile = {folders.run / 'supervisord.pid'}",
        "umask = 022",
        "user = root",
        "minfds = 4096",
        "",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
        "",
    ]
    for program in programs:
        sections += _render_program(folders, invoker, program)
    return "\n".join(sections)


def _render_program(folders: Folders, invoker: Invoker, program: Program) -> list[str]:
    command = [str(_ENVIRONMENT / "python"), "-I", "-S", str(LOCAL / "launch.py"), str(launch_file(folders, program.name))]
    # The fingerprint makes a program with other arguments, environment or settings a changed one: it is restarted, no other.
    everything = launch_text(program) + json.dumps(program.files, sort_keys=True)
    fingerprint = hashlib.sha256(everything.encode()).hexdigest()[:16]
    lines = [
        f"[program:{program.name}]",
        f"command = {shlex.join(command)}",
        f'environment = LAUNCH_FINGERPRINT="{fingerprint}"',
        "autostart = false",
        "autorestart = true",
        "startsecs = 1",
        f"startretries = {_START_RETRIES}",
        f"stopsignal = {program.stop_signal}",
        f"stopwaitsecs = {program.stop_wait_s}",
        "stopasgroup = false",
        "killasgroup = false",
        "redirect_stderr = true",
        f"stdout_logfile = {folders.log(program.name)}",
        "stdout_logfile_maxbytes = 20MB",
        "stdout_logfile_backups = 2",
        "",
    ]
    if not program.needs_root and not invoker.is_root:
        lines.insert(2, f"user = {invoker.name}")
    return lines


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_PATIENCE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> _UnixConnection:
        return _UnixConnection(self._path)


class Supervisor:
    """The running supervisord of one stack. Calls raise StackError when it does not answer."""

    def __init__(self, folders: Folders, invoker: Invoker) -> None:
        self._folders = folders
        self._invoker = invoker
        self._socket = socket_path(folders, invoker)

    @property
    def configuration(self) -> Path:
        return self._folders.run / "supervisord.conf"

    def _call(self, method: str, *arguments: object) -> Any:
        proxy = xmlrpc.client.ServerProxy("http://localhost", transport=_UnixTransport(self._socket))
        try:
            return getattr(proxy.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            raise StackError(f"the supervisor refuses {method} {arguments}: {fault.faultString}") from None
        except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
            raise StackError(f"the supervisor of stack {self._folders.name} does not respond: {error}") from None

    def answers(self) -> bool:
        """True when it runs and takes commands."""
        if not self._socket.exists():
            return False
        try:
            return bool(self._call("getState")["statename"] == "RUNNING")
        except StackError:
            return False

    def pid(self) -> int:
        """Its process id."""
        return int(self._call("getPID"))

    def launch(self) -> None:
        """Start supervisord in the background and wait until it answers. The configuration must have been written."""
        make_socket_folder(self._socket, self._invoker)
        self._socket.unlink(missing_ok=True)
        # Nothing of the caller's environment reaches the programs: a stack runs the same whoever starts it.
        environment = {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), "LANG": "C.UTF-8"}
        command = [str(_ENVIRONMENT / "supervisord"), "-c", str(self.configuration)]
        done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise StackError(f"the supervisor did not start: {done.stderr.strip() or done.stdout.strip()}")
        deadline = time.monotonic() + _PATIENCE_S
        while not self.answers():
            if time.monotonic() > deadline:
                raise StackError(f"the supervisor does not respond; see {self._folders.log('supervisord')}")
            time.sleep(0.05)

    def load(self) -> list[str]:
        """Read the configuration again: changed and removed programs are stopped. Returns the changed."""
        added, changed, removed = self._call("reloadConfig")[0]
        self.stop([*changed, *removed])
        for name in [*changed, *removed]:
            self._call("removeProcessGroup", name)
        for name in [*added, *changed]:
            self._call("addProcessGroup", name)
        return list(changed)

    def states(self) -> dict[str, ProgramState]:
        """State of every known program, by name."""
        return {
            entry["name"]: ProgramState(
                name=entry["name"],
                state=entry["statename"],
                pid=entry["pid"] or None,
                exit_status=entry["exitstatus"],
                started_at_s=entry["start"],
                description=entry["description"],
            )
            for entry in self._call("getAllProcessInfo")
        }

    def start(self, names: list[str]) -> None:
        """Start those that do not run; does not wait until they are usable."""
        states = self.states()
        for name in names:
            if states[name].state not in ("RUNNING", "STARTING"):
                if states[name].state == "BACKOFF":
                    # In its pause between two tries; starting anew needs a stop first.
                    self._call("stopProcess", name, True)
                self._call("startProcess", name, False)

    def stop(self, names: list[str]) -> None:
        """Stop programs together and wait until the last is gone (supervisord kills what outlasts its stop time)."""
        states = self.states()
        for name in names:
            if name in states and not states[name].is_down and states[name].state != "STOPPING":
                self._call("stopProcess", name, False)
        while any(not state.is_down for name, state in self.states().items() if name in names):
            time.sleep(0.05)

    def signal(self, name: str, signal_name: str) -> None:
        """Send a signal to the process of a program."""
        self._call("signalProcess", name, signal_name)

    def shut_down(self) -> None:
        """End supervisord itself and wait until its socket is gone."""
        self._call("shutdown")
        while self.answers() or self._socket.exists():
            time.sleep(0.05)
