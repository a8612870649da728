"""Turns into one program of the stack: reads argv, environment and working folder from a JSON file and execs.

The supervisor runs this in front of every program, so that passwords stay out of command lines, no value has to be quoted
for the supervisor's configuration, and programs see exactly the environment written down for them. The process id stays
the same. A program with a memory limit gets a new cgroup first, so that its high-water mark is of this run alone.
"""

import contextlib
import json
import os
import sys


def join_group(group: str, limit_bytes: int) -> None:
    """Put this process alone into a memory cgroup with this limit and no swap. Raises OSError where that can't be done."""
    parent = os.path.dirname(group)
    os.makedirs(parent, exist_ok=True)
    # There was none, or a process of the last run is still in it.
    with contextlib.suppress(OSError):
        os.rmdir(group)
    if os.path.exists(os.path.join(os.path.dirname(parent), "memory.limit_in_bytes")):
        files = {"memory.limit_in_bytes": limit_bytes, "memory.memsw.limit_in_bytes": limit_bytes}
    else:
        write(os.path.join(parent, "cgroup.subtree_control"), "+memory")
        files = {"memory.max": limit_bytes, "memory.swap.max": 0}
    os.makedirs(group, exist_ok=True)
    for name, number in files.items():
        path = os.path.join(group, name)
        # The files about swap are missing where there is no accounting of it.
        if os.path.exists(path):
            write(path, str(number))
    write(os.path.join(group, "cgroup.procs"), str(os.getpid()))


def write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


with open(sys.argv[1], encoding="utf-8") as file:
    program = json.load(file)
if "memory" in program:
    join_group(program["memory"]["group"], program["memory"]["bytes"])
os.chdir(program["folder"])
os.execvpe(program["argv"][0], program["argv"], program["environment"])
