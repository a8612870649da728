"""OTLP/JSON is the same request as in protobuf, and what is not is refused with its path."""

import base64
import json
from typing import Any

import pytest
from logstream_contract.otlp.json_requests import request_of_json
from logstream_contract.wire.batches import Rejected
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

# As the specification's own example has it, with more kinds of values.
REQUEST = {
    "resourceLogs": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "checkout"}}]},
            "scopeLogs": [
                {
                    "scope": {"name": "shop", "version": "1", "attributes": [{"key": "s", "value": {"boolValue": True}}]},
                    "logRecords": [
                        {
                            "timeUnixNano": "1544712660300000001",
                            "observedTimeUnixNano": 1544712660300000000,
                            "severityNumber": 10,
                            "severityText": "Information",
                            "traceId": "5B8EFFF798038103D269B633813FC60C",
                            "spanId": "eee19b7ec3c1b174",
                            "flags": 1,
                            "eventName": "paid",
                            "droppedAttributesCount": 2,
                            "body": {"stringValue": "Example log record"},
                            "attributes": [
                                {"key": "int", "value": {"intValue": "9007199254740993"}},
                                {"key": "inexact", "value": {"intValue": 10}},
                                {"key": "double", "value": {"doubleValue": 637.704}},
                                {"key": "nan", "value": {"doubleValue": "NaN"}},
                                {"key": "bytes", "value": {"bytesValue": "AP9h"}},
                                {"key": "list", "value": {"arrayValue": {"values": [{"stringValue": "many"}, {}]}}},
                                {
                                    "key": "map",
                                    "value": {"kvlistValue": {"values": [{"key": "k", "value": {"stringValue": "v"}}]}},
                                },
                            ],
                        }
                    ],
                }
            ],
        }
    ]
}


def read(given: Any) -> ExportLogsServiceRequest:
    text = given if isinstance(given, bytes) else json.dumps(given).encode()
    return ExportLogsServiceRequest.FromString(request_of_json(text))


def record(**fields: Any) -> dict[str, Any]:
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [fields]}]}]}


def first(request: ExportLogsServiceRequest) -> Any:
    return request.resource_logs[0].scope_logs[0].log_records[0]


def test_the_example_of_the_specification() -> None:
    request = read(REQUEST)
    logs = request.resource_logs[0]
    assert logs.resource.attributes[0].value.string_value == "checkout"
    scope = logs.scope_logs[0].scope
    assert (scope.name, scope.version, scope.attributes[0].value.bool_value) == ("shop", "1", True)
    found = first(request)
    assert found.time_unix_nano == 1544712660300000001
    assert found.observed_time_unix_nano == 1544712660300000000
    assert (found.severity_number, found.severity_text, found.event_name) == (10, "Information", "paid")
    assert (found.trace_id.hex(), found.span_id.hex()) == ("5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174")
    assert (found.flags, found.dropped_attributes_count) == (1, 2)
    assert found.body.string_value == "Example log record"
    values = {pair.key: pair.value for pair in found.attributes}
    assert values["int"].int_value == 9007199254740993
    assert values["inexact"].int_value == 10
    assert values["double"].double_value == 637.704
    assert values["nan"].double_value != values["nan"].double_value
    assert values["bytes"].bytes_value == b"\x00\xffa"
    assert [item.WhichOneof("value") for item in values["list"].array_value.values] == ["string_value", None]
    assert values["map"].kvlist_value.values[0].value.string_value == "v"


def test_what_is_null_absent_or_unknown_is_overlooked() -> None:
    assert read({}) == ExportLogsServiceRequest()
    assert read({"resourceLogs": None, "more": [1]}) == ExportLogsServiceRequest()
    found = first(
        read(record(timeUnixNano=None, body={"doubleValue": None, "newValue": 1}, time_unix_nano=5, attributes=None))
    )
    assert found.HasField("body")
    assert found.body.WhichOneof("value") is None
    assert found.time_unix_nano == 0


@pytest.mark.parametrize(("given", "number"), [(1.5e18, 15 * 10**17), ("7", 7), (7, 7)])
def test_times_come_as_text_or_number(given: Any, number: int) -> None:
    assert first(read(record(timeUnixNano=given))).time_unix_nano == number


def test_a_severity_may_come_by_name() -> None:
    assert first(read(record(severityNumber="SEVERITY_NUMBER_WARN2"))).severity_number == 14


@pytest.mark.parametrize("text", ["-_8", "+/8=", "-_8="])
def test_both_alphabets_of_base64(text: str) -> None:
    assert first(read(record(body={"bytesValue": text}))).body.bytes_value == base64.b64decode("+/8=")


def test_half_a_surrogate_pair_is_carried_on_as_bytes_that_are_not_utf8() -> None:
    assert b"a\xed\xa0\x80b" in request_of_json(
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"a\\ud800b"}}]}]}]}'
    )


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (b"", "request: not JSON"),
        (b"\xff", "request: not JSON"),
        (b"[" * 100_000, "request: not JSON"),
        ([], "request: [], expected an object"),
        ({"resourceLogs": {}}, "resourceLogs: {}, expected an array"),
        ({"resourceLogs": [1]}, "resourceLogs[0]: 1, expected an object"),
        (
            record(timeUnixNano="soon"),
            'resourceLogs[0].scopeLogs[0].logRecords[0].timeUnixNano: "soon", expected an integer of 0',
        ),
        (record(timeUnixNano=-1), "timeUnixNano: -1, expected an integer"),
        (record(timeUnixNano=1.5), "timeUnixNano: 1.5, expected an integer"),
        (record(flags=True), "flags: true, expected an integer"),
        (record(traceId="xyz"), 'traceId: "xyz", expected hexadecimal digits'),
        (record(severityText=1), "severityText: 1, expected a text"),
        (record(body="text"), 'body: "text", expected an object'),
        (record(body={"boolValue": 1}), "body.boolValue: 1, expected true or false"),
        (record(body={"doubleValue": "much"}), 'body.doubleValue: "much", expected a number'),
        (record(body={"bytesValue": "?"}), 'body.bytesValue: "?", expected base64'),
        (
            record(attributes=[{"key": "k", "value": {"arrayValue": {"values": [{"intValue": {}}]}}}]),
            "attributes[0].value.arrayValue.values[0].intValue: {}",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_path(given: Any, text: str) -> None:
    with pytest.raises(Rejected) as error:
        read(given)
    assert error.value.reason == "undecodable"
    assert text in str(error.value)
