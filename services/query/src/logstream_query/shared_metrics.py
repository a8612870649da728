"""Gives the worker processes a folder to share their metrics in. It must not import prometheus_client, which chooses where
to keep values when it is imported: in this folder only if that happens within shared_metrics()."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def shared_metrics() -> Iterator[None]:
    """The folder is removed at the end by the process that made it, not by those it forked."""
    folder = tempfile.mkdtemp(prefix="logstream-query-metrics-")
    owner = os.getpid()
    os.environ[VARIABLE] = folder
    try:
        yield
    finally:
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)
