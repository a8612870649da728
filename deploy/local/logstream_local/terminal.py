"""What the person at the terminal sees while a command works. Progress goes to stderr; stdout is for answers."""

import sys


def say(text: str) -> None:
    """Print one line of progress."""
    print(text, file=sys.stderr, flush=True)


def human_bytes(size_bytes: int) -> str:
    """A size for reading: 536870912 -> '512 MB'."""
    size = float(size_bytes)
    for unit in ("B", "kB", "MB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GB"
