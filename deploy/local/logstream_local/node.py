"""Builds what comes from Node: the page, and the packages of the Node examples. Redone only when their sources changed."""

import hashlib
import json
import os
import shutil
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

from logstream_local.errors import StackError
from logstream_local.folders import CHECKOUT, locked
from logstream_local.invoker import Invoker
from logstream_local.services import DASHBOARD, EXAMPLES, PAGE_STAMP
from logstream_local.terminal import say

_OLDEST = 20
_NOT_SOURCES = {"node_modules", "dist", "tests", "coverage", "test-results", "playwright-report", "nginx"}


def ensure_page(invoker: Invoker) -> None:
    """Build services/dashboard/dist. Raises StackError when Node is missing or the build fails."""
    with _alone(invoker):
        sources = _digest(DASHBOARD, _sources(DASHBOARD))
        if _stamped(PAGE_STAMP) == sources and (DASHBOARD / "dist" / "index.html").exists():
            return
        _install(invoker, "the page", DASHBOARD)
        say("building the page")
        _npm(invoker, DASHBOARD, ["run", "build"])
        invoker.write(PAGE_STAMP, sources)


def ensure_examples(invoker: Invoker) -> None:
    """Install the packages of the Node examples. Raises StackError when Node is missing or npm fails."""
    with _alone(invoker):
        for name in EXAMPLES:
            folder = CHECKOUT / "examples" / name
            if (folder / "package.json").exists():
                _install(invoker, name, folder)


def _alone(invoker: Invoker) -> AbstractContextManager[None]:
    return locked(CHECKOUT / ".stack" / "node.lock", invoker, "another command to finish with npm")


def _install(invoker: Invoker, what: str, folder: Path) -> None:
    """Install what the lock file says, unless it is there already."""
    _check_node(what)
    stamp = folder / "node_modules" / ".installed"
    wanted = _digest(folder, [folder / "package.json", folder / "package-lock.json", *_local_packages(folder)])
    if _stamped(stamp) != wanted:
        say(f"installing the packages of {what} with npm")
        _npm(invoker, folder, ["ci", "--no-audit", "--no-fund", "--no-update-notifier"])
        invoker.make_folder(stamp.parent)
        invoker.write(stamp, wanted)


def _local_packages(folder: Path) -> list[Path]:
    """Files of the packages of this checkout an example depends on (`file:../../clients/node`)."""
    wanted: dict[str, str] = json.loads((folder / "package.json").read_text(encoding="utf-8")).get("dependencies", {})
    paths = [folder / value.removeprefix("file:") for value in wanted.values() if value.startswith("file:")]
    return [file for path in paths for file in _sources(path.resolve())]


def _npm(invoker: Invoker, folder: Path, arguments: list[str]) -> None:
    try:
        invoker.run(["npm", *arguments], folder=folder)
    except subprocess.CalledProcessError as error:
        where = f"`npm {' '.join(arguments)}` in {folder.relative_to(CHECKOUT)}"
        raise StackError(f"{where} ended with {error.returncode}; see its messages above") from None


def _stamped(stamp: Path) -> str:
    return stamp.read_text(encoding="ascii") if stamp.exists() else ""


def _check_node(what: str) -> None:
    node = shutil.which("node")
    found = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip() if node else ""
    major = found.removeprefix("v").partition(".")[0]
    if not major.isdigit() or int(major) < _OLDEST or shutil.which("npm") is None:
        have = f"found Node {found}" if found else "found no `node`"
        raise StackError(f"Node {_OLDEST} or newer with npm is needed for {what}: {have}. Install it and run this again")


def _sources(folder: Path) -> list[Path]:
    """Files below a folder that decide what is built from it, in a fixed order."""
    found = []
    for top, folders, files in os.walk(folder):
        # Pruned while walking: node_modules alone holds thousands of files.
        folders[:] = sorted(set(folders) - _NOT_SOURCES)
        found += [Path(top) / name for name in sorted(files)]
    return found


def _digest(folder: Path, files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        if path.exists():
            digest.update(f"{os.path.relpath(path, folder)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
