"""OTLP/JSON: from the text of an Export to the bytes that the same Export has in protobuf. Pure.

It differs from protobuf's own JSON, whose reader would take hexadecimal ids for base64 without an error: ids are
hexadecimal, enums are numbers, only names in lowerCamelCase are known and others are overlooked. Integers of 64 bits come as
text or as number. What a browser or Node writes for NaN is null, which is no value.

Source: OpenTelemetry protocol, "JSON Protobuf Encoding"; Protocol Buffers, "ProtoJSON Format".
"""

import binascii
import json
import math
from base64 import b64decode
from collections.abc import Callable
from typing import Any, Final

from opentelemetry.proto.logs.v1 import logs_pb2

from logstream_contract.otlp.messages import LogRecord, Request, ResourceLogs
from logstream_contract.wire.batches import Rejected, RejectionReason

# More objects and arrays than any request has whose values are worth their names; each costs time, however small it is.
_MOST_VALUES: Final = 1_000_000
_NUMBERS: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_SEVERITIES: Final = dict(logs_pb2.SeverityNumber.items())
_INT64: Final = range(-(2**63), 2**63)
_UINT64: Final = range(2**64)
_UINT32: Final = range(2**32)
_INT32: Final = range(-(2**31), 2**31)


class _Bad(ValueError):
    """A value that is not what its field needs. The path is put together on the way up."""

    def __init__(self, expected: str, value: object) -> None:
        super().__init__(f"{_shown(value)}, expected {expected}")
        self.path = ""

    def at(self, step: str) -> "_Bad":
        self.path = step + ("" if not self.path or self.path.startswith("[") else ".") + self.path
        return self


def request_of_json(body: bytes) -> bytes:
    """An encoded ExportLogsServiceRequest. Raises Rejected, which names the path and the value."""
    values = body.count(b"{") + body.count(b"[")
    if values > _MOST_VALUES:
        raise Rejected(
            RejectionReason.REQUEST_BYTES,
            f"request: {values} objects and arrays, expected at most {_MOST_VALUES}; send less in a request",
        )
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Rejected(RejectionReason.UNDECODABLE, f"request: not JSON: {_one_line(error)}") from error
    request = Request()
    try:
        request.resource_logs.extend(_each(_object(found), "resourceLogs", _resource_logs))
        return bytes(request.SerializeToString())
    except _Bad as error:
        raise Rejected(RejectionReason.UNDECODABLE, f"{error.path or 'request'}: {error}") from error
    except RecursionError as error:
        raise Rejected(RejectionReason.UNDECODABLE, "request: values are nested too deeply") from error


def _resource_logs(found: Any) -> bytes:
    logs = ResourceLogs()
    given = _object(found)
    _inside(given, "resource", _resource, logs.resource)
    _append(given, "scopeLogs", _scope_logs, logs.scope_logs)
    return bytes(logs.SerializeToString())


def _resource(found: Any, resource: Any) -> None:
    given = _object(found)
    _append(given, "attributes", _pair, resource.attributes)
    _put(given, "droppedAttributesCount", resource, "dropped_attributes_count", _whole(_UINT32))


def _scope_logs(found: Any, logs: Any) -> None:
    given = _object(found)
    _inside(given, "scope", _scope, logs.scope)
    logs.log_records.extend(_each(given, "logRecords", _record))


def _scope(found: Any, scope: Any) -> None:
    given = _object(found)
    _put(given, "name", scope, "name", _text)
    _put(given, "version", scope, "version", _text)
    _append(given, "attributes", _pair, scope.attributes)
    _put(given, "droppedAttributesCount", scope, "dropped_attributes_count", _whole(_UINT32))


def _record(found: Any) -> bytes:
    record = LogRecord()
    given = _object(found)
    _put(given, "timeUnixNano", record, "time_unix_nano", _whole(_UINT64))
    _put(given, "observedTimeUnixNano", record, "observed_time_unix_nano", _whole(_UINT64))
    _put(given, "severityNumber", record, "severity_number", _severity)
    _put(given, "severityText", record, "severity_text", _text)
    _inside(given, "body", _value, record.body)
    _append(given, "attributes", _pair, record.attributes)
    _put(given, "droppedAttributesCount", record, "dropped_attributes_count", _whole(_UINT32))
    _put(given, "flags", record, "flags", _whole(_UINT32))
    _put(given, "traceId", record, "trace_id", _hexadecimal)
    _put(given, "spanId", record, "span_id", _hexadecimal)
    _put(given, "eventName", record, "event_name", _text)
    return bytes(record.SerializeToString())


