"""A gateway as a process, the calls to it, and what it publishes."""

import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import grpc
import psutil
import pytest
from google.rpc import error_details_pb2, status_pb2
from logstream_contract.wire import topology
from logstream_contract.wire.packing import unframe
from logstream_contract.wire.pb.logger_pb2 import LogRequest, LogResponse
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord, PushResult
from pika.adapters.blocking_connection import BlockingChannel

WAIT_S = 30


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Gateway:
    """A running gateway and the calls to it."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, admin_port: int) -> None:
        self.process = process
        self.admin_url = f"http://127.0.0.1:{admin_port}"
        self.port = port
        self.address = f"127.0.0.1:{port}"
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)])
        grpc.channel_ready_future(self.channel).result(WAIT_S)
        self._push = self.channel.unary_unary("/logstream.v1.LogIngest/Push", response_deserializer=PushResult.FromString)
        self._stream = self.channel.stream_stream(
            "/logstream.v1.LogIngest/PushStream", response_deserializer=PushResult.FromString
        )
        self._send_log = self.channel.unary_unary(
            "/LoggerService.Logger/SendLog",
            request_serializer=LogRequest.SerializeToString,
            response_deserializer=LogResponse.FromString,
        )

    def local_ports(self) -> set[int]:
        """Of this client's connections."""
        mine = psutil.Process().net_connections("tcp")
        return {connection.laddr.port for connection in mine if connection.raddr and connection.raddr.port == self.port}

    def push(self, raw: bytes, timeout_s: float = WAIT_S) -> PushResult:
        answer: PushResult = self._push(raw, timeout=timeout_s)
        return answer

    def push_later(self, raw: bytes, timeout_s: float = WAIT_S) -> Any:
        return self._push.future(raw, timeout=timeout_s)

    def stream(self, raws: list[bytes], timeout_s: float = WAIT_S) -> Any:
        return self._stream(iter(raws), timeout=timeout_s)

    def send_log(self, node: str, message: str, timestamp: str = "", timeout_s: float = WAIT_S) -> bool:
        return bool(self._send_log(LogRequest(node=node, message=message, timestamp=timestamp), timeout=timeout_s).success)


@contextmanager
def gateway(rabbitmq_url: str, log: IO[bytes] | None = None, **settings: str) -> Iterator[Gateway]:
    port, admin_port = free_port(), free_port()
    environment = {
        **os.environ,
        "LOGSTREAM_RABBITMQ_URL": rabbitmq_url,
        "LOGSTREAM_GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "LOGSTREAM_GATEWAY_OTLP_LISTEN": f"127.0.0.1:{free_port()}",
        "LOGSTREAM_ADMIN_LISTEN": f"127.0.0.1:{admin_port}",
        **settings,
    }
    process = subprocess.Popen([sys.executable, "-m", "logstream_gateway"], env=environment, stderr=log)
    try:
        yield Gateway(process, port, admin_port)
    finally:
        process.terminate()
        process.wait(WAIT_S)


def batch(*messages: str, node: str = "orders", batch_id: bytes | None = None) -> bytes:
    records = [LogRecord(message=message) for message in messages]
    return LogBatch(batch_id=batch_id or uuid.uuid4().bytes, node=node, records=records).SerializeToString()


def fetch(broker: BlockingChannel) -> tuple[dict[str, Any], list[bytes]]:
    """Headers and batches of the queue's next message."""
    until = time.monotonic() + WAIT_S
    while True:
        method, properties, body = broker.basic_get(topology.WRITE_QUEUE, auto_ack=True)
        if method:
            return dict(properties.headers), [framed.raw() for framed in unframe(body)]
        assert time.monotonic() < until, "no message in the queue"


def retry_delay_ms(error: grpc.RpcError) -> int:
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    retry = error_details_pb2.RetryInfo()
    assert status_pb2.Status.FromString(details).details[0].Unpack(retry)
    return int(retry.retry_delay.ToMilliseconds())


def refused(call: Callable[[], object]) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value
