"""Records of OpenTelemetry become the same bytes whether they are read one by one or many at once."""

import struct
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from harness import fuzzing
from harness.odd_batches import (
    FIXED32,
    FIXED64,
    VARINT,
    delimited,
    fixed64,
    keys,
    levels,
    paddings,
    tag,
    texts,
    unknown,
    varint,
)
from harness.odd_batches import times as odd_times
from hypothesis import given
from hypothesis import strategies as st
from logstream_contract.otlp import columns, requests
from logstream_contract.otlp.columns import frame_by_columns
from logstream_contract.otlp.framing import Framed, Scoped, frame_plainly
from logstream_contract.otlp.messages import LogRecord
from logstream_contract.otlp.records import FIELD_KEYS, MOST_RECORD_BYTES, Pair
from logstream_contract.otlp.requests import OtlpBatch, OtlpOptions, batches_of
from logstream_contract.wire.batches import Limits, Rejected
from logstream_contract.wire.pb.transport_pb2 import RawBatch

NOW = 1_722_970_292_000_000_000
# Field numbers: of LogRecord, of KeyValue, of AnyValue.
TIME, SEVERITY, LEVEL, BODY, ATTRIBUTES, DROPPED, FLAGS, TRACE, SPAN, OBSERVED, EVENT = 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12
KEY, VALUE = 1, 2
TEXT, BOOLEAN, INTEGER, DOUBLE, ARRAY, MAP, BYTES = range(1, 8)
SCOPE = ((b"otel.scope.name", b"shop.orders"),)
RESOURCE = ((b"host.name", b"node-7"), (b"empty", b""), (b"telemetry.sdk.language", b"python"))

small_varints = st.integers(0, 0x7F)
numbers = st.one_of(
    st.integers(-3, 300),
    st.integers(-(2**63), 2**63 - 1),
    st.builds(lambda power, more: 10**power + more, st.integers(0, 18), st.integers(-1, 1)),
    st.builds(lambda bits, more: (1 << bits) + more, st.integers(0, 62), st.integers(-1, 1)),
    st.sampled_from([-(2**63), 2**63 - 1]),
)


def integer(number: int, padding: int = 0) -> bytes:
    return tag(INTEGER, VARINT) + varint(number, padding)


def attribute(key: bytes, value: bytes) -> bytes:
    return delimited(ATTRIBUTES, delimited(KEY, key) + delimited(VALUE, value))


def fixed32(field: int, number: int) -> bytes:
    return tag(field, FIXED32) + struct.pack("<I", number)


ordinary_values = st.one_of(
    st.text(max_size=12).map(lambda text: delimited(TEXT, text.encode())),
    st.sampled_from([0, 100, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 16_000]).map(
        lambda size: delimited(TEXT, b"v" * size)
    ),
    numbers.map(integer),
    st.booleans().map(lambda flag: tag(BOOLEAN, VARINT) + varint(flag)),
    st.floats().map(lambda number: tag(DOUBLE, FIXED64) + struct.pack("<d", number)),
)
ordinary_keys = st.one_of(
    st.sampled_from([b"k", b"order", b"code.file.path", b"http.request.method", b"http.request.middle", b"x" * 96]),
    st.text("abcdefgh.", min_size=1, max_size=20).map(str.encode),
)
some_ids = st.sampled_from([b"", bytes(range(1, 17)), bytes(16), b"\0" * 15 + b"\1"])


