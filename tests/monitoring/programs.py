"""Debian's Prometheus, promtool and exporter, and how to run them. They are unpacked, never installed."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from harness.wire import ROOT

UNPACK_S = 300
END_S = 20


@cache
def program(name: str) -> str:
    """The path of one of the unpacked programs. Raises AssertionError with apt's own words when they can't be had."""
    command = [str(ROOT / "tests/monitoring/unpack-prometheus")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=UNPACK_S, check=False)
    assert done.returncode == 0, f"{command[0]}: {done.stderr}"
    return str(Path(done.stdout.strip()) / "usr/bin" / name)


def promtool(*arguments: str) -> str:
    """What promtool says. Raises AssertionError with it when that is a complaint."""
    done = subprocess.run([program("promtool"), *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"promtool {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def running(log: Path, command: list[str], environment: dict[str, str] | None = None) -> Iterator[None]:
    """The program, until the end of the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
