"""What a filter lets through of a batch is what it lets through of its records one by one."""

from collections.abc import Iterator
from random import Random
from typing import Any, cast

import orjson
import pytest
from harness.corpus import QUERIES, SAMPLES, query_string, random_query
from hypothesis import given, settings
from hypothesis import strategies as st
from logstream_contract.filters.filters import Filter, Terms
from logstream_contract.filters.matching import Candidate, Matcher
from logstream_contract.filters.parameters import RecordParameters
from logstream_contract.rows.rows import Origin, rows_of
from logstream_contract.wire.pb.logs_pb2 import LogBatch, LogRecord
from logstream_stream.records import columns
from logstream_stream.records.columns import read_columns
from logstream_stream.records.decoder import Decoded
from logstream_stream.records.framing import NativeFraming
from logstream_stream.records.rendering import TEXT
from logstream_stream.records.selection import CompiledFilter, select

from ..batches import START_NS
from ..world import events

ORIGIN = Origin(7, START_NS, START_NS - 10**15)
NODES = sorted({sample.node for sample in SAMPLES})
TEXTS = st.text(':,"{}\\abé\n', max_size=4)


@pytest.fixture(params=[1, 10**9], ids=["as a block", "as rows"], autouse=True, scope="module")
def threshold(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "_BLOCK_RECORDS", request.param)
        yield


def raw_of(records: list[LogRecord], node: str = "orders") -> bytes:
    return LogBatch(batch_id=bytes(16), node=node, records=records).SerializeToString()


def batch_of(node: str) -> bytes:
    return raw_of(
        [
            LogRecord(
                time_unix_nano=START_NS,
                level=sample.level,
                severity=cast(Any, sample.severity),
                message=sample.message,
                attributes=sample.attributes,
            )
            for sample in SAMPLES
        ],
        node,
    )


def candidates(raw: bytes) -> list[Candidate]:
    rows = rows_of(raw, ORIGIN)
    return [
        Candidate(
            rows.sequence(n), rows.times_us[n], rows.severities[n], rows.levels[n], rows.node, rows.messages[n],
            rows.attributes[n],
        )
        for n in range(len(rows))
    ]  # fmt: skip


def shown(raw: bytes, filter_: Filter, refused: frozenset[int] = frozenset()) -> list[int]:
    """The sequences of the records that a viewer with this filter is shown."""
    selection = select(Decoded(read_columns(raw, ORIGIN, refused), len(raw)), CompiledFilter(filter_))
    if not selection.indexes:
        return []
    rendered = selection.rendered(NativeFraming())
    assert list(rendered.indexes) == list(selection.indexes)
    texts = rendered.pieces[TEXT :: rendered.stride]
    assert len(texts) == len(rendered.times_us) == len(rendered)
    ((_, records, _),) = events(NativeFraming().logs(rendered.pieces, None))
    assert [record["message"] for record in records] == [orjson.loads(b'"%b"' % text) for text in texts]
    return [int(record["sequence"]) for record in records]


def assert_right(raw: bytes, filter_: Filter) -> None:
    matcher = Matcher(filter_)
    assert shown(raw, filter_) == [record.sequence for record in candidates(raw) if matcher.record(record)]


def filter_of(query: object) -> Filter:
    return RecordParameters.read(query_string(query))[0].record_filter()  # type: ignore[arg-type]


@pytest.mark.parametrize("query", QUERIES, ids=repr)
def test_what_is_asked_by_hand(query: list[tuple[str, str]]) -> None:
    for node in NODES:
        assert_right(batch_of(node), filter_of(query))


@settings(deadline=None)
@given(st.randoms(use_true_random=False))
def test_what_is_asked_by_chance(chance: Random) -> None:
    assert_right(batch_of(chance.choice(NODES)), filter_of(random_query(chance)))


@settings(deadline=None)
@given(
    st.lists(st.dictionaries(TEXTS, TEXTS, max_size=3), min_size=1, max_size=6),
    st.lists(st.tuples(TEXTS, TEXTS), max_size=2),
    st.lists(st.tuples(TEXTS, TEXTS), max_size=2),
)
def test_attributes_are_distinguished_whatever_they_contain(
    records: list[dict[str, str]], wanted: list[tuple[str, str]], unwanted: list[tuple[str, str]]
) -> None:
    raw = raw_of([LogRecord(level="info", attributes=attributes) for attributes in records])
    known = [pair for attributes in records for pair in attributes.items()][:1]
    for found, other in ((wanted, unwanted), (known, unwanted), (wanted, known)):
        assert_right(raw, Filter(attributes=tuple(found), not_attributes=tuple(other)))


def test_what_looks_like_an_attribute_between_two_others_is_none() -> None:
    raw = raw_of([LogRecord(level="info", attributes={"a": ":", "b": "c"}), LogRecord(level="info", attributes={":": ","})])
    assert shown(raw, Filter(attributes=((":", ","),))) == [7 << 16 | 1]
    assert shown(raw, Filter(not_attributes=((":", ","),))) == [7 << 16]


def test_what_only_history_asks_is_not_overlooked() -> None:
    raw = raw_of([LogRecord(level="info", time_unix_nano=START_NS + n * 10**6, message=str(n)) for n in range(4)])
    start_us = START_NS // 1_000
    assert shown(raw, Filter(start_us=start_us + 1_000, end_us=start_us + 3_000)) == [7 << 16 | 1, 7 << 16 | 2]
    assert shown(raw, Filter(sequences=(7 << 16 | 3,))) == [7 << 16 | 3]
    with pytest.raises(ValueError, match="regex"):
        CompiledFilter(Filter(regex="a"))


def test_records_keep_their_index_in_the_batch() -> None:
    raw = raw_of([LogRecord(level="info", message=f"{n % 2}") for n in range(8)])
    assert shown(raw, Filter(text=Terms(("1",))), frozenset({1, 2})) == [7 << 16 | 3, 7 << 16 | 5, 7 << 16 | 7]


@pytest.mark.parametrize("rendered_before", [True, False])
@pytest.mark.parametrize("every", [1, 2, 50])
def test_few_records_look_as_they_do_among_all(every: int, rendered_before: bool) -> None:
    raw = raw_of([LogRecord(level="info", message="yes" if n % every == 0 else "no") for n in range(200)])
    framing = NativeFraming()
    whole = Decoded(read_columns(raw, ORIGIN, frozenset()), len(raw))
    expected = [b"".join(whole.rendered(framing).slice(n, n + 1, 0)) for n in range(0, 200, every)]
    decoded = whole if rendered_before else Decoded(read_columns(raw, ORIGIN, frozenset()), len(raw))
    rendered = select(decoded, CompiledFilter(Filter(text=Terms(("YES",))))).rendered(framing)
    assert [b"".join(rendered.slice(n, n + 1, 0)) for n in range(len(rendered))] == expected
