"""What becomes of one record of OpenTelemetry, of its scope and of its resource: the rules, for every record there can be.
Pure. docs/otlp.md tells them to people; logstream_contract.otlp.columns does the same to ordinary records, many at once.

Source: OpenTelemetry logs data model; "Trace Context in non-OTLP Log Formats" and "Mapping to non-OTLP Formats" for keys.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from logstream_contract.otlp.values import text_of
from logstream_contract.rows.severity import HIGHEST
from logstream_contract.rows.texts import clean, cut
from logstream_contract.wire.batches import MAX_NODE_BYTES
from logstream_contract.wire.pb.transport_pb2 import LooseAttribute, LooseRecord

SERVICE_NAME: Final = b"service.name"
TRACE_ID, SPAN_ID, TRACE_FLAGS = b"trace_id", b"span_id", b"trace_flags"
EVENT_NAME: Final = b"event_name"
SEVERITY_NUMBER: Final = b"severity_number"
DROPPED: Final = b"dropped_attributes_count"
# The keys of what a record has beside its attributes.
FIELD_KEYS: Final = frozenset((TRACE_ID, SPAN_ID, TRACE_FLAGS, EVENT_NAME, SEVERITY_NUMBER, DROPPED))
_NAMESPACE: Final = b"service.namespace"
_HOST: Final = b"host.name"
_UNKNOWN: Final = "unknown_service"
_SCOPE: Final = b"otel.scope."
# Before the key of what another has the key of: of an attribute of a record, of its scope, of its resource.
_ATTRIBUTE, _OF_SCOPE, _RESOURCE = b"attribute.", b"scope.", b"resource."

# OpenTelemetry's short names of severity numbers, from 1.
LEVELS: Final = tuple(
    f"{name}{step or ''}".encode() for name in ("trace", "debug", "info", "warn", "error", "fatal") for step in (0, 2, 3, 4)
)

# A record that is larger than this, as ours, is made smaller before it becomes part of a batch. The limits of a record are
# below it, and are held where they always are; there is only no need to carry on what no limit can let through.
MOST_RECORD_BYTES: Final = 1024 * 1024
_MOST_TEXT_BYTES: Final = 128 * 1024
_MOST_ATTRIBUTES_BYTES: Final = 512 * 1024

Pair = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What the records of one resource share: the node, and attributes, as (key, value)."""

    node: str
    attributes: Sequence[Pair]


def read_resource(resource: Any, namespace: bool) -> Resource:
    """resource: a Resource of messages. namespace: whether the node begins with service.namespace, if there is one."""
    found = _pairs(resource.attributes)
    name = found.get(SERVICE_NAME, b"")
    given = name or found.get(_HOST, b"") or _UNKNOWN.encode()
    if namespace and name and found.get(_NAMESPACE):
        given = found[_NAMESPACE] + b"/" + name
    node = cut(clean(given.decode(errors="replace")), MAX_NODE_BYTES)
    if node.encode() == name:
        del found[SERVICE_NAME]
    if resource.dropped_attributes_count:
        _add(found, b"resource." + DROPPED, b"%d" % resource.dropped_attributes_count, _RESOURCE)
    return Resource(node=node, attributes=tuple(found.items()))


def read_scope(scope: Any) -> Sequence[Pair]:
    """scope: an InstrumentationScope of messages."""
    found = {}
    if scope.name:
        found[_SCOPE + b"name"] = bytes(scope.name)
    if scope.version:
        found[_SCOPE + b"version"] = bytes(scope.version)
    if scope.dropped_attributes_count:
        found[_SCOPE + DROPPED] = b"%d" % scope.dropped_attributes_count
    for key, value in _pairs(scope.attributes).items():
        _add(found, _SCOPE + key, value, _OF_SCOPE)
    return tuple(found.items())


def time_of(record: Any) -> int:
    return int(record.time_unix_nano or record.observed_time_unix_nano)


