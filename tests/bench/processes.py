"""CPU and memory of the stack's programs, read from /proc. A program is its process and all below it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Usage:
    cpu_s: float
    rss_bytes: int


class Programs:
    """Reads many processes ten times a second, so it looks for new ones only when find() is called."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._roots = dict(pids)
        self._trees: dict[str, list[int]] = {}
        # The last reading of each process: what it had used stays counted after its end.
        self._last: dict[str, dict[int, float]] = {name: {} for name in pids}
        self.find()

    def find(self) -> None:
        for name, pid in self._roots.items():
            try:
                root = psutil.Process(pid)
                self._trees[name] = [pid, *(child.pid for child in root.children(recursive=True))]
            except psutil.NoSuchProcess:
                self._trees[name] = []

    def read(self) -> dict[str, Usage]:
        found = {}
        for name, pids in self._trees.items():
            rss, last = 0, self._last[name]
            for pid in pids:
                try:
                    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                # Source: proc(5), /proc/pid/stat: utime and stime are fields 14 and 15, rss is 24; the first here is 3.
                last[pid] = (int(fields[11]) + int(fields[12])) * _TICK_S
                rss += int(fields[21]) * _PAGE_BYTES
            found[name] = Usage(sum(last.values()), rss)
        return found
