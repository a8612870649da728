"""The process's resident memory, and how to give back what was freed. Only Linux with glibc has both; elsewhere there is
nothing to see and nothing to do."""

import ctypes
import os
from typing import Final

_STATM: Final = "/proc/self/statm"


def resident_bytes() -> int:
    """Resident memory that is the process's own, or 0 where it can't be read. Source: proc(5), statm."""
    try:
        with open(_STATM, "rb") as file:
            fields = file.read().split()
    except OSError:
        return 0
    return (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGESIZE")


def trim() -> None:
    """Returns freed memory to the kernel; takes milliseconds. Source: malloc_trim(3)."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)
