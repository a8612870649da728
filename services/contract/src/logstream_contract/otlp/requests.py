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

from logstream_contract.otlp.columns import frame_by_columns
from logstream_contract.otlp.framing import Framed, Scoped, frame_plainly
from logstream_contract.otlp.messages import FlatRequest, Request, ResourceLogs
from logstream_contract.otlp.records import Resource, read_resource, read_scope
from logstream_contract.units import MIB
from logstream_contract.wire.batch_id import BATCH_ID_BYTES
from logstream_contract.wire.batches import Limits, Rejected, RejectionReason
from logstream_contract.wire.pb.transport_pb2 import RawBatch

_RULES: Final = 1
# Of an id: milliseconds of time first, so that ids of a time lie together in the inbox's index.
_TIME_BYTES: Final = 6
_NANOS_A_MILLI: Final = 1_000_000
# What a batch has beside its records, at most.
_BATCH_ROOM_BYTES: Final = 300
_TAIL: Final = RawBatch(otlp=True).SerializeToString()
# Fewer records are read sooner one by one.
_MANY: Final = 16
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
        framed = _framed(logs, resource)
        derived = options.derive_ids and framed.timed
        split = framed.parts(limits.batch_records, limits.batch_bytes - _BATCH_ROOM_BYTES)
        for part, (pieces, count) in enumerate(split):
            name = digest + before[digest].to_bytes(8) + part.to_bytes(8) + _RULES.to_bytes(2)
            batch_id = _derived_id(name, framed.newest_nano) if derived else new_id()
            head = RawBatch(batch_id=batch_id, node=resource.node).SerializeToString()
            yield OtlpBatch(b"".join((head, *pieces, _TAIL)), count)
        before[digest] += 1


def _framed(logs: Any, resource: Resource) -> Framed:
    scopes = [Scoped(read_scope(scoped.scope), list(scoped.log_records)) for scoped in logs.scope_logs]
    many = sum(len(scoped.records) for scoped in scopes) >= _MANY
    return (frame_by_columns if many else frame_plainly)(scopes, resource.attributes)


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
