"""What becomes of a record of OpenTelemetry, its scope and its resource: docs/otlp.md, sentence by sentence."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from logstream_contract.otlp.records import MOST_RECORD_BYTES
from logstream_contract.otlp.requests import OtlpOptions, batches_of
from logstream_contract.rows.attributes import MAX_OTLP_ATTRIBUTES
from logstream_contract.rows.rows import Origin, Rows, rows_of
from logstream_contract.wire.batch_id import new_batch_id
from logstream_contract.wire.batches import Limits, Rejected, check_batch
from logstream_contract.wire.pb.transport_pb2 import RawBatch
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs

RECEIVED = 1_722_970_292_000_000_000
TIME = RECEIVED - 5_000_000_123
LIMITS = Limits()
PLAIN = OtlpOptions()


def value(given: Any) -> AnyValue:
    made = AnyValue()
    match given:
        case None:
            pass
        case bool():
            made.bool_value = given
        case int():
            made.int_value = given
        case float():
            made.double_value = given
        case str():
            made.string_value = given
        case bytes():
            made.bytes_value = given
        case list():
            made.array_value.values.extend(map(value, given))
            made.array_value.SetInParent()
        case dict():
            made.kvlist_value.values.extend(pairs(given))
            made.kvlist_value.SetInParent()
    return made


def pairs(given: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=value(inner)) for key, inner in given.items()]


def export(
    *records: LogRecord, resource: dict[str, Any] | None = None, scope: Callable[[Any], None] = lambda _: None
) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    logs = request.resource_logs.add()
    logs.resource.attributes.extend(pairs({"service.name": "checkout"} if resource is None else resource))
    scoped = logs.scope_logs.add()
    scope(scoped.scope)
    scoped.log_records.extend(records)
    return request


def batches(request: ExportLogsServiceRequest | bytes, options: OtlpOptions = PLAIN, limits: Limits = LIMITS) -> list[bytes]:
    raw = request if isinstance(request, bytes) else request.SerializeToString()
    made = list(batches_of(raw, limits, options, new_batch_id))
    for batch in made:
        assert len(check_batch(batch.raw, limits).records) == batch.records, "a batch that a gateway would take"
    return [batch.raw for batch in made]


def rows(request: ExportLogsServiceRequest | bytes, options: OtlpOptions = PLAIN) -> Rows:
    (raw,) = batches(request, options)
    return rows_of(raw, Origin(1, RECEIVED, 0))


def attributes(request: ExportLogsServiceRequest | bytes) -> dict[str, str]:
    (found,) = rows(request).attributes
    return found or {}


@pytest.mark.parametrize(
    ("resource", "options", "node", "left"),
    [
        ({"service.name": "checkout"}, PLAIN, "checkout", {}),
        ({"service.name": 7}, PLAIN, "7", {}),
        ({"service.name": "", "host.name": "h1"}, PLAIN, "h1", {"service.name": "", "host.name": "h1"}),
        ({"host.name": "h1"}, PLAIN, "h1", {"host.name": "h1"}),
        ({}, PLAIN, "unknown_service", {}),
        ({"service.name": "a", "service.namespace": "shop"}, PLAIN, "a", {"service.namespace": "shop"}),
        (
            {"service.name": "a", "service.namespace": "shop"},
            OtlpOptions(namespace=True),
            "shop/a",
            {"service.name": "a", "service.namespace": "shop"},
        ),
        ({"service.name": "a"}, OtlpOptions(namespace=True), "a", {}),
        ({"service.name": "n" * 300}, PLAIN, "n" * 255, {"service.name": "n" * 300}),
        ({"service.name": "a\0b"}, PLAIN, "a\ufffdb", {"service.name": "a\ufffdb", "logstream.nuls_replaced": "1"}),
    ],
)
def test_the_node_is_the_service(resource: dict[str, Any], options: OtlpOptions, node: str, left: dict[str, str]) -> None:
    found = rows(export(LogRecord(), resource=resource), options)
    assert (found.node, found.attributes[0] or {}) == (node, left)


@pytest.mark.parametrize(
    ("number", "text", "severity", "level"),
    [
        (9, "INFO", 9, "INFO"),
        (9, "", 9, "info"),
        (10, "", 10, "info2"),
        (21, "CRITICAL", 21, "CRITICAL"),
        (24, "", 24, "fatal4"),
        (0, "warn", 13, "warn"),
        (0, "Notice", 10, "Notice"),
        (0, "audit", 0, "audit"),
        (0, "", 0, ""),
    ],
)
def test_severity_and_level(number: int, text: str, severity: int, level: str) -> None:
    found = rows(export(LogRecord(severity_number=number, severity_text=text)))  # type: ignore[arg-type]
    assert (found.severities, found.levels, found.attributes) == ([severity], [level], [None])


@pytest.mark.parametrize("number", [25, -1, 2**31 - 1])
def test_a_severity_that_there_is_not_is_kept_as_an_attribute(number: int) -> None:
    found = rows(export(LogRecord(severity_number=number, severity_text="odd")))  # type: ignore[arg-type]
    assert (found.severities, found.levels, found.attributes) == ([0], ["odd"], [{"severity_number": str(number)}])


def test_the_time_is_the_records_else_when_it_was_observed_else_when_it_came() -> None:
    found = rows(
        export(
            LogRecord(time_unix_nano=TIME, observed_time_unix_nano=TIME + 7_000),
            LogRecord(observed_time_unix_nano=TIME + 7_000),
            LogRecord(),
        )
    )
    assert found.times_us == [TIME // 1000, TIME // 1000 + 7, RECEIVED // 1000]
    assert found.attributes == [None] * 3


VALUES = [
    ("text", "text"),
    ("", ""),
    (None, ""),
    (b"\x00\xffa", "AP9h"),
    (True, "true"),
    (False, "false"),
    (0, "0"),
    (2**53 + 1, "9007199254740993"),
    (-(2**63), "-9223372036854775808"),
    (0.5, "0.5"),
    (-0.0, "-0.0"),
    (5e-324, "5e-324"),
    (math.nan, "NaN"),
    (math.inf, "Infinity"),
    (-math.inf, "-Infinity"),
    ([], "[]"),
    ({}, "{}"),
    (["a", 1, None, [True], math.nan, -math.inf], '["a",1,null,[true],"NaN","-Infinity"]'),
    ({"a": {"b": b"x", "ü": 2**63 - 1}}, '{"a":{"b":"eA==","ü":9223372036854775807}}'),
    ({"quote": '"\n'}, '{"quote":"\\"\\n"}'),
]


@pytest.mark.parametrize(("given", "text"), VALUES)
def test_bodies_and_values_of_every_kind(given: Any, text: str) -> None:
    found = rows(export(LogRecord(body=value(given), attributes=pairs({"k": given}))))
    assert (found.messages, found.attributes) == ([text], [{"k": text}])


def test_a_record_without_a_body_is_an_event_or_empty() -> None:
    found = rows(
        export(LogRecord(), LogRecord(event_name="cart.paid"), LogRecord(event_name="cart.paid", body=value("paid")))
    )
    assert found.messages == ["", "cart.paid", "paid"]
    assert found.attributes == [None, {"event_name": "cart.paid"}, {"event_name": "cart.paid"}]


def test_what_else_a_record_has_becomes_attributes() -> None:
    record = LogRecord(trace_id=bytes(range(16)), span_id=bytes(range(8)), flags=0x101, dropped_attributes_count=3)
    assert attributes(export(record)) == {
        "trace_id": "000102030405060708090a0b0c0d0e0f",
        "span_id": "0001020304050607",
        "trace_flags": "101",
        "dropped_attributes_count": "3",
    }
    assert attributes(export(LogRecord(flags=1))) == {"trace_flags": "01"}
    assert attributes(export(LogRecord(trace_id=bytes(16), span_id=bytes(8)))) == {}


def test_scope_and_resource_become_attributes() -> None:
    def scope(made: Any) -> None:
        made.name, made.version, made.dropped_attributes_count = "shop.orders", "1.2", 2
        made.attributes.extend(pairs({"team": "a"}))

    request = export(LogRecord(), resource={"service.name": "checkout", "host.name": "h1", "n": 1}, scope=scope)
    request.resource_logs[0].resource.dropped_attributes_count = 4
    assert attributes(request) == {
        "otel.scope.name": "shop.orders",
        "otel.scope.version": "1.2",
        "otel.scope.dropped_attributes_count": "2",
        "otel.scope.team": "a",
        "host.name": "h1",
        "n": "1",
        "resource.dropped_attributes_count": "4",
    }


def test_of_equal_keys_none_is_lost() -> None:
    def scope(made: Any) -> None:
        made.name = "of the scope"

    record = LogRecord(
        trace_id=b"\1" * 16,
        attributes=pairs(
            {"trace_id": "of the record", "otel.scope.name": "the record's", "host": "own", "resource.host": "own"}
        ),
    )
    assert attributes(export(record, resource={"service.name": "a", "host": "of the resource"}, scope=scope)) == {
        "trace_id": "01" * 16,
        "attribute.trace_id": "of the record",
        "otel.scope.name": "the record's",
        "scope.otel.scope.name": "of the scope",
        "host": "own",
        "resource.host": "own",
        "_resource.host": "of the resource",
    }


def test_of_a_key_that_comes_again_the_last_value_counts() -> None:
    record = LogRecord(attributes=[*pairs({"k": "first"}), *pairs({"k": "last"})])
    assert attributes(export(record)) == {"k": "last"}


def test_an_otlp_record_keeps_more_attributes_than_others() -> None:
    many = {f"k{number:03}": "v" for number in range(MAX_OTLP_ATTRIBUTES + 5)}
    found = attributes(export(LogRecord(attributes=pairs(many))))
    assert found.pop("logstream.attributes_dropped") == "5"
    assert found == dict(list(many.items())[:MAX_OTLP_ATTRIBUTES])
    (raw,) = batches(export(LogRecord(attributes=pairs(many))))
    other = RawBatch.FromString(raw)
    other.otlp = False
    (kept,) = rows_of(other.SerializeToString(), Origin(1, RECEIVED, 0)).attributes
    assert kept
    assert len(kept) == 65


def test_texts_that_are_not_utf8_and_large_values_are_mended_and_take_nothing_along() -> None:
    request = export(LogRecord(body=value("fine"), attributes=pairs({"XX": "v"})), LogRecord(body=value("good")))
    raw = request.SerializeToString().replace(b"fine", b"f\xffne").replace(b"XX", b"\xfeX")
    found = rows(raw)
    assert found.messages == ["f\ufffdne", "good"]
    assert found.attributes[0] == {"\ufffdX": "v", "logstream.invalid_utf8_replaced": "2"}
    nested = export(LogRecord(body=value(["fine"]))).SerializeToString().replace(b"fine", b"f\xffne")
    assert rows(nested).messages == ['["f\ufffdne"]']
    assert rows(nested).mended == {"invalid_utf8": 1}


def test_a_record_that_no_batch_could_hold_is_cut_and_takes_nothing_along() -> None:
    large = LogRecord(
        body=value("x" * 20_000_000),
        attributes=pairs({**{f"k{number:02}": "v" * 1_000_000 for number in range(12)}, "a": "short"}),
        dropped_attributes_count=1,
    )
    found = rows(export(LogRecord(body=value("before")), large, LogRecord(body=value("after"))))
    assert [message[:6] for message in found.messages] == ["before", "xxxxxx", "after"]
    kept = found.attributes[1]
    assert kept
    assert kept["a"] == "short"
    assert len(found.messages[1]) == 65_536
    assert int(kept["logstream.message_bytes"]) > 65_536
    assert int(kept["dropped_attributes_count"]) > 1
    assert sum(map(len, batches(export(large)))) < MOST_RECORD_BYTES


def test_a_request_is_split_within_the_limits_of_a_batch_and_in_order() -> None:
    records = [LogRecord(time_unix_nano=TIME, body=value(str(number))) for number in range(25)]
    limits = Limits(batch_records=10)
    parts = batches(export(*records), limits=limits)
    messages = [rows_of(part, Origin(1, RECEIVED, 0)).messages for part in parts]
    assert [len(part) for part in messages] == [10, 10, 5]
    assert [message for part in messages for message in part] == [str(number) for number in range(25)]
    large = [LogRecord(time_unix_nano=TIME, body=value("x" * 30_000)) for _ in range(20)]
    assert len(batches(export(*large), limits=Limits(batch_bytes=100_000))) == 7


def test_each_resource_has_batches_of_its_own() -> None:
    request = export(LogRecord(), resource={"service.name": "a"})
    request.MergeFrom(export(LogRecord(), LogRecord(), resource={"service.name": "b"}))
    request.MergeFrom(export(resource={"service.name": "without records"}))
    found = [rows_of(raw, Origin(1, RECEIVED, 0)) for raw in batches(request)]
    assert [(one.node, len(one)) for one in found] == [("a", 1), ("b", 2)]


def test_an_empty_request_has_no_batches() -> None:
    assert batches(b"") == []
    assert batches(ExportLogsServiceRequest(resource_logs=[ResourceLogs()])) == []


@pytest.mark.parametrize("raw", [b"\xff", b"\x0a\x05ab", export(LogRecord(body=value("x"))).SerializeToString()[:-1]])
def test_what_is_no_request_is_refused_before_the_first_batch(raw: bytes) -> None:
    with pytest.raises(Rejected, match="ExportLogsServiceRequest") as error:
        batches_of(raw, LIMITS, PLAIN, new_batch_id)
    assert error.value.reason == "undecodable"


def ids(request: ExportLogsServiceRequest, options: OtlpOptions = PLAIN, limits: Limits = LIMITS) -> list[bytes]:
    return [RawBatch.FromString(raw).batch_id for raw in batches(request, options, limits)]


def timed(count: int = 1) -> list[LogRecord]:
    return [LogRecord(time_unix_nano=TIME + number, body=value("x")) for number in range(count)]


def test_a_request_that_comes_again_gives_the_same_bytes() -> None:
    request = export(*timed(25), resource={"service.name": "a", "k": ["v"]})
    limits = Limits(batch_records=10)
    assert batches(request, limits=limits) == batches(request, limits=limits)
    assert len(set(ids(request, limits=limits))) == 3


def test_different_requests_have_different_ids() -> None:
    twice = export(*timed())
    twice.MergeFrom(twice.__class__.FromString(twice.SerializeToString()))
    assert len(set(ids(twice))) == 2, "two equal resources in one request are two"
    assert ids(export(*timed())) != ids(export(*timed(), resource={"service.name": "b"}))
    assert ids(export(*timed(2))) != ids(export(*timed(1)))


def test_ids_of_a_time_lie_together() -> None:
    early, late = (ids(export(LogRecord(time_unix_nano=nano, body=value("x"))))[0] for nano in (TIME, TIME + 10**9))
    assert early < late
    assert int.from_bytes(early[:6]) == TIME // 10**6
    assert ids(export(LogRecord(time_unix_nano=2**64 - 1)))[0][:6] == (((2**64 - 1) // 10**6) % 2**48).to_bytes(6)


@pytest.mark.parametrize(
    ("records", "options"),
    [([LogRecord(body=value("x"))], PLAIN), ([*timed(3), LogRecord()], PLAIN), (timed(), OtlpOptions(derive_ids=False))],
)
def test_without_times_or_where_it_is_not_wanted_ids_are_made_by_chance(
    records: list[LogRecord], options: OtlpOptions
) -> None:
    assert ids(export(*records), options) != ids(export(*records), options)


def test_an_observed_time_is_enough_for_an_id() -> None:
    request = export(LogRecord(observed_time_unix_nano=TIME))
    assert ids(request) == ids(request)
