"""The socket that the page's nginx is given when it starts."""

import os
from pathlib import Path

from harness.services import PAGE
from harness.stack import Stack


def test_no_worker_waits_in_accept(stack: Stack) -> None:
    """All workers hear of a connection and one gets it. Another that waited for the next one inside accept would serve none
    of its viewers until then: so the socket must not block, which is up to who opens it and not to nginx."""
    files = Path("/proc") / str(stack.pid(PAGE))
    sockets = [file.name for file in (files / "fd").iterdir() if os.readlink(file).startswith("socket:")]
    assert sockets
    assert [number for number in sockets if not flags(files / "fdinfo" / number) & os.O_NONBLOCK] == []


def flags(info: Path) -> int:
    """Those of an open file, as the kernel writes them: octal."""
    [line] = [line for line in info.read_text(encoding="ascii").splitlines() if line.startswith("flags:")]
    return int(line.split()[1], 8)
