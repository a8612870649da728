"""A batch rendered at once is what orjson writes of its records one by one."""

from collections import Counter

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from logstream_contract.rows.invisible import escape_invisible
from logstream_contract.rows.records import record_of_row, seed_record_of_row
from logstream_contract.rows.rows import Rows
from logstream_stream.records.columns import columns_of_rows
from logstream_stream.records.rendering import Rendered, render_native, render_seed

US = 1_000_000
# No NUL: rows hold none.
TEXTS = (
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
    | st.text(st.characters(min_codepoint=1, max_codepoint=0x9F))
    | st.text('\\"/,[]{}:\n\r\t \1\x04\x1b\x7f\u2028\ufffd\U0001f600n')
)
# What one part of the rendering takes for a border, inside a text.
BORDERS = st.sampled_from(
    ["\n", ",\n  ", ",\n,", '",\n  "', "},\n,{", '}\n,"attributes":', "[", ",", ",1722970292", '","time":"']
)
ATTRIBUTES = st.none() | st.dictionaries(TEXTS | BORDERS, TEXTS | BORDERS, max_size=4)
# Near each other, as in most batches; on both sides of where a second has ten digits; and anywhere up to the year 9999.
NEAR = st.integers(1_722_970_292 * US - 3 * US, 1_722_970_292 * US + 3 * US)
EDGE = st.integers(10**15 - 3 * US, 10**15 + 3 * US)
ANY = st.integers(0, 253_402_300_799_999_999)


@st.composite
def row_columns(draw: st.DrawFn) -> Rows:
    records = st.tuples(
        draw(st.sampled_from([NEAR, NEAR, EDGE, ANY])),
        st.integers(0, 24),
        st.sampled_from(["info", "warn"]) | TEXTS,
        TEXTS | BORDERS,
        draw(st.sampled_from([st.none(), ATTRIBUTES])),
    )
    # The more records, the more seconds a batch may span before its times are written one by one.
    found = draw(st.lists(records, max_size=8)) * draw(st.sampled_from([1, 1, 100]))
    times, severities, levels, messages, attributes = map(list, zip(*found, strict=True)) if found else ([], [], [], [], [])
    number = draw(st.integers(0, 2) | st.integers(0, 2**47 - 1))
    return Rows(
        number=number,
        node=draw(TEXTS),
        times_us=times,
        severities=severities,
        levels=levels,
        messages=messages,
        attributes=attributes,
    )


def native_of(rows: Rows, indexes: list[int]) -> bytes:
    return escape_invisible(orjson.dumps([record_of_row(rows, index) for index in indexes]))


def seed_of(rows: Rows, indexes: list[int]) -> bytes:
    return escape_invisible(b"".join([b"<%b>" % orjson.dumps(seed_record_of_row(rows, index)) for index in indexes]))


def plain(times_us: list[int], attributes: dict[str, str] | None = None) -> Rows:
    count = len(times_us)
    return Rows(
        number=1,
        node="orders",
        times_us=times_us,
        severities=[9] * count,
        levels=["info"] * count,
        messages=["paid"] * count,
        attributes=[attributes] * count,
    )


@given(row_columns(), st.sets(st.integers(0, 9)))
@example(plain([]), set())
@example(plain([5]), {0})
@example(plain([1_722_970_292 * US + n * 999_983 for n in range(2_000)]), set())
@example(plain([1_722_970_292 * US] * 64, {str(n): str(n) for n in range(64)}), {1})
@example(plain([1_722_970_292 * US] * 3, {}), set())
@example(plain([1_722_970_292 * US] * 3, {"\x9bk": "\x7f", "\u2028": "\x85\n"}), {0})
@example(
    Rows(
        number=1,
        node="\x9b",
        times_us=[5, 6],
        severities=[9, 9],
        levels=["\x7f", "a"],
        messages=["\x9b31m", "a\u2029\t"],
        attributes=[None, None],
    ),
    set(),
)
def test_rendered_at_once_is_rendered_one_by_one(rows: Rows, refused: set[int]) -> None:
    indexes = [index for index in range(len(rows)) if index not in refused]
    columns = columns_of_rows(rows).without(frozenset(refused))
    assert list(columns.indexes) == indexes
    assert columns.levels() == Counter(rows.levels[index] for index in indexes)
    native = render_native(columns, opening=b",", new_line=b"\n")
    assert b"[%b]" % b"".join(native.pieces)[1:] == native_of(rows, indexes)
    seed = render_seed(columns, opening=b"<", closing=b">")
    assert b"".join(seed.pieces) == seed_of(rows, indexes)
    for rendered in (native, seed):
        assert len(rendered) == len(indexes)
        assert list(rendered.times_us) == [rows.times_us[index] for index in indexes]
    texts = [len(escape_invisible(orjson.dumps(rows.messages[index]))) - 2 for index in indexes]
    assert list(seed.sizes(0, len(indexes))) == texts
    members = [len(escape_invisible(orjson.dumps(rows.attributes[index] or {}))) - 2 for index in indexes]
    assert list(native.sizes(0, len(indexes))) == [text + member for text, member in zip(texts, members, strict=True)]


@pytest.mark.parametrize("times_us", [[10**15 - 1, 10**15], [0, 1], [10**16 - 1, 10**16], [10**15, 10**16 - 1]])
def test_times_at_the_edges_of_ten_digits(times_us: list[int]) -> None:
    rows = plain(times_us * 200)
    assert b"[%b]" % b"".join(render_native(columns_of_rows(rows), b",", b"\n").pieces)[1:] == native_of(
        rows, list(range(400))
    )


@pytest.mark.parametrize("power", [0, 2, 5, 6, 18])
def test_sequences_that_get_a_digit_more_within_a_batch(power: int) -> None:
    rows = plain([1_722_970_292 * US] * 40_000)
    rows.number = max(10**power - 17_000, 0) >> 16
    indexes = list(range(len(rows)))
    assert b"[%b]" % b"".join(render_native(columns_of_rows(rows), b",", b"\n").pieces)[1:] == native_of(rows, indexes)


def test_a_slice_is_the_records_of_the_slice() -> None:
    rows = plain([1_722_970_292 * US + n for n in range(10)])
    native: Rendered = render_native(columns_of_rows(rows), opening=b",", new_line=b"\n")
    assert b"[%b]" % b"".join(native.slice(3, 7, 0))[1:] == native_of(rows, [3, 4, 5, 6])
