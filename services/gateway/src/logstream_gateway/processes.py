"""Several gateway processes on one port: starts them, replaces one that dies, and combines their metrics."""

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from logstream_runtime.admin import AdminServer
from logstream_runtime.lifecycle import on_stop_signals
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from logstream_gateway.config import Config

log = logging.getLogger(__name__)

WORKER_ARGUMENT = "worker"
_METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_POLL_S = 0.2
_RESTART_PAUSE_S = 1.0


def run(config: Config) -> int:
    """Runs config.processes workers until a stop signal and returns the exit status. Blocks."""
    folder = tempfile.mkdtemp(prefix="logstream-gateway-")
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
    admin = AdminServer(config.admin_listen, registry, ready=lambda: _ready(registry))
    stopping = threading.Event()
    on_stop_signals(stopping.set)
    admin.start()
    environment = {**os.environ, _METRICS_FOLDER: folder}
    workers = [_start(environment) for _ in range(config.processes)]
    while not stopping.wait(_POLL_S):
        for index, worker in enumerate(workers):
            if worker.poll() is not None:
                log.error("a worker exited", extra={"pid": worker.pid, "status": worker.returncode})
                mark_process_dead(worker.pid, folder)  # type: ignore[no-untyped-call]
                stopping.wait(_RESTART_PAUSE_S)
                workers[index] = _start(environment)
    status = _end(workers, config.shutdown_s * 1.5)
    log.info("all workers have exited", extra={"workers": len(workers), "exit_status": status})
    admin.close()
    shutil.rmtree(folder, ignore_errors=True)
    log.info("stopped")
    return status


def _start(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "logstream_gateway", WORKER_ARGUMENT], env=environment)


def _end(workers: list[subprocess.Popen[bytes]], timeout_s: float) -> int:
    for worker in workers:
        worker.terminate()
    deadline = time.monotonic() + timeout_s
    for worker in workers:
        try:
            worker.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.error("a worker did not exit in time", extra={"pid": worker.pid})
            worker.kill()
            worker.wait()
    return 1 if any(worker.returncode for worker in workers) else 0


def _ready(registry: CollectorRegistry) -> str | None:
    ready = registry.get_sample_value("logstream_gateway_ready")
    return None if ready else "no process is ready: each is full or has no connection to the broker"