def ordinary_records() -> st.SearchStrategy[bytes]:
    """As encoders write them, with every field there or not, or there and empty."""

    def either(there: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
        return st.one_of(there, there, st.just(b""))

    ids = some_ids.map(lambda trace: delimited(TRACE, trace))
    spans = some_ids.map(lambda span: delimited(SPAN, span[8:]))
    attributes = st.dictionaries(ordinary_keys, ordinary_values, max_size=6).map(
        lambda found: b"".join(attribute(key, value) for key, value in found.items())
    )
    times = st.one_of(st.integers(NOW - 10**12, NOW), st.just(0))
    parts = [
        either(times.map(lambda number: fixed64(TIME, number))),
        either(st.integers(0, 24).map(lambda number: tag(SEVERITY, VARINT) + varint(number))),
        either(st.sampled_from([b"INFO", b"", b"w" * 127]).map(lambda level: delimited(LEVEL, level))),
        either(
            st.sampled_from([b"", b"paid", b"m" * 125, b"m" * 126, b"m" * 128, b"m" * 16_000]).map(
                lambda body: delimited(BODY, delimited(TEXT, body))
            )
            | st.just(delimited(BODY, b""))
        ),
        attributes,
        either(st.just(tag(DROPPED, VARINT) + b"\0")),
        either(st.sampled_from([0, 1, 255]).map(lambda flags: fixed32(FLAGS, flags))),
        either(ids),
        either(spans),
        either(times.map(lambda number: fixed64(OBSERVED, number))),
    ]
    return st.tuples(*parts).map(b"".join)


def odd_values() -> st.SearchStrategy[bytes]:
    leaf = st.one_of(
        ordinary_values,
        st.builds(delimited, st.just(TEXT), texts, paddings),
        st.builds(delimited, st.just(BYTES), texts, paddings),
        st.builds(integer, numbers, paddings),
        st.builds(lambda number, padding: tag(BOOLEAN, VARINT) + varint(number, padding), numbers, paddings),
        st.just(b""),
        unknown(),
    )

    def nested(inner: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
        array = st.lists(inner, max_size=3).map(lambda found: b"".join(delimited(1, value) for value in found))
        pairs = st.lists(st.tuples(keys, inner), max_size=3).map(
            lambda found: b"".join(delimited(1, delimited(KEY, key) + delimited(VALUE, value)) for key, value in found)
        )
        return st.one_of(
            array.map(lambda content: delimited(ARRAY, content)),
            pairs.map(lambda content: delimited(MAP, content)),
            st.lists(inner, max_size=2).map(b"".join),
        )

    return st.recursive(leaf, nested, max_leaves=3)


def odd_records() -> st.SearchStrategy[bytes]:
    """Parts of records in any order, any number of times."""
    known = [key for key, _ in SCOPE + RESOURCE] + sorted(FIELD_KEYS)
    odd_keys = st.one_of(ordinary_keys, st.sampled_from([*known, b"y" * 127]), keys)
    values = odd_values()
    pair = st.lists(
        st.one_of(
            st.builds(delimited, st.just(KEY), odd_keys, paddings),
            st.builds(delimited, st.just(VALUE), values, paddings),
            unknown(),
        ),
        max_size=3,
    ).map(b"".join)
    part = st.one_of(
        st.builds(fixed64, st.sampled_from([TIME, OBSERVED]), odd_times(NOW)),
        st.builds(lambda number, padding: tag(SEVERITY, VARINT, padding) + varint(number), numbers, paddings),
        st.builds(delimited, st.just(LEVEL), levels, paddings),
        st.builds(delimited, st.just(BODY), values, paddings),
        st.builds(delimited, st.just(ATTRIBUTES), pair, paddings),
        st.builds(attribute, odd_keys, values),
        st.builds(lambda number: tag(DROPPED, VARINT) + varint(number), small_varints),
        st.builds(fixed32, st.just(FLAGS), st.integers(0, 2**32 - 1)),
        st.builds(delimited, st.sampled_from([TRACE, SPAN]), st.binary(max_size=17), paddings),
        st.builds(delimited, st.just(EVENT), texts, paddings),
        ordinary_records(),
        unknown(),
        unknown(st.sampled_from([TIME, SEVERITY, LEVEL, BODY, ATTRIBUTES, DROPPED, FLAGS, TRACE, SPAN, OBSERVED, EVENT])),
    )
    many = st.builds(
        lambda count, size: b"".join(attribute(b"k%d" % number, delimited(TEXT, b"v" * size)) for number in range(count)),
        st.sampled_from([0, 0, 0, 15, 16, 17, 200]),
        st.sampled_from([0, 1, 6_000]),
    )
    return st.builds(bytes.__add__, st.lists(part, max_size=6).map(b"".join), many)


def broken(record: bytes, place: float, byte: int) -> bytes:
    """With one byte changed, put in or left out."""
    at = int(place * len(record))
    return record[:at] + bytes([byte]) * (byte % 2) + record[at + byte % 3 :]


def records() -> st.SearchStrategy[list[bytes]]:
    """Of one scope: ordinary ones, among which there may be others. Each can be decoded."""
    ordinary, odd = ordinary_records(), odd_records()
    broken_ones = st.builds(broken, st.one_of(ordinary, odd), st.floats(0, 1), st.integers(0, 255))
    some = st.one_of(
        st.lists(ordinary, min_size=1, max_size=6),
        st.lists(st.one_of(ordinary, ordinary, odd, broken_ones), min_size=1, max_size=6),
    )
    return st.builds(
        lambda found, times: [record for record in found if decodable(record)] * times, some, st.sampled_from([1, 1, 9])
    )


def decodable(record: bytes) -> bool:
    try:
        LogRecord.FromString(record)
    except DecodeError:
        return False
    return True


def joined(framed: Framed) -> bytes:
    return b"".join(framed.blocks)


def demand_same(scopes: Sequence[Scoped], resource: Sequence[Pair] = RESOURCE) -> None:
    plain, by_columns = frame_plainly(scopes, resource), frame_by_columns(scopes, resource)
    assert by_columns.ends.tolist() == plain.ends.tolist()
    assert joined(by_columns) == joined(plain)
    assert (by_columns.newest_nano, by_columns.timed) == (plain.newest_nano, plain.timed)


def refuse(*_: Any) -> bytes:
    raise AssertionError("not read many at once")


pytestmark = pytest.mark.fuzz


@fuzzing.examples(250)
@given(st.lists(records(), min_size=1, max_size=3))
def test_records_become_the_same_bytes_both_ways(found: list[list[bytes]]) -> None:
    scopes = [Scoped(((b"otel.scope.name", b"%d" % number), *SCOPE[1:]), some) for number, some in enumerate(found)]
    if any(scoped.records for scoped in scopes):
        demand_same(scopes)


@fuzzing.examples(100)
@given(st.lists(ordinary_records(), min_size=1, max_size=9))
def test_ordinary_records_are_never_read_one_by_one(found: list[bytes]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "native_record", refuse)
        framed = frame_by_columns([Scoped(SCOPE, found)], RESOURCE)
    assert joined(framed) == joined(frame_plainly([Scoped(SCOPE, found)], RESOURCE))


def exported(scopes: Sequence[tuple[bytes, Sequence[bytes]]]) -> bytes:
    """An ExportLogsServiceRequest of one resource, of scopes by their names."""
    service = delimited(KEY, b"service.name") + delimited(VALUE, delimited(TEXT, b"checkout"))
    logs = delimited(1, delimited(1, service))
    for name, found in scopes:
        logs += delimited(2, delimited(1, delimited(1, name)) + b"".join(delimited(2, record) for record in found))
    return delimited(1, logs)


def batches(request: bytes, many: int, limits: Limits) -> list[OtlpBatch] | str:
    ids = count(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests, "_MANY", many)
        try:
            return list(batches_of(request, limits, OtlpOptions(), lambda: next(ids).to_bytes(16)))
        except Rejected as error:
            return str(error)


@fuzzing.examples(100)
@given(
    st.lists(st.tuples(st.sampled_from([b"a", b"b"]), records()), min_size=1, max_size=3),
    st.tuples(st.floats(0, 1), st.integers(0, 255)) | st.none(),
    st.integers(1, 20),
    st.sampled_from([100, 2_000, 4_000_000]),
)
def test_a_request_gives_the_same_batches_or_the_same_rejection(
    scopes: list[tuple[bytes, list[bytes]]], breaking: tuple[float, int] | None, most_records: int, most_bytes: int
) -> None:
    request = exported(scopes)
    if breaking:
        request = broken(request, *breaking)
    limits = Limits(batch_records=most_records, batch_bytes=most_bytes)
    assert batches(request, 1, limits) == batches(request, 1 << 40, limits)


def typical(index: int, *more: bytes) -> bytes:
    parts = [
        fixed64(TIME, NOW + index),
        tag(SEVERITY, VARINT) + varint(9),
        delimited(LEVEL, b"INFO"),
        delimited(BODY, delimited(TEXT, b"order %d paid" % index)),
        attribute(b"code.file.path", delimited(TEXT, b"/app/shop/orders.py")),
        attribute(b"order_id", delimited(TEXT, b"%d" % (index * 77))),
        attribute(b"code.line.number", integer(index)),
        *more,
        fixed32(FLAGS, 1),
        delimited(TRACE, bytes(range(16))),
        delimited(SPAN, bytes(range(1, 9))),
        fixed64(OBSERVED, NOW + index + 500),
    ]
    return b"".join(parts)


@pytest.mark.parametrize(
    ("records", "batch_bytes"), [(2_048, 4_000_000), (2_049, 4_000_000), (5_000, 100_000), (5_000, 4_000_000)]
)
def test_blocks_of_records_become_parts_within_the_limits(records: int, batch_bytes: int) -> None:
    request = exported(
        [
            (b"a", [typical(index) for index in range(records // 3)]),
            (b"b", [typical(index) for index in range(records - records // 3)]),
        ]
    )
    limits = Limits(batch_records=2_000, batch_bytes=batch_bytes)
    found = batches(request, 1, limits)
    assert found == batches(request, 1 << 40, limits)
    assert isinstance(found, list)
    assert sum(batch.records for batch in found) == records
    for batch in found:
        assert len(batch.raw) <= batch_bytes
        assert batch.records == len(RawBatch.FromString(batch.raw).records) <= 2_000


def test_a_record_past_every_limit_is_made_smaller_both_ways() -> None:
    large = typical(1, *(attribute(b"k%d" % number, delimited(TEXT, b"v" * 16_000)) for number in range(70)))
    assert len(large) > MOST_RECORD_BYTES
    demand_same([Scoped(SCOPE, [typical(0), large, *map(typical, range(9))])])
    demand_same([Scoped(SCOPE, [typical(0)] * 9)], [(b"k%d" % number, b"v" * 100_000) for number in range(11)])


@pytest.mark.parametrize(
    "first",
    [
        fixed64(TIME, NOW),
        tag(SEVERITY, VARINT) + varint(25),
        tag(SEVERITY, VARINT) + varint(3),
        delimited(LEVEL, b"w" * 200),
        delimited(BODY, delimited(TEXT, b"b")),
        delimited(BODY, b""),
        attribute(b"k", integer(1)),
        tag(DROPPED, VARINT) + varint(1),
        tag(DROPPED, VARINT) + varint(0),
        fixed32(FLAGS, 1),
        fixed32(FLAGS, 256),
        delimited(TRACE, b"t" * 16),
        delimited(TRACE, b"t" * 15),
        delimited(SPAN, b"s" * 8),
        delimited(SPAN, b""),
        fixed64(OBSERVED, NOW),
        delimited(EVENT, b"e"),
    ],
)
def test_a_record_takes_nothing_of_the_next_one(first: bytes) -> None:
    for before in (b"", fixed64(TIME, NOW), delimited(LEVEL, b"info"), attribute(b"k", integer(1)), fixed32(FLAGS, 1)):
        demand_same([Scoped(SCOPE, [before, first, first, before, b""])])


def test_keys_that_look_alike_are_told_apart() -> None:
    """They have the same first and last bytes and the same length."""
    alike = [attribute(b"messaging.%d.destination" % number, integer(number)) for number in range(8)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "native_record", refuse)
        framed = frame_by_columns([Scoped(SCOPE, [typical(0, *alike)] * 9)], [(b"messaging.9.destination", b"queue")])
    assert joined(framed).count(b"messaging.7.destination") == 9
    for repeated in (alike[3], attribute(b"messaging.9.destination", integer(1))):
        demand_same([Scoped(SCOPE, [typical(0, *alike, repeated)] * 9)], [(b"messaging.9.destination", b"queue")])


@pytest.mark.parametrize("key", sorted(FIELD_KEYS))
def test_a_resource_with_a_key_of_a_field_is_read_one_by_one(key: bytes) -> None:
    demand_same([Scoped(SCOPE, [typical(0), delimited(EVENT, b"e")] * 9)], [(key, b"theirs")])


def spent_s(found: Sequence[bytes], repeats: int) -> float:
    spent = []
    for _ in range(5):
        begin = time.process_time()
        frame_by_columns([Scoped(SCOPE, found)] * repeats, RESOURCE)
        spent.append(time.process_time() - begin)
    return min(spent)


HOSTILE: dict[str, Callable[[int], Iterator[bytes]]] = {
    "typical": lambda size: (typical(index) for index in range(size // 200)),
    "empty": lambda size: (b"" for _ in range(size // 2)),
    "many attributes": lambda size: (
        b"".join(attribute(b"%d" % number, delimited(TEXT, b"")) for number in range(size // 200)) for _ in range(16)
    ),
    "one with many attributes": lambda size: iter(
        [*[b""] * 20, b"".join(attribute(b"%d" % number, delimited(TEXT, b"")) for number in range(size // 12))]
    ),
    "one key again and again": lambda size: (attribute(b"k", delimited(TEXT, b"")) * (size // 200) for _ in range(16)),
    "lengths that lie": lambda size: (b"\x32\xff\x7f\x0a" for _ in range(size // 6)),
    "half of them odd": lambda size: (
        typical(index, *[delimited(EVENT, b"e")] * (index % 2)) for index in range(size // 200)
    ),
    "many doubles": lambda size: (
        b"".join(attribute(b"%d" % number, tag(DOUBLE, FIXED64) + struct.pack("<d", number / 7)) for number in range(16))
        for _ in range(size // 400)
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_time_grows_no_faster_than_bytes(name: str) -> None:
    def decoded(size: int) -> list[bytes]:
        return [record if decodable(record) else b"" for record in HOSTILE[name](size)]

    small, large = spent_s(decoded(50_000), 1), spent_s(decoded(400_000), 1)
    assert large < 8 * 2.5 * small + 0.02
