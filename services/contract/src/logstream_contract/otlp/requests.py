"""From the bytes of an Export to batches of ours, within the limits of a batch. Pure but for ids that are made by chance.

Whether a request is refused depends on its bytes alone: one that can be decoded is taken whole, unless it would become much
larger. A request that is sent again gives the same batches under the same ids, by whatever gateway it comes,
as long as the rules of logstream_contract.otlp.records stay: _RULES is counted up when they change, so that an id never
names other bytes.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import numpy as np
from google.protobuf.message import DecodeError

from logstream_contract.otlp.messages import FlatRequest, LogRecord, Request, ResourceLogs
from logstream_contract.otlp.records import Pair, Resource, native_record, read_resource, read_scope, time_of
from logstream_contract.units import MIB
from logstream_contract.wire.batch_id import BATCH_ID_BYTES
from logstream_contract.wire.batches import Limits, Rejected, RejectionReason
from logstream_contract.wire.pb.transport_pb2 import RawBatch

_RULES: Final = 1
# Of an id: milliseconds of time first, so that ids of a time lie together in the inbox's index.
_TIME_BYTES: Final = 6
_NANOS_A_MILLI: Final = 1_000_000
# What a batch and a record in it have beside the records themselves, at most.
_BATCH_ROOM_BYTES: Final = 300
_RECORD_ROOM_BYTES: Final = 6
# A request may have this many resources, scopes and records together: each of them costs time, however small it is.
_MOST_PARTS: Final = 250_000
# Tags of what is repeated. There are no more messages in a request than these bytes, and each takes tens of bytes once it is
# read. Texts consist of others, for the most part.
_TAGS: Final = (0x0A, 0x12, 0x1A, 0x32)
_MOST_TAGS: Final = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OtlpOptions:
    """namespace: whether a node begins with service.namespace. derive_ids: whether a request that is sent again is known.
    shared_bytes: the most that the attributes of resources and scopes may take, as often as records have them."""

    namespace: bool = False
    derive_ids: bool = True
    shared_bytes: int = 64 * MIB


class OtlpBatch(NamedTuple):
    raw: bytes  # an encoded logstream.v1.LogBatch
    records: int


def batches_of(request: bytes, limits: Limits, options: OtlpOptions, new_id: Callable[[], bytes]) -> Iterator[OtlpBatch]:
    """The batches of an encoded ExportLogsServiceRequest, each made when it is asked for. Raises Rejected, also when some
    were made already: whoever hands them on takes all of them first."""
    if len(request) > _MOST_TAGS and _tags(request) > _MOST_TAGS:
        raise Rejected(RejectionReason.REQUEST_BYTES, "request: too many values; send less in a request")
    try:
        FlatRequest.FromString(request)
        found = Request.FromString(request)
    except DecodeError as error:
        raise Rejected(RejectionReason.UNDECODABLE, f"request: not an ExportLogsServiceRequest: {error}") from error
    return _batches(found.resource_logs, limits, options, new_id)


def _batches(
    resources: Sequence[bytes], limits: Limits, options: OtlpOptions, new_id: Callable[[], bytes]
) -> Iterator[OtlpBatch]:
    before: Counter[bytes] = Counter()
    shared_bytes, parts = 0, len(resources)
    _check_parts(parts)
    for encoded in resources:
        digest = blake2b(encoded, digest_size=32).digest()
        logs = ResourceLogs.FromString(encoded)
        parts += len(logs.scope_logs) + sum(len(scoped.log_records) for scoped in logs.scope_logs)
        _check_parts(parts)
        resource = read_resource(logs.resource, options.namespace)
        shared_bytes += _shared_bytes(logs, resource)
        if shared_bytes > options.shared_bytes:
            raise Rejected(
                RejectionReason.REQUEST_BYTES,
                f"request: {shared_bytes} bytes of attributes of resources and scopes, as often as records have them, "
                f"expected at most {options.shared_bytes}; send fewer records in a request",
            )
        records, newest_nano, timed = _native(logs, resource)
        derived = options.derive_ids and timed
        for part, some in enumerate(_parts(records, limits)):
            name = digest + before[digest].to_bytes(8) + part.to_bytes(8) + _RULES.to_bytes(2)
            batch_id = _derived_id(name, newest_nano) if derived else new_id()
            yield OtlpBatch(
                RawBatch(batch_id=batch_id, node=resource.node, records=some, otlp=True).SerializeToString(), len(some)
            )
        before[digest] += 1


def _native(logs: Any, resource: Resource) -> tuple[list[bytes], int, bool]:
    """All records of a resource as ours, the newest time, and whether each has one."""
    records: list[bytes] = []
    newest, timed = 0, True
    for scoped in logs.scope_logs:
        scope: Sequence[Pair] = read_scope(scoped.scope)
        for encoded in scoped.log_records:
            record = LogRecord.FromString(encoded)
            time = time_of(record)
            newest, timed = max(newest, time), timed and bool(time)
            records.append(native_record(record, scope, resource.attributes))
    return records, newest, timed


def _parts(records: Sequence[bytes], limits: Limits) -> Iterator[Sequence[bytes]]:
    """In order, as many in each as one batch may hold."""
    room = limits.batch_bytes - _BATCH_ROOM_BYTES
    begin, size = 0, 0
    for index, record in enumerate(records):
        added = len(record) + _RECORD_ROOM_BYTES
        if index > begin and (index - begin >= limits.batch_records or size + added > room):
            yield records[begin:index]
            begin, size = index, 0
        size += added
    if begin < len(records):
        yield records[begin:]


def _tags(request: bytes) -> int:
    """How many bytes may be tags. In pieces, so that other threads go on meanwhile."""
    source = np.frombuffer(request, np.uint8)
    pieces = (source[begin : begin + MIB] for begin in range(0, len(source), MIB))
    return sum(int(np.count_nonzero(piece == tag)) for piece in pieces for tag in _TAGS)


def _check_parts(parts: int) -> None:
    if parts > _MOST_PARTS:
        raise Rejected(
            RejectionReason.REQUEST_BYTES,
            f"request: {parts} resources, scopes and records, expected at most {_MOST_PARTS}; send fewer in a request",
        )


def _shared_bytes(logs: Any, resource: Resource) -> int:
    """What all records get from their resource and scopes. A small request could become very large by it."""
    of_resource = sum(len(key) + len(value) for key, value in resource.attributes)
    return sum((of_resource + scoped.scope.ByteSize()) * len(scoped.log_records) for scoped in logs.scope_logs)


def _derived_id(name: bytes, newest_nano: int) -> bytes:
    time = (newest_nano // _NANOS_A_MILLI & (1 << 8 * _TIME_BYTES) - 1).to_bytes(_TIME_BYTES)
    return time + blake2b(name, digest_size=BATCH_ID_BYTES - _TIME_BYTES).digest()
