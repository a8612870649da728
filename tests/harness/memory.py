"""The memory of a stack's programs, read from the cgroups that the local stack puts them into, and the limits that compose
sets. It must not judge."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import yaml

from harness.wire import ROOT

# As the fixture `within_memory` gives it to a test: of a program, while something is done to it.
Within = Callable[[str], AbstractContextManager[None]]

_UNITS = {"m": 1024**2, "g": 1024**3}
# Of cgroups version 1, then 2.
_LIMIT = ("memory.limit_in_bytes", "memory.max")
_PEAK = ("memory.max_usage_in_bytes", "memory.peak")


def compose_limits(services: frozenset[str]) -> dict[str, int]:
    """The bytes that docker-compose.yml allows each of these services."""
    described = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    texts = {name: described[name]["mem_limit"] for name in services}
    return {name: int(text[:-1]) * _UNITS[text[-1]] for name, text in texts.items()}


def limit_bytes(group: Path) -> int:
    return _read(group, _LIMIT)


def peak_bytes(group: Path) -> int:
    """The most that the group ever held, files that the kernel keeps for it included."""
    return _read(group, _PEAK)


def reset_peak(group: Path, restart: Callable[[], None]) -> None:
    """Makes the peak begin anew. Where the kernel can't do that, restart() has to begin a new group."""
    peak = group / _PEAK[0]
    if peak.exists():
        peak.write_text("0", encoding="ascii")
    else:
        restart()


def _read(group: Path, names: tuple[str, str]) -> int:
    found = next((group / name for name in names if (group / name).exists()), None)
    assert found, f"{group} has none of {', '.join(names)}"
    return int(found.read_text(encoding="ascii"))
