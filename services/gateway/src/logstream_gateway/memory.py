"""Reads the process's resident memory and returns freed memory to the kernel. Both need Linux with glibc; elsewhere the one
returns 0 and the other does nothing."""

import ctypes
import os
from typing import Final

_STATM: Final = "/proc/self/statm"


def resident_bytes() -> int:
    """Resident memory that is not shared, or 0 if it cannot be read. Source: proc(5), statm."""
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