def native_record(record: Any, scope: Sequence[Pair], resource: Sequence[Pair]) -> bytes:
    """An encoded logstream.v1.LogRecord. record: a LogRecord of messages."""
    number = record.severity_number
    known = 1 <= number <= HIGHEST
    fields = dict(_fields(record))
    own = _pairs(record.attributes)
    attributes = {key: value for key, value in own.items() if key not in fields}
    attributes.update(fields)
    for key, value in own.items():
        if key in fields:
            attributes[_free(own, _ATTRIBUTE + key)] = value
    _share(attributes, scope, resource)
    message = text_of(record.body) if record.HasField("body") else b""
    made = LooseRecord(
        time_unix_nano=time_of(record),
        severity=number if known else 0,
        level=record.severity_text or (LEVELS[number - 1] if known else b""),
        message=message or record.event_name,
        attributes=[LooseAttribute(key=key, value=value) for key, value in attributes.items()],
    )
    return _smaller(made) if made.ByteSize() > MOST_RECORD_BYTES else made.SerializeToString()


def shared(scope: Sequence[Pair], resource: Sequence[Pair]) -> dict[bytes, bytes]:
    """What these give to a record that has no attribute of its own."""
    found: dict[bytes, bytes] = {}
    _share(found, scope, resource)
    return found


def _share(found: dict[bytes, bytes], scope: Sequence[Pair], resource: Sequence[Pair]) -> None:
    for key, value in scope:
        _add(found, key, value, _OF_SCOPE)
    for key, value in resource:
        _add(found, key, value, _RESOURCE)


def _fields(record: Any) -> Iterable[Pair]:
    """What a record has beside its attributes, and ours has no field for."""
    if any(record.trace_id):
        yield TRACE_ID, record.trace_id.hex().encode()
    if any(record.span_id):
        yield SPAN_ID, record.span_id.hex().encode()
    if record.flags:
        yield TRACE_FLAGS, b"%02x" % record.flags
    if record.event_name:
        yield EVENT_NAME, record.event_name
    if not 0 <= record.severity_number <= HIGHEST:
        yield SEVERITY_NUMBER, b"%d" % record.severity_number
    if record.dropped_attributes_count:
        yield DROPPED, b"%d" % record.dropped_attributes_count


def _pairs(attributes: Any) -> dict[bytes, bytes]:
    """Of a key that comes again the last value counts."""
    return {pair.key: text_of(pair.value) for pair in attributes}


def _add(found: dict[bytes, bytes], key: bytes, value: bytes, prefix: bytes) -> None:
    """Under this key, or with the prefix before it if it is another's."""
    found[key if key not in found else _free(found, prefix + key)] = value


def _free(found: dict[bytes, bytes], key: bytes) -> bytes:
    while key in found:
        key = b"_" + key
    return key


def _smaller(record: LooseRecord) -> bytes:
    """Without what is far past every limit of a record: texts are cut, but not as far as they will be, and attributes past
    a size are left out, which dropped_attributes_count tells."""
    record.level = record.level[:_MOST_TEXT_BYTES]
    record.message = record.message[:_MOST_TEXT_BYTES]
    kept, left_bytes, dropped = [], _MOST_ATTRIBUTES_BYTES, 0
    for attribute in sorted(record.attributes, key=lambda attribute: attribute.key):
        attribute.key = attribute.key[:_MOST_TEXT_BYTES]
        attribute.value = attribute.value[:_MOST_TEXT_BYTES]
        left_bytes -= len(attribute.key) + len(attribute.value)
        if left_bytes < 0:
            dropped += 1
        elif attribute.key == DROPPED:
            dropped += int(attribute.value) if attribute.value.isdigit() else 0
        else:
            kept.append(attribute)
    if dropped:
        kept.append(LooseAttribute(key=DROPPED, value=b"%d" % dropped))
    return LooseRecord(
        time_unix_nano=record.time_unix_nano,
        severity=record.severity,
        level=record.level,
        message=record.message,
        attributes=kept,
    ).SerializeToString()