def _pair(found: Any, pair: Any) -> None:
    given = _object(found)
    _put(given, "key", pair, "key", _text)
    _inside(given, "value", _value, pair.value)


def _value(found: Any, value: Any) -> None:
    """Of several kinds at once the last counts, as in protobuf."""
    value.SetInParent()
    for name, inner in _object(found).items():
        if inner is None:
            continue
        try:
            match name:
                case "stringValue":
                    value.string_value = _text(inner)
                case "boolValue":
                    value.bool_value = _truth(inner)
                case "intValue":
                    value.int_value = _whole(_INT64)(inner)
                case "doubleValue":
                    value.double_value = _number(inner)
                case "bytesValue":
                    value.bytes_value = _base64(inner)
                case "arrayValue":
                    value.array_value.SetInParent()
                    _append(_object(inner), "values", _value, value.array_value.values)
                case "kvlistValue":
                    value.kvlist_value.SetInParent()
                    _append(_object(inner), "values", _pair, value.kvlist_value.values)
        except _Bad as error:
            raise error.at(name) from None


def _object(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise _Bad("an object", found)
    return found


def _list(given: dict[str, Any], name: str) -> list[Any]:
    found = given.get(name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise _Bad("an array", found).at(name)
    return found


def _each(given: dict[str, Any], name: str, read: Callable[[Any], bytes]) -> list[bytes]:
    made = []
    for index, item in enumerate(_list(given, name)):
        try:
            made.append(read(item))
        except _Bad as error:
            raise error.at(f"{name}[{index}]") from None
    return made


def _append(given: dict[str, Any], name: str, read: Callable[[Any, Any], None], messages: Any) -> None:
    for index, item in enumerate(_list(given, name)):
        try:
            read(item, messages.add())
        except _Bad as error:
            raise error.at(f"{name}[{index}]") from None


def _inside(given: dict[str, Any], name: str, read: Callable[[Any, Any], None], message: Any) -> None:
    if given.get(name) is not None:
        try:
            read(given[name], message)
        except _Bad as error:
            raise error.at(name) from None


def _put(given: dict[str, Any], name: str, message: Any, field: str, read: Callable[[Any], object]) -> None:
    if given.get(name) is not None:
        try:
            setattr(message, field, read(given[name]))
        except _Bad as error:
            raise error.at(name) from None


def _text(found: Any) -> bytes:
    """Half of a surrogate pair becomes bytes that are not UTF-8, which are replaced and marked with the rest of a record."""
    if not isinstance(found, str):
        raise _Bad("a text", found)
    return found.encode(errors="surrogatepass")


def _truth(found: Any) -> bool:
    if not isinstance(found, bool):
        raise _Bad("true or false", found)
    return found


def _whole(allowed: range) -> Callable[[Any], int]:
    def read(found: Any) -> int:
        expected = f"an integer of {allowed.start} to {allowed.stop - 1}"
        number = found
        if isinstance(found, str):
            try:
                number = int(found)
            except ValueError:
                raise _Bad(expected, found) from None
        if isinstance(number, float) and number.is_integer():
            number = int(number)
        if isinstance(number, bool) or not isinstance(number, int) or number not in allowed:
            raise _Bad(expected, found)
        return number

    return read


def _severity(found: Any) -> int:
    """The specification has numbers alone; some senders write the names."""
    return _SEVERITIES[found] if isinstance(found, str) and found in _SEVERITIES else _whole(_INT32)(found)


def _number(found: Any) -> float:
    if isinstance(found, str):
        try:
            return _NUMBERS[found] if found in _NUMBERS else float(found)
        except ValueError:
            raise _Bad("a number", found) from None
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise _Bad("a number", found)
    try:
        return float(found)
    except OverflowError:
        return math.inf if found > 0 else -math.inf


def _base64(found: Any) -> bytes:
    """Both alphabets, with or without padding."""
    if not isinstance(found, str):
        raise _Bad("base64", found)
    try:
        text = found.replace("-", "+").replace("_", "/").rstrip("=")
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise _Bad("base64", found) from None


def _hexadecimal(found: Any) -> bytes:
    try:
        return bytes.fromhex(_text(found).decode())
    except ValueError:
        raise _Bad("hexadecimal digits", found) from None


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
