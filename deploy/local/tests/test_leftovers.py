"""Which processes count as this stack's, on real processes: the mark and the executable decide, nothing else."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from logstream_local.folders import Folders
from logstream_local.leftovers import MARK, end_leftovers, end_stale_supervisor, find_leftovers

_WAIT = "import sys; print('up', flush=True); sys.stdin.read()"


@contextmanager
def process(argv: list[str], mark: str) -> Iterator[subprocess.Popen[str]]:
    """A process that waits for its stdin to close, with the mark in its environment."""
    with subprocess.Popen(
        argv, env={**os.environ, MARK: mark}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def test_a_marked_python_is_found_and_ended(tmp_path: Path) -> None:
    folders = Folders("proof", tmp_path / "proof")
    with process([sys.executable, "-c", _WAIT], str(folders.top)) as ours:
        assert ours.stdout is not None
        assert ours.stdout.readline() == "up\n"
        assert [one.pid for one in find_leftovers(folders)] == [ours.pid]
        end_leftovers(folders)
        assert ours.wait(timeout=30) == -15


def test_another_stacks_process_and_another_executable_are_left_alone(tmp_path: Path) -> None:
    folders = Folders("proof", tmp_path / "proof")
    with (
        process([sys.executable, "-c", _WAIT], f"{folders.top}-b") as other,
        process(["cat"], str(folders.top)) as cat,
    ):
        assert other.stdout is not None
        assert other.stdout.readline() == "up\n"
        assert find_leftovers(folders) == []
        end_leftovers(folders)
        assert other.poll() is None
        assert cat.poll() is None


def test_what_descends_from_the_supervisor_is_no_leftover(tmp_path: Path) -> None:
    folders = Folders("proof", tmp_path / "proof")
    with process([sys.executable, "-c", _WAIT], str(folders.top)) as ours:
        assert ours.stdout is not None
        assert ours.stdout.readline() == "up\n"
        assert find_leftovers(folders, supervisor_pid=os.getppid()) == []
        assert [one.pid for one in find_leftovers(folders, supervisor_pid=ours.pid)] == [ours.pid]


def test_a_stale_pid_file_of_a_reused_pid_ends_nobody(tmp_path: Path) -> None:
    pid_file = tmp_path / "supervisord.pid"
    with process([sys.executable, "-c", _WAIT], "") as innocent:
        pid_file.write_text(str(innocent.pid), encoding="ascii")
        end_stale_supervisor(tmp_path / "supervisord.conf", pid_file)
        assert innocent.poll() is None
