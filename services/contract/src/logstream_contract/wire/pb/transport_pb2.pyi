from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LogBatches(_message.Message):
    __slots__ = ("batches", "packed_batches")
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    PACKED_BATCHES_FIELD_NUMBER: _ClassVar[int]
    batches: _containers.RepeatedScalarFieldContainer[bytes]
    packed_batches: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, batches: _Optional[_Iterable[bytes]] = ..., packed_batches: _Optional[_Iterable[bytes]] = ...) -> None: ...

class RawBatch(_message.Message):
    __slots__ = ("batch_id", "node", "records", "otlp")
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    OTLP_FIELD_NUMBER: _ClassVar[int]
    batch_id: bytes
    node: str
    records: _containers.RepeatedScalarFieldContainer[bytes]
    otlp: bool
    def __init__(self, batch_id: _Optional[bytes] = ..., node: _Optional[str] = ..., records: _Optional[_Iterable[bytes]] = ..., otlp: _Optional[bool] = ...) -> None: ...

class FlatBatch(_message.Message):
    __slots__ = ("batch_id", "node", "records", "otlp")
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    OTLP_FIELD_NUMBER: _ClassVar[int]
    batch_id: bytes
    node: bytes
    records: FlatRecord
    otlp: bool
    def __init__(self, batch_id: _Optional[bytes] = ..., node: _Optional[bytes] = ..., records: _Optional[_Union[FlatRecord, _Mapping]] = ..., otlp: _Optional[bool] = ...) -> None: ...

class FlatRecord(_message.Message):
    __slots__ = ("time_unix_nano", "severity", "level", "message", "attributes", "original_timestamp")
    TIME_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    time_unix_nano: int
    severity: int
    level: bytes
    message: bytes
    attributes: LooseAttribute
    original_timestamp: bytes
    def __init__(self, time_unix_nano: _Optional[int] = ..., severity: _Optional[int] = ..., level: _Optional[bytes] = ..., message: _Optional[bytes] = ..., attributes: _Optional[_Union[LooseAttribute, _Mapping]] = ..., original_timestamp: _Optional[bytes] = ...) -> None: ...

class LooseBatch(_message.Message):
    __slots__ = ("batch_id", "node", "records", "otlp")
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    OTLP_FIELD_NUMBER: _ClassVar[int]
    batch_id: bytes
    node: str
    records: _containers.RepeatedCompositeFieldContainer[LooseRecord]
    otlp: bool
    def __init__(self, batch_id: _Optional[bytes] = ..., node: _Optional[str] = ..., records: _Optional[_Iterable[_Union[LooseRecord, _Mapping]]] = ..., otlp: _Optional[bool] = ...) -> None: ...

class LooseRecord(_message.Message):
    __slots__ = ("time_unix_nano", "severity", "level", "message", "attributes", "original_timestamp")
    TIME_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    time_unix_nano: int
    severity: int
    level: bytes
    message: bytes
    attributes: _containers.RepeatedCompositeFieldContainer[LooseAttribute]
    original_timestamp: bytes
    def __init__(self, time_unix_nano: _Optional[int] = ..., severity: _Optional[int] = ..., level: _Optional[bytes] = ..., message: _Optional[bytes] = ..., attributes: _Optional[_Iterable[_Union[LooseAttribute, _Mapping]]] = ..., original_timestamp: _Optional[bytes] = ...) -> None: ...

class LooseAttribute(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    value: bytes
    def __init__(self, key: _Optional[bytes] = ..., value: _Optional[bytes] = ...) -> None: ...

class LiveBatch(_message.Message):
    __slots__ = ("position", "number", "received_unix_nano", "floor_unix_nano", "project", "batch", "refused", "packed_batch", "batch_id")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    FLOOR_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    PACKED_BATCH_FIELD_NUMBER: _ClassVar[int]
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    position: int
    number: int
    received_unix_nano: int
    floor_unix_nano: int
    project: str
    batch: bytes
    refused: _containers.RepeatedScalarFieldContainer[int]
    packed_batch: bytes
    batch_id: bytes
    def __init__(self, position: _Optional[int] = ..., number: _Optional[int] = ..., received_unix_nano: _Optional[int] = ..., floor_unix_nano: _Optional[int] = ..., project: _Optional[str] = ..., batch: _Optional[bytes] = ..., refused: _Optional[_Iterable[int]] = ..., packed_batch: _Optional[bytes] = ..., batch_id: _Optional[bytes] = ...) -> None: ...

class LiveBatches(_message.Message):
    __slots__ = ("epoch", "batches", "count")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    epoch: str
    batches: _containers.RepeatedCompositeFieldContainer[LiveBatch]
    count: LiveCount
    def __init__(self, epoch: _Optional[str] = ..., batches: _Optional[_Iterable[_Union[LiveBatch, _Mapping]]] = ..., count: _Optional[_Union[LiveCount, _Mapping]] = ...) -> None: ...

class LiveCount(_message.Message):
    __slots__ = ("writer", "messages", "unnumbered")
    WRITER_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    UNNUMBERED_FIELD_NUMBER: _ClassVar[int]
    writer: bytes
    messages: int
    unnumbered: int
    def __init__(self, writer: _Optional[bytes] = ..., messages: _Optional[int] = ..., unnumbered: _Optional[int] = ...) -> None: ...
