"""The admin port, the retry policy and the process's own log."""

import json
import subprocess
import sys
import threading

import pytest
import requests
from logstream_runtime.address import Address
from logstream_runtime.admin import AdminServer
from logstream_runtime.retry import LONGEST_S, backoff_s, retry_until_stopped
from prometheus_client import CollectorRegistry, Counter


def test_the_admin_port_answers_checks_and_metrics() -> None:
    registry = CollectorRegistry()
    Counter("things", "Things.", registry=registry).inc()
    state: list[str | None] = ["no broker"]
    server = AdminServer(Address("127.0.0.1", 0), registry, ready=lambda: state[0])
    server.start()
    try:
        base = f"http://127.0.0.1:{server.port}"
        wrong = requests.get(f"{base}/readyz", timeout=5)
        assert (wrong.status_code, wrong.text) == (503, "no broker\n")
        state[0] = None
        assert requests.get(f"{base}/readyz", timeout=5).status_code == 200
        assert requests.get(f"{base}/livez", timeout=5).text == "ok\n"
        assert "things_total 1.0" in requests.get(f"{base}/metrics", timeout=5).text
        assert requests.get(f"{base}/logs", timeout=5).status_code == 404
        with pytest.raises(OSError, match=f"LOGSTREAM_ADMIN_LISTEN=127.0.0.1:{server.port}"):
            AdminServer(Address("127.0.0.1", server.port), registry, ready=lambda: None)
    finally:
        server.close()


def test_a_call_is_tried_until_it_succeeds() -> None:
    tries: list[int] = []
    failures: list[int] = []

    def call() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionError("away")
        return "done"

    answer = retry_until_stopped("it", ConnectionError, threading.Event(), lambda: failures.append(1))(call)
    assert (answer, len(tries), len(failures)) == ("done", 3, 2)


def test_waits_double_up_to_a_bound() -> None:
    for failures, bound_s in ((1, 0.1), (2, 0.2), (5, 1.6), (7, LONGEST_S), (10_000, LONGEST_S)):
        waits = [backoff_s(failures) for _ in range(200)]
        assert 0.05 <= min(waits) <= max(waits) <= bound_s
        assert max(waits) > bound_s / 2


def test_a_stopped_process_gives_up_and_other_errors_pass() -> None:
    stopping = threading.Event()
    stopping.set()

    def away() -> None:
        raise ConnectionError("away")

    with pytest.raises(ConnectionError):
        retry_until_stopped("it", ConnectionError, stopping)(away)
    with pytest.raises(ConnectionError):
        retry_until_stopped("it", ValueError, threading.Event())(away)


FILES = """
import resource, sys
from logstream_runtime.files import allow_files
resource.setrlimit(resource.RLIMIT_NOFILE, (64, int(sys.argv[1])))
allow_files(256)
print(resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(("hard", "limits"), [(512, "(256, 512)"), (128, "(128, 128)")])
def test_a_process_asks_for_the_files_it_may_need(hard: int, limits: str) -> None:
    ran = subprocess.run([sys.executable, "-c", FILES, str(hard)], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == limits
    assert ("the limit of open files is lower" in ran.stderr) == (hard < 256)


LOGGING = """
import logging
from logstream_runtime.logs import set_up_logging
set_up_logging('t')
logging.info('hi %s', 1, extra={'n': 2})
"""

STOPPING = """
import os, signal, time
from logstream_runtime.lifecycle import on_stop_signals
on_stop_signals(lambda: print('drain', flush=True))
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(0.05)
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(60)
"""


def test_the_log_is_json_on_standard_error() -> None:
    done = subprocess.run([sys.executable, "-c", LOGGING], capture_output=True, text=True, check=True)
    line = json.loads(done.stderr)
    assert (line["message"], line["n"], line["service"], line["level"]) == ("hi 1", 2, "t", "INFO")
    assert done.stdout == ""


def test_the_first_signal_drains_and_the_second_ends() -> None:
    done = subprocess.run([sys.executable, "-c", STOPPING], capture_output=True, text=True, check=False, timeout=30)
    assert (done.stdout, done.returncode) == ("drain\n", 130)
