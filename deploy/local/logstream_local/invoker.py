"""For whom a command works, and how it gets root where it must have it.

Mount namespaces, the Debian root and the servers' own users need root. Files, the virtual environment and logstream's
own services belong to whoever called: root itself, or the user behind sudo.
"""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from logstream_local.errors import StackError
from logstream_local.terminal import say

_DOCKER_HINT = "With Docker installed, `docker compose up` starts the same system."
# Variables the re-executed command still needs; sudo clears the rest.
_KEPT_VARIABLES = (
    "PATH",
    "XDG_CACHE_HOME",
    "LOGSTREAM_DEBIAN_MIRROR",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "SSL_CERT_FILE",
)


@dataclass(frozen=True)
class Invoker:
    """The user who owns what a command makes."""

    uid: int
    gid: int
    name: str
    home: Path

    @property
    def is_root(self) -> bool:
        """True when root works for itself; nothing has to be handed over then."""
        return self.uid == 0

    def own(self, path: Path) -> None:
        """Hand a file or folder made by root to the user."""
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def make_folder(self, path: Path, mode: int = 0o755) -> Path:
        """Create a folder with its parents, each owned by the user."""
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=mode if folder == path else 0o755, exist_ok=True)
            self.own(folder)
        return path

    def write(self, path: Path, text: str, mode: int = 0o644) -> None:
        """Replace a file in one step: readers see the old text or the new, never half of it."""
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, mode)
        self.own(temporary)
        temporary.replace(path)

    def run(
        self, argv: Sequence[str], *, folder: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as the user; its output goes to stderr. Raises CalledProcessError when it fails."""
        switched = (
            {}
            if os.geteuid() == self.uid
            else {"user": self.uid, "group": self.gid, "extra_groups": os.getgrouplist(self.name, self.gid)}
        )
        full = {**os.environ, "HOME": str(self.home), "USER": self.name, "LOGNAME": self.name, **(environment or {})}
        return subprocess.run(argv, cwd=folder, env=full, check=True, text=True, stdout=sys.stderr.fileno(), **switched)  # type: ignore[call-overload,no-any-return]


def current_invoker() -> Invoker:
    """The calling user; under sudo the user behind it."""
    uid = os.geteuid()
    if uid == 0:
        uid = int(os.environ.get("SUDO_UID", "0"))
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise StackError(
            f"user id {uid} has no name on this machine; add it to /etc/passwd or run as another user"
        ) from None
    return Invoker(uid=uid, gid=entry.pw_gid, name=entry.pw_name, home=Path(entry.pw_dir))


def check_system() -> None:
    """Refuse systems the private root cannot be built or run on. Raises StackError."""
    release: dict[str, str] = {}
    path = Path("/etc/os-release")
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition("=")
            release[key] = value.strip('"')
    # Testing and unstable carry no VERSION_ID; they are newer than any release.
    version = release.get("VERSION_ID", "99")
    if release.get("ID") != "debian" or int(version.split(".")[0]) < 12:
        system = release.get("PRETTY_NAME", sys.platform)
        raise StackError(f"the local stack runs on Debian 12 or newer, this is {system}. {_DOCKER_HINT}")


def become_root(arguments: Sequence[str]) -> None:
    """Run this very command again through sudo unless root already; then this process never comes back.

    Raises StackError when there is no sudo.
    """
    if os.geteuid() == 0:
        return
    if shutil.which("sudo") is None:
        raise StackError(
            "the local stack needs root: its servers run in a private Debian root (mount namespaces, users of their own), "
            f"and there is no sudo here. Run it as root. {_DOCKER_HINT}"
        )
    if subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode != 0:
        say("sudo asks for your password: the servers run in a private Debian root, which only root can set up.")
        say("Files stay yours and logstream's own services run as you.")
    kept = [f"{name}={os.environ[name]}" for name in _KEPT_VARIABLES if name in os.environ]
    script = str(Path(sys.argv[0]).resolve())
    sys.stderr.flush()
    os.execvp("sudo", ["sudo", "env", *kept, sys.executable, script, *arguments])
