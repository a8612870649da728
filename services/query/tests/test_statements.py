"""The SQL that questions become: values only ever as parameters."""

import pytest
from logstream_contract.filters.filters import Filter, Terms
from logstream_query.questions.cursors import Order, Position
from logstream_query.questions.moments import StoredTime, as_datetime
from logstream_query.questions.ranges import Range
from logstream_query.store import statements
from logstream_query.store.statements import Statement

SHARE = 4_096
LEVEL = 'lower(level COLLATE "pg_c_utf8") COLLATE "C"'
MESSAGE = 'lower(message COLLATE "pg_c_utf8") COLLATE "C"'
VALUE = 'lower(%s::text COLLATE "pg_c_utf8") COLLATE "C"'
OF_BATCH = (
    "(time >= (SELECT time_from FROM batches WHERE number = %s) AND time <= (SELECT time_to FROM batches WHERE number = %s)"
    " AND sequence = ANY(%s::bigint[]))"
)


def where_of(filter_: Filter) -> tuple[str, tuple[object, ...]]:
    statement = statements.page(filter_, "desc", None, 7, SHARE)
    text = statement.query.as_string(None)
    start, _, rest = text.partition(" FROM logs")
    assert start == f"SELECT {statements.record_columns(SHARE).as_string(None)}"
    condition, order, limit = rest.partition(" ORDER BY time DESC, sequence DESC")
    assert order
    assert limit == " LIMIT %s"
    assert statement.values[-1] == 7
    return condition.removeprefix(" WHERE "), statement.values[:-1]


def test_no_filter_is_no_condition() -> None:
    assert where_of(Filter()) == ("", ())


@pytest.mark.parametrize(
    ("filter_", "condition", "values"),
    [
        (
            Filter(start_us=1_000_000, end_us=2_000_000),
            "time >= %s AND time < %s",
            (as_datetime(1_000_000), as_datetime(2_000_000)),
        ),
        (Filter(start_us=0), "time >= %s", (as_datetime(0),)),
        (Filter(min_severity=13), "severity >= %s", (13,)),
        (Filter(levels=("Warn", "x")), f"{LEVEL} IN ({VALUE}, {VALUE})", ("Warn", "x")),
        (Filter(level_contains="a_b"), f"{LEVEL} LIKE {VALUE}", ("%a\\_b%",)),
        (Filter(nodes=("a", "b%")), "node = ANY(%s::text[])", (["a", "b%"],)),
        (Filter(nodes=("a_*", "*")), "node LIKE ANY(%s::text[])", (["a\\_%", "%"],)),
        (Filter(nodes=("a", "b*c*")), "(node = ANY(%s::text[]) OR node LIKE ANY(%s::text[]))", (["a"], ["b%c%"])),
        (
            Filter(text=Terms(("100%", "\\d"), ("it's",))),
            f"{MESSAGE} LIKE {VALUE} AND {MESSAGE} LIKE {VALUE} AND {MESSAGE} NOT LIKE {VALUE}",
            ("%100\\%%", "%\\\\d%", "%it's%"),
        ),
        (
            Filter(attributes=(("k", "v"),), not_attributes=(('q"', "\n"),)),
            "attributes @> %s::jsonb AND (attributes @> %s::jsonb) IS NOT TRUE",
            ('{"k":"v"}', '{"q\\"":"\\n"}'),
        ),
        (
            Filter(sequences=(65_537, 7, 65_538)),
            f"({OF_BATCH} OR {OF_BATCH})",
            (1, 1, [65_537, 65_538], 0, 0, [7]),
        ),
        (
            Filter(regex="a+"),
            'message COLLATE "pg_c_utf8" ~ %s::text',
            ("a+",),
        ),
    ],
)
def test_conditions(filter_: Filter, condition: str, values: tuple[object, ...]) -> None:
    assert where_of(filter_) == (condition, values)


