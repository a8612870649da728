"""Shows the programs' logs, one or several, as they are or as they grow."""

import sys
import time
from pathlib import Path

_LINES = 200


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a log, without line ends; none for a log that is not there."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            # Far more than that many lines of ours take; a longer tail is cut, which a reader of tails can bear.
            file.seek(max(0, file.tell() - 2000 * lines))
            return file.read().decode("utf-8", "replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []


def show(logs: dict[str, Path], follow: bool) -> None:
    """Print the end of every log, and go on with what is added when following. Several logs: lines carry the program."""
    width = max(map(len, logs), default=0)
    prefix = {name: f"{name:<{width}} | " if len(logs) > 1 else "" for name in logs}
    for name, path in logs.items():
        for line in tail(path, _LINES if len(logs) == 1 else _LINES // 10):
            print(f"{prefix[name]}{line}")
    sys.stdout.flush()
    if follow:
        _follow(logs, prefix)


def _follow(logs: dict[str, Path], prefix: dict[str, str]) -> None:
    places = {name: _size(path) for name, path in logs.items()}
    rests = dict.fromkeys(logs, "")
    while True:
        for name, path in logs.items():
            size = _size(path)
            if size < places[name]:
                # The supervisor rotated it; the new file begins at its beginning.
                places[name] = 0
            if size > places[name]:
                with path.open("rb") as file:
                    file.seek(places[name])
                    added = file.read()
                places[name] += len(added)
                *whole, rests[name] = (rests[name] + added.decode("utf-8", "replace")).split("\n")
                for line in whole:
                    print(f"{prefix[name]}{line}")
        sys.stdout.flush()
        time.sleep(0.2)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
