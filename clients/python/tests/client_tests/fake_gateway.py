"""A gateway in this process that answers as it is configured and remembers every attempt. It stores nothing and checks
little: whether the real gateway takes what the client sends is for test_contract.py."""

import socket
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from logstream_client.pb.logs_pb2 import LogBatch, LogRecord, PushResult


class Refusal:
    """An answer that is a status; with a retry delay it carries google.rpc.RetryInfo."""

    def __init__(self, status: str, message: str, retry_after_s: float | None = None) -> None:
        self.status = status
        self.message = message
        self.retry_after_s = retry_after_s

    def abort(self, context: Any) -> None:
        """Ends the call with the status."""
        if self.retry_after_s is not None:
            retry_info = error_details_pb2.RetryInfo()
            retry_info.retry_delay.FromNanoseconds(int(self.retry_after_s * 1e9))
            detail = any_pb2.Any()
            detail.Pack(retry_info)
            details = status_pb2.Status(
                code=code_pb2.Code.Value(self.status), message=self.message, details=[detail]
            ).SerializeToString()
            context.set_trailing_metadata((("grpc-status-details-bin", details),))
        context.abort(grpc.StatusCode[self.status], self.message)


class FakeGateway:
    """Listens on a free port from start to stop. `refusals` are given in turn, then every batch is accepted; while `held`
    is clear, calls wait before they are answered."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.target = f"127.0.0.1:{probe.getsockname()[1]}"
        self.refusals: deque[Refusal] = deque()
        self.attempts: list[bytes] = []
        self.peers: set[str] = set()
        self.accepted: list[LogBatch] = []
        self.released = threading.Event()
        self.released.set()
        self._server: Any = None

    def start(self) -> None:
        """Begins to listen."""
        self._server = grpc.server(
            ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", 4 * 1024 * 1024)]
        )
        handler = grpc.unary_unary_rpc_method_handler(self._push, None, PushResult.SerializeToString)
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("logstream.v1.LogIngest", {"Push": handler}),)
        )
        self._server.add_insecure_port(self.target)
        self._server.start()

    def stop(self) -> None:
        """Closes the port and every connection."""
        self.released.set()
        if self._server is not None:
            self._server.stop(0).wait()

    @property
    def records(self) -> list[LogRecord]:
        """The accepted records, in order."""
        return [record for batch in self.accepted for record in batch.records]

    def _push(self, raw: bytes, context: Any) -> PushResult:
        self.attempts.append(raw)
        self.peers.add(context.peer())
        refusal = self.refusals.popleft() if self.refusals else None
        self.released.wait(60)
        if refusal is not None:
            refusal.abort(context)
        batch = LogBatch.FromString(raw)
        self.accepted.append(batch)
        return PushResult(batch_id=batch.batch_id, accepted=len(batch.records))
