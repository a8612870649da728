"""A database with TimescaleDB's Community edition: PostgreSQL as WebAssembly in a Node process (see community/). Its SQL is
the real one; it serves one client at a time, and knows no COPY."""

import fcntl
import hashlib
import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from harness import isolation
from harness.wire import ROOT

FOLDER = ROOT / "tests/harness/community"
STAMP = FOLDER / "node_modules/.installed"
INSTALL = ("npm", "ci", "--no-audit", "--no-fund", "--no-update-notifier")
INSTALL_S = 240
START_S = 120
OLDEST_NODE = 20


@contextmanager
def community_database() -> Iterator[str]:
    """The address of a new database of its own with the product's tables. Raises AssertionError saying what is missing."""
    _check_node()
    _install()
    command = ["node", "database.js"]
    # Its messages go to standard error, which pytest shows with the failure.
    with subprocess.Popen(command, cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        try:
            url = f"postgresql://postgres:password@{_address(server)}/postgres?sslmode=disable"
            isolation.migrate(url)
            yield url
        finally:
            server.kill()


def _check_node() -> None:
    wanted = f"the Community edition's tests need Node {OLDEST_NODE} or newer with npm"
    node = shutil.which("node")
    assert node, f"{wanted}: there is no node"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    assert int(version.removeprefix("v").partition(".")[0]) >= OLDEST_NODE, f"{wanted}: {node} is {version}"
    assert shutil.which("npm"), f"{wanted}: there is no npm"


def _install() -> None:
    """Installs what the lock file says, unless it is there already."""
    wanted = hashlib.sha256(b"".join((FOLDER / name).read_bytes() for name in ("package.json", "package-lock.json")))
    with _alone():
        if STAMP.exists() and STAMP.read_text(encoding="ascii") == wanted.hexdigest():
            return
        done = subprocess.run(INSTALL, cwd=FOLDER, capture_output=True, text=True, timeout=INSTALL_S, check=False)
        where = f"`{' '.join(INSTALL)}` in {FOLDER.relative_to(ROOT)}"
        assert done.returncode == 0, f"{where}: exit status {done.returncode}\n{done.stdout}{done.stderr}"
        STAMP.write_text(wanted.hexdigest(), encoding="ascii")


@contextmanager
def _alone() -> Iterator[None]:
    path = ROOT / ".stack" / "community.lock"
    path.parent.mkdir(exist_ok=True)
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _address(server: subprocess.Popen[bytes]) -> str:
    """host:port, once the server has printed it."""
    assert server.stdout is not None
    ready, _, _ = select.select([server.stdout], [], [], START_S)
    assert ready, f"the Community edition's database did not start within {START_S} s"
    line = server.stdout.readline().decode().strip()
    assert line, f"the Community edition's database ended with {server.wait()}; its words are on standard error"
    return line
