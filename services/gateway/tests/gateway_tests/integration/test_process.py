"""The gateway as a process: how it starts, stops and is replaced."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import grpc
import pytest
from logstream_contract.wire.pb.logs_pb2 import LogBatch
from pika.adapters.blocking_connection import BlockingChannel

from .gateway_process import WAIT_S, batch, fetch, gateway

STOP_STEPS = [
    "stopping",
    "new calls are refused",
    "PushStreams are ended and gathered records are published",
    "calls have ended",
    "confirms are no longer awaited",
    "the connection to the broker is closed",
    "stopped",
]


def test_a_stopping_gateway_answers_the_calls_it_has(rabbitmq_url: str, broker: BlockingChannel, tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as log, gateway(rabbitmq_url, log, LOGSTREAM_GATEWAY_COALESCE_MS="1000") as slow:
        answers: list[bool] = []
        thread = threading.Thread(target=lambda: answers.append(slow.send_log("a", "last words")))
        thread.start()
        time.sleep(0.3)
        slow.process.send_signal(signal.SIGTERM)
        thread.join(WAIT_S)
        assert slow.process.wait(WAIT_S) == 0
        assert answers == [True]
    assert LogBatch.FromString(fetch(broker)[1][0]).records[0].message == "last words"
    said = [json.loads(line)["message"] for line in path.read_text().splitlines()]
    assert [message for message in said if message in STOP_STEPS] == STOP_STEPS


def test_several_processes_share_the_port_and_one_is_replaced(rabbitmq_url: str, broker: BlockingChannel) -> None:
    with gateway(rabbitmq_url, LOGSTREAM_GATEWAY_PROCESSES="2") as several:
        children = subprocess.run(["pgrep", "-P", str(several.process.pid)], capture_output=True, text=True, check=True)
        workers = [int(pid) for pid in children.stdout.split()]
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        until = time.monotonic() + WAIT_S
        raw = batch("still there")
        while True:
            try:
                assert several.push(raw).accepted == 1
                break
            except grpc.RpcError:
                assert time.monotonic() < until
    assert fetch(broker)[1] == [raw]


@pytest.mark.parametrize("setting", ["LOGSTREAM_GATEWAY_LISTEN", "LOGSTREAM_GATEWAY_OTLP_LISTEN"])
def test_a_taken_port_is_named(rabbitmq_url: str, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        environment = {
            **os.environ,
            "LOGSTREAM_RABBITMQ_URL": rabbitmq_url,
            "LOGSTREAM_GATEWAY_LISTEN": "127.0.0.1:0",
            "LOGSTREAM_GATEWAY_OTLP_LISTEN": "127.0.0.1:0",
            "LOGSTREAM_ADMIN_LISTEN": "127.0.0.1:0",
            setting: listen,
        }
        command = [sys.executable, "-m", "logstream_gateway"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=WAIT_S)
    assert done.returncode == 1
    assert f"{setting}={listen}" in done.stderr