@pytest.mark.parametrize(
    ("order", "condition", "order_by"),
    [
        ("desc", "time <= %s AND (time, sequence) < (%s, %s)", "time DESC, sequence DESC"),
        ("asc", "time >= %s AND (time, sequence) > (%s, %s)", "time, sequence"),
    ],
)
def test_pages_go_on_after_a_position(order: Order, condition: str, order_by: str) -> None:
    statement = statements.page(Filter(min_severity=9), order, Position(5_000_000, 3), 10, SHARE)
    assert statement.query.as_string(None).endswith(f" WHERE {condition} AND severity >= %s ORDER BY {order_by} LIMIT %s")
    time = StoredTime(5_000_000)
    assert statement.values == (time, time, 3, 9, 10)


def test_one_range_has_constant_bounds_and_no_filter_by_time() -> None:
    filter_ = Filter(start_us=0, end_us=9_000_000, min_severity=9)
    statement = statements.within(filter_, "desc", [Range(2_000_000, 3_000_000)], None, 10, SHARE)
    assert statement.query.as_string(None).endswith(
        " FROM logs WHERE time >= %s AND time <= %s AND severity >= %s ORDER BY time DESC, sequence DESC LIMIT %s"
    )
    assert statement.values == (StoredTime(2_000_000), StoredTime(3_000_000), 9, 10)


@pytest.mark.parametrize(
    ("order", "behind"), [("desc", "(time < %s OR sequence < %s)"), ("asc", "(time > %s OR sequence > %s)")]
)
def test_many_ranges_are_read_from_where_each_begins(order: Order, behind: str) -> None:
    """A comparison of pairs would have the index read from the position on."""
    ranges = [Range(5_000_000, 6_000_000), Range(2_000_000, 3_000_000)]
    statement = statements.within(Filter(), order, ranges, Position(6_000_000, 7), 10, SHARE)
    text = statement.query.as_string(None)
    assert f"time >= %s AND time <= %s AND {behind} AND time >= range.start AND time <= range.stop ORDER BY" in text
    starts, ends = [StoredTime(range_.from_us) for range_ in ranges], [StoredTime(range_.to_us) for range_ in ranges]
    assert statement.values == (starts, ends, starts[1], ends[0], ends[0], 7, 10, 10)


def test_the_next_records_are_bounded_by_number_before_they_are_filtered() -> None:
    filter_ = Filter(start_us=1_000_000, min_severity=9)
    statement = statements.nearest(filter_, "asc", None, 10, 500, SHARE)
    assert " FROM logs WHERE time >= %s ORDER BY time, sequence LIMIT %s) AS nearest WHERE severity >= %s ORDER BY" in (
        statement.query.as_string(None)
    )
    assert statement.values == (as_datetime(1_000_000), 500, 9, 10)


@pytest.mark.parametrize(
    ("share_bytes", "attributes_bytes"), [(1, 512), (3_072, 512), (6_000, 1_000), (8 * 1024 * 1024, 1_398_101)]
)
def test_texts_come_only_with_records_no_larger_than_their_share(share_bytes: int, attributes_bytes: int) -> None:
    columns = statements.record_columns(share_bytes).as_string(None)
    assert f"octet_length(message) <= {share_bytes} OR" in columns
    assert f"pg_column_size(attributes) <= {attributes_bytes} AND" in columns
    assert columns.startswith("sequence, time, severity, level, node, CASE WHEN (")
    assert columns.endswith(
        " THEN attributes ELSE"
        " jsonb_build_object('least_bytes', (octet_length(message) + coalesce(pg_column_size(attributes), 0))::text) END"
    )


def test_a_record_is_looked_for_between_the_times_of_its_batch() -> None:
    assert statements.batch_times(4).values == (4,)
    found: Statement = statements.record_time(9, 1_000_000, 2_000_000)
    assert found.values == (StoredTime(1_000_000), StoredTime(2_000_000), 9)
    assert found.query.as_string(None) == "SELECT time FROM logs WHERE time >= %s AND time <= %s AND sequence = %s LIMIT 1"
