"""Gives the worker processes a folder in which they share their metrics. It must not import prometheus_client, which decides
when it is imported where it keeps values: in this folder only if it is imported within shared_metrics()."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def shared_metrics() -> Iterator[None]:
    """The folder is removed at the end by the process that created it, not by its forks."""
    folder = tempfile.mkdtemp(prefix="logstream-query-metrics-")
    owner = os.getpid()
    os.environ[VARIABLE] = folder
    try:
        yield
    finally:
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)
