"""The messages of proto/, built from a fresh compilation or from what a server's reflection tells. It must never import
generated code: its descriptors live in pools of their own, so that they can't collide with the product's."""

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[2]

SEND_LOG = "/LoggerService.Logger/SendLog"
PUSH = "/logstream.v1.LogIngest/Push"
PUSH_STREAM = "/logstream.v1.LogIngest/PushStream"
EXPORT = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"


@dataclass(frozen=True)
class Wire:
    """The message classes a sender needs."""

    LogRequest: Any
    LogResponse: Any
    LogBatch: Any
    LogRecord: Any
    PushResult: Any


def wire_of(pool: DescriptorPool) -> Wire:
    """The classes of the messages that a pool describes. Raises KeyError when it lacks one."""

    def message(name: str) -> Any:
        return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))

    return Wire(
        LogRequest=message("LoggerService.LogRequest"),
        LogResponse=message("LoggerService.LogResponse"),
        LogBatch=message("logstream.v1.LogBatch"),
        LogRecord=message("logstream.v1.LogRecord"),
        PushResult=message("logstream.v1.PushResult"),
    )


@cache
def compiled() -> Wire:
    """The message classes of the files in proto/, compiled now."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "descriptors"
        proto = ROOT / "proto"
        arguments = [f"-I{proto}", f"--descriptor_set_out={out}", "--include_imports"]
        files = [str(proto / "logger.proto"), str(proto / "logstream/v1/logs.proto")]
        if protoc.main(["protoc", *arguments, *files]):
            raise RuntimeError(f"protoc refuses {files}")
        described = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    pool = DescriptorPool()
    for file in described.file:
        pool.Add(file)
    return wire_of(pool)
