"""Builds what comes from Node: the page, and the packages of the Node examples. Redone only when their sources changed."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from logstream_local.errors import StackError
from logstream_local.folders import CHECKOUT
from logstream_local.invoker import Invoker
from logstream_local.services import DASHBOARD, EXAMPLES
from logstream_local.terminal import say

_OLDEST = 20
_NOT_SOURCES = {"node_modules", "dist", "tests", "coverage", "test-results", "playwright-report", "nginx"}


def ensure_page(invoker: Invoker) -> None:
    """Build services/dashboard/dist. Raises StackError when Node is missing or the build fails."""
    if not (DASHBOARD / "package.json").exists():
        return
    dist = DASHBOARD / "dist"
    _ensure(
        invoker,
        "the page",
        DASHBOARD,
        DASHBOARD,
        dist / ".sources",
        [["npm", "ci", "--no-audit", "--no-fund"], ["npm", "run", "build"]],
    )


def ensure_examples(invoker: Invoker) -> None:
    """Install the packages of the Node examples."""
    for name in EXAMPLES:
        folder = CHECKOUT / "examples" / name
        if (folder / "package.json").exists():
            stamp = folder / "node_modules" / ".sources"
            _ensure(invoker, f"the packages of {name}", folder, None, stamp, [["npm", "ci", "--no-audit", "--no-fund"]])


def _ensure(invoker: Invoker, what: str, folder: Path, sources: Path | None, stamp: Path, commands: list[list[str]]) -> None:
    wanted = _digest(sources) if sources else _digest_files(folder, [folder / "package.json", folder / "package-lock.json"])
    if stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
        return
    _check_node(what)
    say(f"building {what} with npm")
    for command in commands:
        try:
            invoker.run(command, folder=folder)
        except subprocess.CalledProcessError as error:
            where = folder.relative_to(CHECKOUT)
            raise StackError(
                f"`{' '.join(command)}` in {where} ended with {error.returncode}; its messages are above"
            ) from None
    invoker.make_folder(stamp.parent)
    invoker.write(stamp, wanted)


def _check_node(what: str) -> None:
    node = shutil.which("node")
    found = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip() if node else ""
    major = found.removeprefix("v").partition(".")[0]
    if not major.isdigit() or int(major) < _OLDEST or shutil.which("npm") is None:
        have = f"found Node {found}" if found else "found no `node`"
        raise StackError(f"Node {_OLDEST} or newer with npm is needed for {what}: {have}. Install it and run this again")


def _digest(folder: Path) -> str:
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _NOT_SOURCES.intersection(path.relative_to(folder).parts[:-1])
    ]
    return _digest_files(folder, files)


def _digest_files(folder: Path, files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        if path.exists():
            digest.update(f"{path.relative_to(folder)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
