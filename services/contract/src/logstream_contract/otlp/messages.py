"""OpenTelemetry's messages, read more loosely than its own classes read them. They are made from the descriptors of the
package opentelemetry-proto, so that there is no copy of its protos here. Pure.

- Texts are bytes: a text that is not UTF-8 must not make the parser refuse the request with all its records.
- What a request repeats most, the logs of each resource and their records, is left encoded, for whoever takes it apart.
- `Flat` messages hold the last of what is repeated: they tell whether a request can be decoded, in less time than all of it
  takes.
"""

from collections.abc import Iterable
from typing import Any, Final

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.resource.v1 import resource_pb2

_FILES: Final = (common_pb2, resource_pb2, logs_pb2, logs_service_pb2)
_LEFT_ENCODED: Final = {("ExportLogsServiceRequest", "resource_logs"), ("ScopeLogs", "log_records")}


def _pool(change: Any) -> DescriptorPool:
    pool = DescriptorPool()
    for module in _FILES:
        file = FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        for message in file.message_type:
            for field in message.field:
                change(message, field)
        pool.Add(file)
    return pool


def _loosen(message: DescriptorProto, field: FieldDescriptorProto) -> None:
    if (message.name, field.name) in _LEFT_ENCODED:
        field.ClearField("type_name")
        field.type = FieldDescriptorProto.TYPE_BYTES
    elif field.type == FieldDescriptorProto.TYPE_STRING:
        field.type = FieldDescriptorProto.TYPE_BYTES


def _flatten(_: DescriptorProto, field: FieldDescriptorProto) -> None:
    if field.type == FieldDescriptorProto.TYPE_STRING:
        field.type = FieldDescriptorProto.TYPE_BYTES
    if field.type == FieldDescriptorProto.TYPE_MESSAGE:
        field.label = FieldDescriptorProto.LABEL_OPTIONAL


def _classes(pool: DescriptorPool, names: Iterable[str]) -> list[Any]:
    return [GetMessageClass(pool.FindMessageTypeByName(f"opentelemetry.proto.{name}")) for name in names]


Request, ResourceLogs, LogRecord, AnyValue, KeyValue = _classes(
    _pool(_loosen),
    (
        "collector.logs.v1.ExportLogsServiceRequest",
        "logs.v1.ResourceLogs",
        "logs.v1.LogRecord",
        "common.v1.AnyValue",
        "common.v1.KeyValue",
    ),
)
(FlatRequest,) = _classes(_pool(_flatten), ("collector.logs.v1.ExportLogsServiceRequest",))
