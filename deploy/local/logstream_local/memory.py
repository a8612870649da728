"""Memory limits of programs, as containers have them: a memory cgroup for each program. It must not choose limits: they are
what `up --memory` was told. launch.py makes the groups and joins them.

Source: the kernel's admin-guide, cgroup-v1/memory and cgroup-v2.
"""

import dataclasses
import hashlib
import os
from contextlib import suppress
from pathlib import Path

from logstream_local.errors import StackError
from logstream_local.folders import Folders
from logstream_local.program import Program

_MOUNTS = Path("/sys/fs/cgroup")


def limited(folders: Folders, memory: dict[str, int], programs: list[Program]) -> list[Program]:
    """The programs with the limits of their services, in bytes. Raises StackError where there are limits and no cgroups."""
    if not memory:
        return programs
    parent = _parent(folders)
    return [
        dataclasses.replace(program, memory_bytes=memory[program.service], memory_group=parent / program.name)
        if program.service in memory
        else program
        for program in programs
    ]


def limit(memory: dict[str, int], wishes: list[str]) -> None:
    """Apply `SERVICE=BYTES` wishes to the limits; `SERVICE` alone takes one back. Raises StackError for another form."""
    for wish in wishes:
        service, equals, number = wish.partition("=")
        if not service or (equals and not number.isdigit()):
            raise StackError(f"--memory {wish!r}: expected SERVICE=BYTES, or SERVICE to remove the limit")
        if equals:
            memory[service] = int(number)
        else:
            memory.pop(service, None)


def remove_groups(folders: Folders) -> None:
    """Remove the groups of a stack whose programs have ended."""
    with suppress(StackError):
        parent = _parent(folders)
        for group in [*parent.glob("*/"), parent]:
            with suppress(OSError):
                group.rmdir()


def _parent(folders: Folders) -> Path:
    """The folder of a stack's groups: stacks of several checkouts may have the same name. On version 1 below the group of
    this process, whose own limit then stays in force; on version 2 a group with processes can have no such children."""
    name = f"logstream-{hashlib.sha256(os.fsencode(folders.top)).hexdigest()[:16]}"
    if (_MOUNTS / "memory" / "memory.limit_in_bytes").exists():
        lines = Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines()
        own = next((line.split(":", 2)[2] for line in lines if line.split(":", 2)[1] == "memory"), "/")
        return _MOUNTS / "memory" / own.strip("/") / name
    controllers = _MOUNTS / "cgroup.controllers"
    if controllers.exists() and "memory" in controllers.read_text(encoding="ascii").split():
        return _MOUNTS / name
    raise StackError("--memory: this machine has no memory cgroup for programs")
