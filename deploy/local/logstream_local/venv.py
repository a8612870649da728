"""Makes the checkout's virtual environment .venv: locked packages, then the checkout's own packages, editable.

It is redone only as far as its inputs changed, and a half-made one is finished or made again.
"""

import hashlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

from logstream_local.errors import StackError
from logstream_local.folders import CHECKOUT, locked
from logstream_local.invoker import Invoker
from logstream_local.root import install_packages
from logstream_local.terminal import say

VENV = CHECKOUT / ".venv"
_PYTHON = VENV / "bin" / "python"
_STAMP = VENV / "logstream-inputs.json"
_REQUIREMENTS = CHECKOUT / "requirements-dev.txt"


def packages() -> list[Path]:
    """Folders of the checkout's own Python packages."""
    candidates = [*sorted((CHECKOUT / "services").iterdir()), CHECKOUT / "clients" / "python"]
    return [folder for folder in candidates if (folder / "pyproject.toml").exists()]


def ensure_venv(invoker: Invoker) -> None:
    """Bring .venv up to date. Raises StackError with pip's message when that fails."""
    if not _REQUIREMENTS.exists():
        raise StackError(f"{_REQUIREMENTS} is missing; this is not a complete checkout")
    if _stamped() == _inputs():
        return
    with locked(CHECKOUT / ".stack" / "venv.lock", invoker, "another command to finish the virtual environment"):
        _refresh(invoker)


def needs_ensurepip() -> bool:
    """True when this Python cannot make environments yet: Debian keeps that part in a package of its own."""
    return importlib.util.find_spec("ensurepip") is None


def _refresh(invoker: Invoker) -> None:
    wanted = _inputs()
    found = _stamped()
    if found == wanted:
        return
    if not _works() or found.get("python", wanted["python"]) != wanted["python"]:
        if needs_ensurepip():
            install_packages(["python3-venv"])
        say("creating the virtual environment .venv")
        _run(invoker, [sys.executable, "-m", "venv", "--clear", str(VENV)])
        found = {}
    # Without its stamp an interrupted run is seen as one by the next.
    _STAMP.unlink(missing_ok=True)
    pip = [str(_PYTHON), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    if found.get("requirements") != wanted["requirements"]:
        say("installing the locked packages into .venv")
        _run(invoker, [*pip, "--require-hashes", "--requirement", str(_REQUIREMENTS)])
    if found.get("packages") != wanted["packages"]:
        say("installing the checkout's own packages into .venv")
        editable = [argument for folder in packages() for argument in ("--editable", str(folder))]
        if editable:
            _run(invoker, [*pip, "--no-deps", "--no-build-isolation", *editable])
    invoker.write(_STAMP, json.dumps(wanted, indent=1))


def _run(invoker: Invoker, command: list[str]) -> None:
    try:
        invoker.run(command, folder=CHECKOUT)
    except subprocess.CalledProcessError as error:
        raise StackError(
            f"the virtual environment could not be created: `{' '.join(command[:6])} ...` ended with {error.returncode}"
        ) from None


def _works() -> bool:
    if not _PYTHON.exists():
        return False
    done = subprocess.run([str(_PYTHON), "-c", "import pip"], capture_output=True, check=False)
    return done.returncode == 0


def _stamped() -> dict[str, str]:
    try:
        stamp: dict[str, str] = json.loads(_STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if _PYTHON.exists() else {}


def _inputs() -> dict[str, str]:
    """Digests of everything that decides what is in the environment."""
    own = hashlib.sha256()
    for folder in packages():
        own.update(str(folder.relative_to(CHECKOUT)).encode())
        own.update((folder / "pyproject.toml").read_bytes())
    return {
        "python": f"{sys.version} {sys.base_prefix} {VENV}",
        "requirements": hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest(),
        "packages": own.hexdigest(),
    }
