"""The private Debian root the servers run in: built once per recipe, shared by every clone of the user, never changed.

It installs nothing on the host but the tool that builds it, and starts no server while building.
"""

import glob
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from logstream_local.errors import StackError
from logstream_local.folders import cache_folder, locked
from logstream_local.invoker import Invoker
from logstream_local.terminal import human_bytes, say

_SUITE = "trixie"
_PACKAGES = ("postgresql-17", "postgresql-17-timescaledb", "rabbitmq-server", "redis-server", "nginx")
# Numbers no Debian host hands out by itself, so that a server shares its user with nothing outside.
_USERS = {"postgres": 861, "rabbitmq": 862, "redis": 863}
_MOUNT_POINTS = ("data", "etc/logstream")
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
_BUILD_TRIES = 3


def _before_packages() -> str:
    """Shell run in the bare root: our user numbers, and no database cluster of Debian's."""
    lines = [
        'mkdir -p "$1/etc/postgresql-common"',
        'echo "create_main_cluster = false" > "$1/etc/postgresql-common/createcluster.conf"',
    ]
    for name, number in _USERS.items():
        lines.append(f'echo "{name}:x:{number}:{number}::/var/lib/{name}:/usr/sbin/nologin" >> "$1/etc/passwd"')
        lines.append(f'echo "{name}:x:{number}:" >> "$1/etc/group"')
    return "; ".join(lines)


def _after_packages() -> str:
    """Shell run in the finished root: the folders mounts go on."""
    folders = " ".join(f'"$1/{folder}"' for folder in _MOUNT_POINTS)
    return f'mkdir -p {folders}; printf "127.0.0.1 localhost\\n" > "$1/etc/hosts"; echo logstream > "$1/etc/hostname"'


def _recipe() -> list[str]:
    """Arguments of mmdebstrap without target and mirror; a change in them makes another root."""
    arguments = ["--variant=essential", f"--include={','.join(_PACKAGES)}"]
    arguments += ['--aptopt=APT::Install-Recommends "false"']
    arguments += [f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT]
    arguments += [f"--essential-hook={_before_packages()}", f"--customize-hook={_after_packages()}"]
    return [*arguments, _SUITE]


def root_path(invoker: Invoker) -> Path:
    """Where the root of this recipe is or will be."""
    text = "\n".join([*_recipe(), os.uname().machine])
    return cache_folder(invoker) / f"root-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def ensure_root(invoker: Invoker) -> Path:
    """Build the root if it is not there; waits for another command that builds it. Needs root. Raises StackError."""
    path = root_path(invoker)
    if path.exists():
        return path
    _make_cache(path.parent, invoker)
    with locked(path.parent / "root.lock", invoker, "another command to finish building the servers' Debian root"):
        if not path.exists():
            _build(path)
    return path


def _make_cache(path: Path, invoker: Invoker) -> None:
    invoker.make_folder(path)
    # Inside the root, "/" is this folder: every server's user has to get in.
    os.umask(0o022)


def _build(path: Path) -> None:
    """Build beside the final place and rename, so that a root is there whole or not at all."""
    install_missing({"mmdebstrap": "mmdebstrap", "unshare": "util-linux", "mount": "mount"})
    for leftover in path.parent.glob("root-*.part"):
        say(f"removing an incomplete root, {leftover}")
        remove_root(leftover)
    part = path.with_name(f"{path.name}.part")
    say(f"building the servers' Debian root in {path} (once, about a minute; later clones reuse it)")
    started = time.monotonic()
    for attempt in range(1, _BUILD_TRIES + 1):
        command = ["mmdebstrap", *_apt_settings(), *_recipe(), str(part)]
        mirror = os.environ.get("LOGSTREAM_DEBIAN_MIRROR")
        if _run_showing_steps([*command, mirror] if mirror else command) == 0:
            break
        remove_root(part)
        if attempt == _BUILD_TRIES:
            raise StackError(
                "the Debian root could not be built (mmdebstrap's messages are above). It needs the Debian mirror; "
                "LOGSTREAM_DEBIAN_MIRROR names another one"
            )
        say(f"mmdebstrap failed, trying again ({attempt + 1} of {_BUILD_TRIES})")
    part.rename(path)
    size = int(subprocess.run(["du", "-sb", str(path)], check=True, capture_output=True, text=True).stdout.split()[0])
    say(f"Debian root built in {time.monotonic() - started:.0f} s, {human_bytes(size)}")


def _run_showing_steps(command: list[str]) -> int:
    """Run mmdebstrap with its steps shown as progress; warnings and errors are shown as they are."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=sys.stderr.fileno(), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            # The hooks are shell of ours, and apt need not be sandboxed for files of a root it is about to own.
            if "-hook in shell" not in line and "unsandboxed as root" not in line:
                say(f"  {line.rstrip().removeprefix('I: ')}")
    return process.returncode


def _apt_settings() -> list[str]:
    """The host's way to the mirror, if it has one: proxies and certificates of its apt."""
    dump = subprocess.run(["apt-config", "dump"], check=True, capture_output=True, text=True).stdout
    wanted = ("Acquire::http::Proxy ", "Acquire::https::Proxy ", "Acquire::https::CAInfo ")
    return [f"--aptopt={line.rstrip(';')}" for line in dump.splitlines() if line.startswith(wanted) and '""' not in line]


def remove_root(path: Path) -> None:
    """Delete a root. Refuses while anything is mounted below it: deleting would reach through the mount."""
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8")
    if any(line.split()[1].startswith(f"{path}/") for line in mounts.splitlines()):
        raise StackError(f"something is mounted below {path}; unmount it first")
    shutil.rmtree(path, ignore_errors=False) if path.exists() else None


def install_missing(packages: dict[str, str]) -> None:
    """Install with apt the packages of those commands that are missing ({command: package}). Needs root."""
    missing = sorted({package for command, package in packages.items() if shutil.which(command) is None})
    # An old Debian 12 may not know the keys Debian 13 is signed with.
    if "mmdebstrap" in packages and not glob.glob("/usr/share/keyrings/debian-archive-trixie-*"):
        missing.append("debian-archive-keyring")
    if missing:
        install_packages(missing)


def install_packages(packages: list[str]) -> None:
    """Install packages with apt. Needs root. Raises StackError naming them when apt cannot."""
    say(f"installing with apt: {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "-q", "update"], ["apt-get", "-q", "install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(
            command, env=environment, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        if done.returncode != 0:
            raise StackError(f"`{' '.join(command)}` failed:\n{done.stdout[-1500:]}{done.stderr[-1500:]}")


def enter_command(root: Path, user: str, data: Path, settings: Path, argv: list[str]) -> list[str]:
    """The command that becomes `argv` inside the root as `user`, with `data` on /data and `settings` on /etc/logstream."""
    script = Path(__file__).resolve().parents[1] / "enter.sh"
    return ["unshare", "--mount", "--", "sh", str(script), str(root), f"{user}:{user}", str(data), str(settings), *argv]


def user_ids(root: Path, user: str) -> tuple[int, int]:
    """Numeric user and group id of a user of the root."""
    for line in (root / "etc/passwd").read_text(encoding="utf-8").splitlines():
        fields = line.split(":")
        if fields[0] == user:
            return int(fields[2]), int(fields[3])
    raise StackError(f"{root} has no user {user}; remove it and start again")
